"""Batches of a few fixed shapes, for devices that compile for a shape: none is short, none has a length of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)


class FixedShapes:
    """Samples are padded to the shortest of `lengths` that holds them; a batch has samples of one length alone, and a
    number of rows that is fixed for it. What rows are missing in the last batch of a length are empty ones.
    """

    def __init__(self, lengths: Sequence[int]):
        """lengths: ascending; the last is that of the longest sample."""
        self.lengths = np.asarray(lengths)
        self.rows: dict[int, int] = {}  # by length, once batches were made

    def length(self, size: int) -> int:
        """What a sample, or a batch whose longest sample has this size, is padded to."""
        return int(self.lengths[np.searchsorted(self.lengths, size)])

    def batches(
        self, indices: np.ndarray, sizes: np.ndarray, max_tokens: int | None, max_sentences: int | None
    ) -> list[np.ndarray]:
        """Samples `indices` (N,), in their order, with `sizes` (N,) -> the samples of each batch.

        Raises UserError where not even one row of the longest fits max_tokens.
        """
        made = []
        which = np.searchsorted(self.lengths, sizes)
        for number, length in enumerate(self.lengths.tolist()):
            own = indices[which == number]
            rows = self.rows[length] = _rows(length, max_tokens, max_sentences)
            made += np.split(own, range(rows, len(own), rows)) if len(own) else []
            if len(self.lengths) > 1:
                real = int(sizes[which == number].sum())
                places = -(-len(own) // rows) * rows * length
                share = f"{100 * (places - real) / places:.1f} % padding" if places else "none"
                logger.info(f"{len(own):,} samples of up to {length} tokens, {rows} a batch: {share}")
        return made


def _rows(length: int, max_tokens: int | None, max_sentences: int | None) -> int:
    limits = [max_tokens // length] if max_tokens else []
    limits += [max_sentences] if max_sentences else []
    if not limits:
        raise UserError("fixed shapes need a number of rows; give --batch-size or --max-tokens")
    if min(limits) < 1:
        raise UserError(f"--max-tokens {max_tokens} holds no row of {length} tokens; give at least {length}")
    return min(limits)


def read_lengths(given: str, longest: int) -> list[int]:
    """--length-buckets, "128,256", with the longest sample's length at its end; raises UserError for what is none."""
    wrong = UserError(
        f"--length-buckets {given}: give ascending numbers from 2 to {longest}, as in {longest // 4},{longest // 2}"
    )
    try:
        lengths = [int(number) for number in given.split(",")] if given.strip() else []
    except ValueError:
        raise wrong from None
    if lengths != sorted(set(lengths)) or (lengths and not 2 <= lengths[0] <= lengths[-1] <= longest):
        raise wrong
    return lengths if lengths and lengths[-1] == longest else [*lengths, longest]


def empty_batch(batch: Mapping, pad_id: int) -> dict:
    """A batch of the collater's with the shapes of this one, and nothing in it: it changes no loss and no count."""
    inputs = {
        name: torch.zeros_like(value) if torch.is_tensor(value) else value for name, value in batch["net_input"].items()
    }
    inputs["src_tokens"] = torch.full_like(batch["net_input"]["src_tokens"], pad_id)
    empty = {
        "id": torch.full_like(batch["id"], -1),
        "nsentences": 0,
        "ntokens": 0,
        "num_masked": 0,
        "lengths": [],
        "net_input": inputs,
        "target": torch.full_like(batch["target"], pad_id),
    }
    return {**empty, "corpus_tokens": {}} if "corpus_tokens" in batch else empty
