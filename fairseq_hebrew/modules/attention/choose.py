"""Attention back ends by name, and which one serves when none is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_hebrew.modules.attention import flex, varlen
from fairseq_hebrew.modules.attention.documents import documents
from fairseq_hebrew.modules.attention.plain import plain
from fairseq_hebrew.modules.attention.sdpa import sdpa
from fairseq_hebrew.modules.attention.static import static

AUTO = "auto"


class BackendError(ValueError):
    """A back end that is not known, or cannot serve here; the message says which and why, in one line."""


def _always(device: torch.device, dtype: torch.dtype, dropout: float) -> None:
    return None


@dataclass(frozen=True)
class Backend:
    """`attend(q, k, v, layout, window, dropout)`, all (N, H, D); as `plain`.

    `unpads`: it wants documents one after another and nothing else. `missing(device, dtype, dropout)` says why it
    cannot serve.
    """

    name: str
    attend: Callable[..., Tensor]
    unpads: bool = False
    missing: Callable[[torch.device, torch.dtype, float], str | None] = _always


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("plain", plain),
        Backend("sdpa", sdpa),
        Backend("documents", documents, unpads=True),
        Backend("varlen", varlen.varlen, unpads=True, missing=varlen.missing),
        Backend("flex", flex.flex, missing=flex.missing),
        Backend("static", static),
    )
}


def choose(name: str, device: torch.device, dtype: torch.dtype, dropout: float, host_lengths: bool = True) -> Backend:
    """The back end of that name; for "auto" the fastest that serves here.

    `host_lengths`: whether the documents' lengths are known without asking the device. Raises BackendError for a
    name that is not known, or one that cannot serve here, with the reason.
    """
    if name == AUTO:
        if device.type == "cpu":
            name = "documents"
        elif device.type != "cuda":
            name = "static"
        elif varlen.missing(device, dtype, dropout) is None and host_lengths:
            name = "varlen"
        else:
            name = "sdpa"
    if name not in BACKENDS:
        raise BackendError(f"no attention back end {name!r}; there are {AUTO}, {', '.join(BACKENDS)}")
    if reason := BACKENDS[name].missing(device, dtype, dropout):
        raise BackendError(f"the attention back end {name} cannot serve here: {reason}")
    return BACKENDS[name]
