"""Batches to train on: random tokens in documents of given lengths, 15 % of each masked; the same for everybody."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BOS, PAD, EOS, SPECIAL = 0, 1, 2, 4  # fairseq's numbering; SPECIAL: ids below it are no words
MASKED = 0.15
SHORTEST = 20


@dataclass(frozen=True)
class Batch:
    """A document a row: `tokens` and `target` (B, T) int64; target is PAD where nothing is predicted."""

    tokens: Tensor
    target: Tensor
    lengths: tuple[int, ...]
    masked: int

    @property
    def padded(self) -> bool:
        return sum(self.lengths) != self.tokens.numel()

    def to(self, device: str) -> Batch:
        return Batch(self.tokens.to(device), self.target.to(device), self.lengths, self.masked)


def make_batch(lengths: Sequence[int], vocab_size: int, seed: int = 0) -> Batch:
    """The last id of the vocabulary is the mask; `<s>` and `</s>` are never masked."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.full((len(lengths), max(lengths)), PAD)
    target = torch.full_like(tokens, PAD)
    for row, length in enumerate(lengths):
        words = torch.randint(SPECIAL, vocab_size - 1, (length - 2,), generator=generator)
        tokens[row, :length] = torch.cat((torch.tensor([BOS]), words, torch.tensor([EOS])))
        count = max(1, round(MASKED * length))
        chosen = 1 + torch.randperm(length - 2, generator=generator)[:count]
        target[row, chosen] = tokens[row, chosen]
        tokens[row, chosen] = vocab_size - 1
    return Batch(tokens, target, tuple(lengths), int(target.ne(PAD).sum()))


def document_lengths(kind: str, documents: int, longest: int, seed: int = 0) -> list[int]:
    """Tokens of so many documents of 20 (or `longest`, if that is less) to `longest` tokens.

    "uniform": each length as likely as another; "short": each doubling of the length as likely as another, so that half
    of the documents have at most 101 of 512 tokens; "full": all have `longest`.
    """
    if kind == "full":
        return [longest] * documents
    draw, low = random.Random(seed), min(SHORTEST, longest)
    if kind == "uniform":
        return [draw.randint(low, longest) for _ in range(documents)]
    if kind == "short":
        return [round(low * (longest / low) ** draw.random()) for _ in range(documents)]
    raise ValueError(f"lengths are full, uniform or short, not {kind!r}")
