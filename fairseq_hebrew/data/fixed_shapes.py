"""Batches of a few fixed shapes, for devices that compile for a shape: none is short, none has a length of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)

EMPTY = -1  # the id of a row with nothing in it


class FixedShapes:
    """Samples are padded to the shortest of `lengths` that holds them; a batch has samples of one length alone, and a
    number of rows that is fixed for it. What rows are missing in the last batch of a length are empty ones.
    """

    def __init__(self, lengths: Sequence[int]):
        """lengths: ascending; the last is that of the longest sample."""
        self.lengths = np.asarray(lengths)
        self.rows: dict[int, int] = {}  # by length, once batches were made
        self.hosts = 1
        self.devices = 1

    def spread(self, hosts: int, devices: int) -> None:
        """Let the batches made from now on be dealt out to so many hosts in turn, the rows of each to its devices.

        What hosts compute together is one graph: the batches that they read at once have to be of one length.
        """
        self.hosts, self.devices = hosts, devices

    def length(self, size: int) -> int:
        """What a sample, or a batch whose longest sample has this size, is padded to."""
        return int(self.lengths[np.searchsorted(self.lengths, size)])

    def length_of(self, index: int) -> int:
        """Of a batch that is nothing but this index below 0, one of those in `batches`."""
        return int(self.lengths[-1 - index])

    def missing(self, length: int, samples: int) -> int:
        """Rows that a batch of so many samples lacks; none before batches were made."""
        return self.rows.get(length, samples) - samples

    def batches(
        self,
        indices: np.ndarray,
        sizes: np.ndarray,
        max_tokens: int | None,
        max_sentences: int | None,
        multiple: int = 1,
    ) -> list[np.ndarray]:
        """Samples `indices` (N,), in their order, with `sizes` (N,) -> the samples of each batch.

        The batches of a length follow one another. With several hosts there are as many of each length for all of
        them: those that are missing have the one index -1 for the first length, -2 for the second, and so on.
        multiple: of the rows, as far as it is max_tokens alone that limits them (fairseq does the same).
        Raises UserError where not even one row of a length fits max_tokens.
        """
        made = []
        which = np.searchsorted(self.lengths, sizes)
        if len(which) and which.max() == len(self.lengths):
            raise UserError(
                f"a sample of {int(np.max(sizes))} tokens is longer than batches of fixed shapes are, "
                f"{self.lengths.max()}; give a larger maximum length"
            )
        for number, length in enumerate(self.lengths.tolist()):
            here = which == number
            own, tokens = indices[here], int(sizes[here].sum())
            rows = self.rows[length] = self._rows(length, max_tokens, max_sentences, multiple)
            full = np.split(own, range(rows, len(own), rows)) if len(own) else []
            made += full + [np.array([EMPTY - number])] * (-len(full) % self.hosts)
            count = len(full) + -len(full) % self.hosts
            self.tell(length, len(own), tokens, count)
        return made

    def tell(self, length: int, samples: int, tokens: int, batches: int) -> None:
        """Log what the batches of a length are made of."""
        rows = self.rows[length]
        told = f", {100 * (1 - tokens / (batches * rows * length)):.1f} % padding" if batches else ""
        logger.info(f"length {length}: {samples:,} samples, batches: {batches:,} of {rows} rows{told}")

    def _rows(self, length: int, max_tokens: int | None, max_sentences: int | None, multiple: int) -> int:
        limits = [max_tokens // length] if max_tokens else []
        limits += [max_sentences] if max_sentences else []
        if not limits:
            raise UserError("fixed shapes need a number of rows; give --batch-size or --max-tokens")
        rows = min(limits)
        if not max_sentences and rows >= multiple:
            rows -= rows % multiple
        rows -= rows % self.devices
        if rows < 1:
            each = f" for each of {self.devices} devices" if self.devices > 1 else ""
            least = length * self.devices
            raise UserError(f"--max-tokens {max_tokens} holds no row of {length} tokens{each}; give at least {least}")
        return rows


def read_lengths(given: str, longest: int, leave_out: bool = False) -> list[int]:
    """--length-buckets, "128,256", with the longest sample's length at its end; raises UserError for what is none.

    leave_out: those above the longest are no mistake but left out.
    """
    wrong = UserError(
        f"--length-buckets {given}: give ascending numbers from 2 to {longest}, as in {longest // 4},{longest // 2}"
    )
    try:
        lengths = [int(number) for number in given.split(",")] if given.strip() else []
    except ValueError:
        raise wrong from None
    if leave_out:
        lengths = [length for length in lengths if length <= longest]
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
        "id": torch.full_like(batch["id"], EMPTY),
        "nsentences": 0,
        "ntokens": 0,
        "num_masked": 0,
        "lengths": [],
        "net_input": inputs,
        "target": torch.full_like(batch["target"], pad_id),
    }
    return {**empty, "corpus_tokens": {}} if "corpus_tokens" in batch else empty
