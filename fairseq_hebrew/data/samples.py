"""What a dataset reads: rows of tokens, and which documents stand in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Sample:
    """tokens int64 (T,), every `<s>` included; lengths of the documents that stand in it one after another."""

    tokens: np.ndarray
    lengths: tuple[int, ...]


class Samples(Protocol):
    """`sizes` (N,) int64 are the tokens of each sample."""

    sizes: np.ndarray

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
