"""Samples of labelled examples as a fairseq dataset: batches of like lengths."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from fairseq.data import FairseqDataset
from fairseq.data.data_utils import collate_tokens

from fairseq_hebrew.data.fixed_shapes import EMPTY, FixedShapes

from .sample import IGNORE, Sample

_NUMBERS = itertools.count()  # of the datasets of a process


class LabelledDataset(FairseqDataset):
    """Samples in batches `{id, nsentences, ntokens, net_input: {src_tokens, src_lengths}, target}`.

    src_tokens (B, T) int64, right-padded; target (B, T) with IGNORE where no word begins, or (B,). With shapes, batches
    have their lengths and rows; what rows are missing are padding, with id -1 and no label: IGNORE, NaN of numbers.

    Of tagged words also `windows` (B, 3) int64: a number that the samples of one example alone share, the first word of
    the sample that has its label there, and the words of the example. Where samples say which pieces are one word,
    net_input has `word_starts` (B, T) int64: for each piece of a word the position of its first, else its own.
    """

    def __init__(self, samples: Sequence[Sample], pad: int, seed: int, shapes: FixedShapes | None = None) -> None:
        super().__init__()
        self.shapes = shapes
        self.samples, self._pad, self._seed, self._epoch = samples, pad, seed, 1
        self._first_example = next(_NUMBERS) << 32
        self.sizes = np.array([len(sample.tokens) for sample in samples], dtype=np.int64)

    def __getitem__(self, index: int) -> dict:
        """A sample; below 0: a batch of empty rows."""
        if index < 0:
            return {**self._nothing(), "id": int(index)}
        sample = self.samples[index]
        item = {"id": index, "tokens": sample.tokens, "target": sample.target}
        if sample.example_words:
            item["window"] = (self._first_example + sample.example, sample.first_word, sample.example_words)
        return item if sample.word_starts is None else {**item, "word_starts": sample.word_starts}

    def _nothing(self) -> dict:
        """An empty row."""
        item = self[0]
        target = item["target"]
        nothing = {"id": EMPTY, "tokens": item["tokens"][:0]}
        nothing["target"] = torch.full_like(target, math.nan if target.is_floating_point() else IGNORE)
        if target.dim():
            nothing["target"] = nothing["target"][:0]
        if "window" in item:
            nothing["window"] = (EMPTY, 0, 0)
        return nothing if "word_starts" not in item else {**nothing, "word_starts": item["word_starts"][:0]}

    def __len__(self) -> int:
        return len(self.samples)

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        if self.shapes is None:
            return self._batch(items, None)
        there = [item for item in items if item["id"] >= 0]
        if there:
            length = self.shapes.length(max(len(item["tokens"]) for item in there))
        else:
            length = self.shapes.length_of(items[0]["id"])
        return self._batch([*there, *[self._nothing()] * self.shapes.missing(length, len(there))], length)

    def empty_batch(self, batch: dict) -> dict:
        """A batch with the shapes of this one and nothing in it: it changes no loss and no count."""
        rows, length = batch["net_input"]["src_tokens"].shape
        return self._batch([self._nothing()] * rows, length)

    def _batch(self, rows: list[dict], length: int | None) -> dict:
        """Rows, padded to a length or to the longest."""
        tokens = collate_tokens([item["tokens"] for item in rows], self._pad, pad_to_length=length)
        targets = [item["target"] for item in rows]
        target = collate_tokens(targets, IGNORE, pad_to_length=length) if targets[0].dim() else torch.stack(targets)
        lengths = torch.tensor([len(item["tokens"]) for item in rows])
        batch = {
            "id": torch.tensor([item["id"] for item in rows]),
            "nsentences": sum(item["id"] >= 0 for item in rows),
            "ntokens": int(lengths.sum()),
            "net_input": {"src_tokens": tokens, "src_lengths": lengths},
            "target": target,
        }
        if "window" in rows[0]:
            batch["windows"] = torch.tensor([item["window"] for item in rows])
        if "word_starts" in rows[0]:
            starts = torch.arange(tokens.size(1)).repeat(len(rows), 1)
            for row, item in zip(starts, rows):
                row[: len(item["word_starts"])] = item["word_starts"]
            batch["net_input"]["word_starts"] = starts
        return batch

    def batch_by_size(self, indices, max_tokens=None, max_sentences=None, required_batch_size_multiple=1):
        """FairseqDataset's; with shapes all batches of a length have as many rows."""
        if self.shapes is None:
            return super().batch_by_size(indices, max_tokens, max_sentences, required_batch_size_multiple)
        sizes = self.sizes[indices]
        return self.shapes.batches(indices, sizes, max_tokens, max_sentences, required_batch_size_multiple)

    def num_tokens(self, index: int) -> int:
        return int(self.sizes[index])

    def size(self, index: int) -> int:
        return int(self.sizes[index])

    def ordered_indices(self) -> np.ndarray:
        """By length, equal lengths in an order of the epoch's own: batches of like lengths, others every epoch."""
        noise = np.random.default_rng([self._seed, self._epoch]).random(len(self))
        return np.lexsort((noise, self.sizes // 8))

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        return False

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
