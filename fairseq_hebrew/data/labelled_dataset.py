"""Labelled examples as fairseq datasets: pieces with a label a word, or with a label a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from fairseq.data import FairseqDataset
from fairseq.data.data_utils import collate_tokens

from fairseq_hebrew.text.dictionary import UNK
from fairseq_hebrew.text.normalize import Normalization, normalize_line
from fairseq_hebrew.text.vocabulary import Vocabulary

from .description import TaskDescription
from .fixed_shapes import EMPTY, FixedShapes
from .labelled import LabelledText, TaggedSentence

# Target of a position that has no label of its own; torch's cross-entropy ignores it by default.
IGNORE = -100


@dataclass(frozen=True)
class Sample:
    """Ids (T,) with `<s>` and `</s>`, int64; targets (T,) or (), int64; which words of which example these are."""

    tokens: torch.Tensor
    target: torch.Tensor
    example: int
    first_word: int = 0
    # For each word of the sample the position of its first piece, where its label stands.
    positions: tuple[int, ...] = ()


class SampleMaker:
    """Turns examples into samples with one vocabulary and one description."""

    def __init__(self, vocabulary: Vocabulary, description: TaskDescription, max_tokens: int) -> None:
        self._vocabulary, self._max = vocabulary, max_tokens
        self._rules = Normalization() if description.normalize else None
        self._classes = {name: index for index, name in enumerate(description.classes)}
        self._pieces = lru_cache(maxsize=200_000)(self._encode)
        self.cut = 0  # examples that were longer than max_tokens

    def _encode(self, text: str) -> tuple[int, ...]:
        if self._rules is not None:
            leading = " " if text.startswith(" ") else ""
            text = leading + normalize_line(text, self._rules)
        ids = self._vocabulary.encode_batch([text])[0]
        # A word of nothing but stripped signs still needs a place for its label.
        return tuple(int(i) for i in ids) or (UNK,)

    def samples(self, index: int, example: TaggedSentence | LabelledText) -> list[Sample]:
        """One sample, or several where a tagged sentence is longer than max_tokens: no word is ever dropped."""
        if isinstance(example, LabelledText):
            return [self._text(index, example)]
        return self._sentence(index, example)

    def _text(self, index: int, example: LabelledText) -> Sample:
        pieces = self._encode(example.text)
        room = self._max - 2
        self.cut += len(pieces) > room
        tokens = [self._vocabulary.bos, *pieces[:room], self._vocabulary.eos]
        return Sample(torch.tensor(tokens), torch.tensor(self._classes[example.label]), index)

    def _sentence(self, index: int, example: TaggedSentence) -> list[Sample]:
        room = self._max - 2
        made: list[Sample] = []
        pieces: list[int] = []
        positions: list[int] = []
        first = 0

        def close() -> None:
            tokens = torch.tensor([self._vocabulary.bos, *pieces, self._vocabulary.eos])
            target = torch.full((len(tokens),), IGNORE)
            for word, position in enumerate(positions, start=first):
                target[position] = self._classes[example.tags[word]]
            made.append(Sample(tokens, target, index, first, tuple(positions)))

        for number, word in enumerate(example.words):
            # A byte-level word is encoded with the blank before it, as it stands in text; the pre-tokenizer splits
            # there, so word by word gives the pieces of the whole sentence. A word longer than a sample keeps its
            # first pieces: its label stands at the first.
            word_pieces = self._pieces(f"{self._vocabulary.before_word}{word}" if number > 0 else word)[:room]
            if pieces and len(pieces) + len(word_pieces) > room:
                close()
                pieces, positions, first = [], [], number
            positions.append(len(pieces) + 1)
            pieces.extend(word_pieces)
        close()
        self.cut += len(made) > 1
        return made


class LabelledDataset(FairseqDataset):
    """Samples in batches `{id, nsentences, ntokens, net_input: {src_tokens, src_lengths}, target}`.

    src_tokens (B, T) int64, right-padded; target (B, T) with IGNORE where no word begins, or (B,). With shapes, batches
    have their lengths and rows; what rows are missing are padding, with id -1 and no label.
    """

    def __init__(self, samples: Sequence[Sample], pad: int, seed: int, shapes: FixedShapes | None = None) -> None:
        super().__init__()
        self.shapes = shapes
        self.samples, self._pad, self._seed, self._epoch = samples, pad, seed, 1
        self.sizes = np.array([len(sample.tokens) for sample in samples], dtype=np.int64)

    def __getitem__(self, index: int) -> dict:
        sample = self.samples[index]
        return {"id": index, "tokens": sample.tokens, "target": sample.target}

    def __len__(self) -> int:
        return len(self.samples)

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        rows, count, length = items, len(items), None
        if self.shapes is not None:
            length = self.shapes.length(max(len(item["tokens"]) for item in items))
            nothing = {
                "id": EMPTY,
                "tokens": items[0]["tokens"][:0],
                "target": torch.full_like(items[0]["target"], IGNORE),
            }
            rows = [*items, *[nothing] * self.shapes.missing(length, count)]
        tokens = collate_tokens([item["tokens"] for item in rows], self._pad, pad_to_length=length)
        targets = [item["target"] for item in rows]
        target = collate_tokens(targets, IGNORE, pad_to_length=length) if targets[0].dim() else torch.stack(targets)
        lengths = torch.tensor([len(item["tokens"]) for item in rows])
        return {
            "id": torch.tensor([item["id"] for item in rows]),
            "nsentences": count,
            "ntokens": int(lengths.sum()),
            "net_input": {"src_tokens": tokens, "src_lengths": lengths},
            "target": target,
        }

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
