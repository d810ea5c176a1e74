"""Dynamic masking for masked-LM training (arXiv 1810.04805, section 3.1; drawn anew each epoch, arXiv 1907.11692).

What is masked: single tokens, whole words (BERT's whole word masking), or spans of whole words (SpanBERT, arXiv
1907.10529, section 3.1).

How many: of n maskable tokens of a row floor(probability x n + u) are predicted, u uniform in [0, 1): exactly
probability x n on average, never more than ceil(probability x n). This holds for a whole row also where documents are
packed into it: rounding for each document would let a row of many short ones have more, and the number of predicted
places of a row has a bound that devices with fixed shapes need. Or a fixed number a row, but never more than half of
its tokens (rounded up): where all is masked, nothing is left to predict from.

Words and spans keep to that number too: words are drawn at random, those with more pieces than are left are passed
over. Only a word longer than the whole number is taken nevertheless, alone in its row, as often as one of its tokens
would be; the other words then share what is left of the average. Words of more pieces than any row may have predicted
(base64 and the like) are cut. What remains when no word fits any more stays unmasked. The price of the bound is that
long words are chosen a little less often: in Hebrew rows of 512 tokens (a BPE of 32,000 entries) words of 1, 3 and 6
pieces 1.01, 0.98 and 0.91 times as often as the share, in rows of 128 tokens 1.03, 0.92 and 0.77 times; the share of
the tokens is right in both. Spans go on to the right of the word they start at, as in the paper, so the first words of
a document are in fewer of them.

What becomes of the chosen tokens is drawn for each piece (as BERT does, whole words too) or for each span as a whole
(SpanBERT): kept, replaced by a random token (each piece by its own), or masked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fairseq_hebrew.text.pieces import Pieces

from .draws import threshold
from .span_lengths import span_lengths

UNITS = ("token", "word", "span")


@dataclass(frozen=True, eq=False)
class Masking:
    """How tokens are masked.

    specials: ids never masked (`<s>`, `</s>`, `<pad>`); pad_id: the target of a position that is not predicted;
    replacements: ids, int64 (R,), a random replacement is drawn from, evenly; probability: share of the maskable
    tokens to predict, of which `keep` stay as they are, `random` become a random token and the rest `mask_id`, the
    last id of the dictionary. masked_a_row: that many of each row instead of a share. unit: one of UNITS; words and
    spans need the `pieces` of the dictionary. mean_span_length, max_span_length: in words.
    Raises ValueError for shares outside [0, 1], a `keep` and `random` that sum to more than one, and what cannot be.
    """

    specials: tuple[int, ...]
    pad_id: int
    mask_id: int
    replacements: np.ndarray = field(repr=False)
    probability: float = 0.15
    keep: float = 0.1
    random: float = 0.1
    masked_a_row: int | None = None
    unit: str = "token"
    mean_span_length: float = 3.8
    max_span_length: int = 10
    pieces: Pieces | None = field(default=None, repr=False)

    def __post_init__(self):
        for name in ("probability", "keep", "random"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is not a share between 0 and 1")
        if self.keep + self.random > 1:
            raise ValueError(f"keep={self.keep} and random={self.random} sum to more than 1")
        if self.random > 0 and not len(self.replacements):
            raise ValueError("random replacement needs at least one token to draw from")
        if self.masked_a_row is not None and self.masked_a_row < 1:
            raise ValueError(f"masked_a_row={self.masked_a_row} is not a number from 1")
        if self.unit not in UNITS:
            raise ValueError(f"unit={self.unit} is none of {', '.join(UNITS)}")
        if self.pad_id not in self.specials:
            raise ValueError(f"pad_id={self.pad_id} is not among the specials")
        span_lengths(self.mean_span_length, self.max_span_length)
        if self.unit != "token":
            if self.pieces is None:
                raise ValueError(f"unit={self.unit} needs the pieces of the dictionary")
            if len(self.pieces) != self.mask_id + 1:
                raise ValueError(f"{len(self.pieces)} pieces, the dictionary has {self.mask_id + 1} entries")

    def most(self, max_tokens: int) -> int:
        """No row of up to `max_tokens` tokens has more predicted places than this."""
        if self.masked_a_row is None:
            return math.ceil(self.probability * max_tokens)
        return min(self.masked_a_row, (max_tokens + 1) // 2)

    @cached_property
    def special(self) -> np.ndarray:
        """bool (V,): whether an id is one of the specials."""
        special = np.zeros(self.mask_id + 1, dtype=bool)
        special[list(self.specials)] = True
        return special

    @cached_property
    def fates(self) -> tuple[int, int]:
        """53 random bits below the first: a random token replaces; else below the second: kept; else masked."""
        return threshold(self.random), threshold(self.random) + threshold(self.keep)

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64 (max_span_length,): 53 random bits below the i-th make a span of at most i + 1 words."""
        steps = np.cumsum(span_lengths(self.mean_span_length, self.max_span_length))
        return np.array([*map(threshold, steps[:-1]), 1 << 53], dtype=np.int64)


def mask_rows(
    tokens: np.ndarray,
    lengths: np.ndarray,
    keys: np.ndarray,
    masking: Masking,
    most: int,
    documents: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows one after another, tokens int64 (N,) -> inputs (N,) and targets (N,), both new int64 arrays.

    lengths int64 (B,): of the rows; keys uint64 (B,): theirs (`sample_keys`), a row's mask depends on its key and
    tokens alone. most: `masking.most` of a length no row exceeds. documents int64 (D,): the lengths of the
    documents in all rows, where a row may have several; no word or span goes from one to the next.
    Targets are the original token at the predicted positions and pad_id elsewhere. The same as `plain_masking` row by
    row. Raises ValueError for lengths that are not those of the tokens and for ids that the dictionary lacks.
    """
    from .masking_kernels import mask_flat

    tokens = np.ascontiguousarray(tokens, dtype=np.int64)
    ends = np.cumsum(lengths, dtype=np.int64)
    within = ends if documents is None else np.cumsum(documents, dtype=np.int64)
    if len(keys) != len(lengths) or any((e[-1] if len(e) else 0) != len(tokens) for e in (ends, within)):
        raise ValueError(f"lengths and keys of other rows than these {len(tokens)} tokens")
    if len(tokens) and not (tokens.min() >= 0 and tokens.max() <= masking.mask_id):
        raise ValueError(f"ids from {tokens.min()} to {tokens.max()}, the dictionary has {masking.mask_id + 1} entries")
    joined = (
        masking.pieces.joined(tokens, lengths if documents is None else documents)
        if masking.unit != "token"
        else _NO_WORDS
    )
    inputs, targets = tokens.copy(), np.full(len(tokens), masking.pad_id, dtype=np.int64)
    mask_flat(
        tokens,
        ends,
        within,
        np.ascontiguousarray(keys, dtype=np.uint64),
        joined,
        masking.special,
        masking.replacements,
        masking.lengths,
        (*masking.fates, masking.mask_id, masking.pad_id, most, masking.masked_a_row or 0, UNITS.index(masking.unit)),
        masking.probability,
        inputs,
        targets,
    )
    return inputs, targets


_NO_WORDS = np.zeros(0, dtype=bool)
