"""What a dataset of pretraining is made of: samples of token ids, cut from a corpus in one way or another."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np


class Sample(NamedTuple):
    """A row of a batch before it is masked.

    tokens: (T,) int64, every `<s>` included; lengths: of the documents that stand in it one after another, one for an
    ordinary sample. They sum to T.
    """

    tokens: np.ndarray
    lengths: tuple[int, ...]


class Samples(Protocol):
    """A corpus as samples. One that changes with the epoch has `set_epoch(epoch)` too, called before its first sample.

    What a sample is depends on its index (and the epoch) alone, so that any process may read it.
    """

    sizes: np.ndarray  # (N,) int64: tokens of each sample, every `<s>` included

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
