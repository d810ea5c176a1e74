"""Which tokens of a batch belong to one document, and where in it each stands.

All layers see a batch as a flat list of N tokens, (N, C); only attention needs to know how they belong together. Two
kinds of batches:
- rows: N = rows x length, padding included, `segment_ids` says who belongs to whom (None: each row is a document);
- unpadded: the N tokens are documents one after another and nothing else; `lengths` or `cu_seqlens` cut them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

PADDING = 0  # the segment id of padding; documents of a row count from 1


@dataclass(frozen=True, eq=False)
class Layout:
    """Made by the functions below. `positions` (N,) int64 count from 0 in each document, -1 at padding.

    `lengths` of the documents, in order, where the host knows them: asking a GPU would make it wait.
    """

    rows: int
    length: int
    positions: Tensor
    segment_ids: Tensor | None = None  # (rows, length) int, PADDING where nothing stands
    lengths: tuple[int, ...] | None = None
    given_cu_seqlens: Tensor | None = None  # (D + 1,) int32
    kept: dict = field(default_factory=dict)  # what a back end has found out about this batch, for its other layers

    @cached_property
    def cu_seqlens(self) -> Tensor:
        """Where documents begin and end, (D + 1,) int32, on the device; for unpadded batches alone."""
        if self.given_cu_seqlens is not None:
            return self.given_cu_seqlens.to(torch.int32)
        device, lengths = self.positions.device, self.known_lengths
        if self.lengths == (self.length,) * self.rows:
            return torch.arange(self.rows + 1, dtype=torch.int32, device=device) * self.length
        return torch.tensor((0, *lengths), dtype=torch.int32).cumsum(0, dtype=torch.int32).to(device, non_blocking=True)

    @cached_property
    def known_lengths(self) -> tuple[int, ...]:
        """The lengths of the documents; a GPU is asked for them where nobody told."""
        if self.lengths is not None:
            return self.lengths
        if self.given_cu_seqlens is None:
            raise ValueError("the documents of this batch stand in padded rows; unpad them first")
        return tuple(self.given_cu_seqlens.diff().tolist())

    @cached_property
    def segments(self) -> Tensor | None:
        """`segment_ids`, made from the lengths for an unpadded batch; None where each row is one document."""
        if self.segment_ids is not None or (self.given_cu_seqlens is None and self.lengths is None):
            return self.segment_ids
        if self.lengths == (self.length,) * self.rows:
            return None
        first = self.positions.eq(0).to(torch.int32)
        return first.cumsum(0).view(self.rows, self.length)

    @cached_property
    def block_mask(self) -> Tensor | None:
        """(rows, 1, length, length) bool, True where a query may read a key: of the same document, or both padding.

        Padding reads padding: a softmax over no key at all would be NaN, and one NaN reaches every weight.
        """
        ids = self.segments
        return None if ids is None else ids[:, None, :, None].eq(ids[:, None, None, :])

    def mask(self, window: int) -> Tensor | None:
        """`block_mask`, within `window` tokens on each side where that is not 0; None: everything may be read."""
        if not window:
            return self.block_mask
        near = band(self.length, window, self.positions.device)
        return near if self.block_mask is None else self.block_mask & near


def band(length: int, window: int, device: torch.device) -> Tensor:
    """(length, length) bool: True where two places are at most `window` apart."""
    place = torch.arange(length, device=device)
    return (place[:, None] - place[None, :]).abs().le(window)


def whole_rows(rows: int, length: int, device: torch.device) -> Layout:
    """Each row is one document, nothing is padded."""
    positions = torch.arange(length, device=device).repeat(rows)
    return Layout(rows, length, positions, lengths=(length,) * rows)


def padded_rows(real: Tensor) -> Layout:
    """Rows of one document each, (rows, length) bool: True where a token is real, on whichever side padding stands."""
    positions = torch.where(real, real.long().cumsum(1) - 1, -1)  # XLA sums up bools as bools
    return Layout(*real.shape, positions.flatten(), segment_ids=real.to(torch.int32))


def from_segments(segment_ids: Tensor) -> Layout:
    """Padded or packed rows, (rows, length) int: tokens of one document stand together and share an id above 0.

    Nothing is looked at: shapes are the same whatever stands in the rows.
    """
    count = counted_positions if segment_ids.device.type == "xla" else positions_from_starts
    positions = torch.where(segment_ids.eq(PADDING), -1, count(segment_ids))
    return Layout(*segment_ids.shape, positions.flatten(), segment_ids=segment_ids)


def positions_from_starts(segment_ids: Tensor) -> Tensor:
    """(rows, length) int -> int64, how far each token is from where its segment begins."""
    rows, length = segment_ids.shape
    place = torch.arange(length, device=segment_ids.device).expand(rows, length)
    begins = torch.ones_like(segment_ids, dtype=torch.bool)
    begins[:, 1:] = segment_ids[:, 1:].ne(segment_ids[:, :-1])
    return place - torch.where(begins, place, 0).cummax(1).values


def counted_positions(segment_ids: Tensor) -> Tensor:
    """The same, counting the tokens of the segment that stand before each: what XLA makes one loop of, and keeps no
    (rows, length, length) for. (XLA's compiler for the CPU crashes on a gradient that is added up by places found with
    cummax.)
    """
    place = torch.arange(segment_ids.size(1), device=segment_ids.device)
    before = place[None, :] < place[:, None]  # (length, length)
    return (segment_ids[:, :, None].eq(segment_ids[:, None, :]) & before).long().sum(2)


def unpadded(cu_seqlens: Tensor, tokens: int, lengths: Sequence[int] | None = None) -> Layout:
    """N = `tokens` tokens that are documents one after another; cu_seqlens (D + 1,) int on their device.

    `lengths`: the same numbers for the host, where they are known there.
    """
    place = torch.arange(tokens, device=cu_seqlens.device)
    ends = cu_seqlens.long()
    positions = place - ends[torch.searchsorted(ends[1:].contiguous(), place, right=True)]
    told = tuple(lengths) if lengths is not None else None
    return Layout(1, tokens, positions, lengths=told, given_cu_seqlens=cu_seqlens)
