"""A batch as the encoder is given it, (B, T), and as its layers see it: a flat list of tokens with a Layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_hebrew.modules.attention import Backend
from fairseq_hebrew.modules.layout import PADDING, Layout, from_segments, padded_rows, unpadded, whole_rows


@dataclass(frozen=True, eq=False)
class Batch:
    """`tokens` (N,) of the layout; `places` (N,) int64 are theirs in the flattened rows, None for all of them."""

    tokens: Tensor
    layout: Layout
    backend: Backend
    shape: torch.Size  # (B, T) of the rows
    places: Tensor | None = None

    def to_rows(self, features: Tensor) -> Tensor:
        """(N, ...) -> (B, T, ...), zero where padding was left out."""
        if self.places is not None:
            rows = features.new_zeros(self.shape.numel(), *features.shape[1:])
            features = rows.index_copy(0, self.places, features)
        return features.view(*self.shape, *features.shape[1:])

    def from_rows(self, values: Tensor) -> Tensor:
        """(B, T) -> (N,): the values at this batch's tokens."""
        values = values.flatten()
        return values if self.places is None else values[self.places]

    def at(self, positions: Tensor) -> Tensor:
        """positions (B, K) int64 within each row -> (B x K,) int64, which of the flat tokens these are.

        A position where padding was left out gives some other token: whoever fills up to K ignores it.
        """
        B, T = self.shape
        index = (positions + torch.arange(B, device=positions.device)[:, None] * T).flatten()
        if self.places is not None:
            where = torch.zeros(B * T, dtype=torch.int64, device=positions.device)
            where[self.places] = torch.arange(len(self.places), device=positions.device)
            index = where[index]
        return index


def read_batch(
    tokens: Tensor,
    padding_idx: int,
    max_positions: int,
    backend: Backend,
    segment_ids: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    lengths: Sequence[int] | None = None,
    padded: bool | None = None,
) -> Batch:
    """tokens (B, T) int64 in one of three forms:

    - rows of one document each, padded on either side with padding_idx. `padded` says whether any token is padding, for
      callers that know it: looking would make a GPU wait. None: on the CPU it is looked up, elsewhere it is assumed;
    - packed rows: `segment_ids` (B, T) int, the documents of a row from 1, 0 at padding;
    - no padding at all: `cu_seqlens` (D + 1,) int, where documents begin and end in the flattened rows.

    `lengths`: of the documents in order, as numbers of the host, where the caller knows them; with padded or packed
    rows a GPU need not be asked then. Padding is left out for a `backend` that wants it so.
    Raises ValueError for a document longer than max_positions that can be seen without asking a GPU, and for forms that
    do not fit each other.
    """
    B, T = tokens.shape
    if segment_ids is not None and cu_seqlens is not None:
        raise ValueError("a batch has segment_ids or cu_seqlens, not both")
    if segment_ids is not None and segment_ids.shape != tokens.shape:
        raise ValueError(f"segment_ids are {tuple(segment_ids.shape)}, the batch is {(B, T)}")
    if cu_seqlens is not None:
        lengths = _check_cut(cu_seqlens, lengths, B * T)
        _check_longest(max(lengths, default=0) if lengths is not None else 0, max_positions)
        return Batch(tokens.flatten(), unpadded(cu_seqlens, B * T, lengths), backend, tokens.shape)
    if segment_ids is None:
        _check_longest(T, max_positions)
        real = tokens.ne(padding_idx)  # (B, T)
        if padded is None:
            padded = tokens.device.type != "cpu" or not bool(real.all())
        if not padded:
            return Batch(tokens.flatten(), whole_rows(B, T, tokens.device), backend, tokens.shape)
        if not backend.unpads:
            return Batch(tokens.flatten(), padded_rows(real), backend, tokens.shape)
        segment_ids = real.long()
    elif not backend.unpads:
        return Batch(tokens.flatten(), from_segments(segment_ids), backend, tokens.shape)
    return _left_out(tokens, segment_ids, max_positions, backend, lengths)


def _left_out(
    tokens: Tensor, segment_ids: Tensor, max_positions: int, backend: Backend, lengths: Sequence[int] | None
) -> Batch:
    """The batch without its padding."""
    T = tokens.size(1)
    ids = segment_ids.flatten()
    if lengths is not None:
        if ids.device.type == "cpu" and sum(lengths) != (real := int(ids.count_nonzero())):
            raise ValueError(f"lengths tell of {sum(lengths)} tokens, the batch has {real} beside its padding")
        places = ids.ne(PADDING).nonzero_static(size=sum(lengths)).squeeze(1)
        ends = torch.tensor([0, *lengths]).cumsum(0).to(tokens.device, non_blocking=True)
    else:
        places = ids.ne(PADDING).nonzero().squeeze(1)
        named = torch.stack((places // T, ids[places]))  # a document ends where its segment or its row does
        lengths = torch.unique_consecutive(named, return_counts=True, dim=1)[1].tolist()
        ends = torch.tensor([0, *lengths], device=tokens.device).cumsum(0)
    _check_longest(max(lengths, default=0), max_positions)
    return Batch(tokens.flatten()[places], unpadded(ends, len(places), lengths), backend, tokens.shape, places)


def _check_cut(cu_seqlens: Tensor, lengths: Sequence[int] | None, tokens: int) -> Sequence[int] | None:
    """The lengths of the documents, as far as the host knows them or can read them without waiting."""
    if cu_seqlens.device.type == "cpu":
        start, told = cu_seqlens[:1].tolist(), cu_seqlens.diff().tolist()
        if start != [0] or min(told, default=0) < 0:
            raise ValueError("cu_seqlens begin with 0 and never go down: where each document begins, then the end")
        if lengths is not None and list(lengths) != told:
            raise ValueError("cu_seqlens and lengths tell of different documents")
        lengths = told
    if lengths is not None and sum(lengths) != tokens:
        raise ValueError(f"cu_seqlens tell of {sum(lengths)} tokens, the batch has {tokens}")
    return lengths


def _check_longest(longest: int, max_positions: int) -> None:
    if longest > max_positions:
        raise ValueError(f"a sample of {longest} tokens, the model has {max_positions} positions")
