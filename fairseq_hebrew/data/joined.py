"""Several Samples as one, such as the shards of a corpus."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.data.samples import Sample, Samples


class Joined:
    """The samples of each part, one part after the other; none is of two parts."""

    def __init__(self, parts: Sequence[Samples]):
        self._parts = tuple(parts)
        self.sizes = np.concatenate([np.asarray(part.sizes, np.int64) for part in self._parts])
        self._firsts = np.cumsum([0, *(len(part.sizes) for part in self._parts)]).tolist()

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        part = bisect.bisect_right(self._firsts, index) - 1
        return self._parts[part][index - self._firsts[part]]
