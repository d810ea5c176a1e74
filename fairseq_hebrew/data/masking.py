"""Dynamic masking for masked-LM training (arXiv 1810.04805, section 3.1; drawn anew each epoch, arXiv 1907.11692).

numpy alone. Whole-sample facts are decided here; which random generator, by the caller (`sample_rng`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Masking:
    """How tokens are masked.

    specials: ids never masked (`<s>`, `</s>`, `<pad>`); pad_id: the target of a position that is not predicted;
    replacements: ids, int64 (R,), a random replacement is drawn from, evenly; probability: share of the maskable
    tokens to predict, of which `keep` stay as they are, `random` become a random token and the rest `mask_id`.
    Raises ValueError for shares outside [0, 1] or a `keep` and `random` that sum to more than one.
    """

    specials: tuple[int, ...]
    pad_id: int
    mask_id: int
    replacements: np.ndarray
    probability: float = 0.15
    keep: float = 0.1
    random: float = 0.1

    def __post_init__(self):
        for name in ("probability", "keep", "random"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is not a share between 0 and 1")
        if self.keep + self.random > 1:
            raise ValueError(f"keep={self.keep} and random={self.random} sum to more than 1")
        if self.random > 0 and not len(self.replacements):
            raise ValueError("random replacement needs at least one token to draw from")


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one sample in one epoch: the same whatever process or order reads the sample."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch, index))))


def mask_tokens(tokens: np.ndarray, masking: Masking, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (T,) int64 -> inputs (T,) and targets (T,), both new int64 arrays.

    Targets are the original token at the predicted positions and pad_id elsewhere. Of n maskable tokens
    floor(probability * n + u) are predicted, u uniform in [0, 1): exactly probability * n on average, never more
    than ceil(probability * n). Each one is kept, replaced or masked on its own.
    """
    maskable = np.flatnonzero(~np.isin(tokens, masking.specials))
    expected = masking.probability * len(maskable)
    count = min(int(expected + rng.random()), math.ceil(expected))  # a u close to 1 can round the sum up
    chosen = rng.choice(maskable, count, replace=False) if count else maskable[:0]
    inputs = tokens.astype(np.int64, copy=True)
    targets = np.full(len(tokens), masking.pad_id, dtype=np.int64)
    targets[chosen] = inputs[chosen]
    fate = rng.random(count)
    replaced = fate < masking.random
    masked = fate >= masking.random + masking.keep
    inputs[chosen[masked]] = masking.mask_id
    if replaced.any():  # not reached when masking.random is 0 and there may be nothing to draw from
        inputs[chosen[replaced]] = rng.choice(masking.replacements, int(replaced.sum()))
    return inputs, targets
