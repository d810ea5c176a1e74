"""How long the samples of a task have to be: what nearly all examples of its training split need, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Tokens of the longest sample: a few numbers, so that tasks and devices have shapes in common.
LENGTHS = (64, 128, 192, 256, 384, 512)


@dataclass(frozen=True)
class ChosenLength:
    """`longest`: tokens of the longest sample; `needed`: what `percentile` percent of the examples have at most."""

    percentile: float
    needed: int
    longest: int
    examples: int
    longer: int  # examples of more tokens than `longest`

    def told(self, becomes: str, examples: str) -> str:
        """In one line; becomes: what is done with the longer ones; examples: what was looked at, in the plural."""
        return (
            f"length: {self.longest} tokens: {self.percentile:g} % of the {self.examples:,} {examples} have at "
            f"most {self.needed:,}; {self.longer:,} ({100 * self.longer / self.examples:.2f} %) are longer than "
            f"{self.longest} and are {becomes}"
        )


def choose_length(sizes: Sequence[int], percentile: float, most: int, least: int = 0) -> ChosenLength:
    """The shortest of LENGTHS that is `least` or more and holds `percentile` percent of the examples, by their whole
    sizes in tokens; `most` where that is less, or where none does."""
    needed = int(np.percentile(sizes, percentile, method="inverted_cdf"))
    longest = min(next((length for length in LENGTHS if length >= max(needed, least)), most), most)
    return ChosenLength(percentile, needed, longest, len(sizes), int((np.asarray(sizes) > longest).sum()))


def lengths_up_to(longest: int) -> list[int]:
    """Those of LENGTHS that are less, and `longest`: the lengths of batches of fixed shapes."""
    return [*(length for length in LENGTHS if length < longest), longest]
