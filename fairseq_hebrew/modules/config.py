"""What an encoder is made of: a published model is one value of this dataclass, not a class of its own."""

from __future__ import annotations

from dataclasses import dataclass

# The named choices, and what is built so far. A second family adds its names here and its layers beside the first.
CHOICES = {
    "norm": ("layer_norm",),
    "norm_placement": ("post",),
    "positions": ("learned",),
    "feed_forward": ("gelu",),
}


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and choices of an encoder; the defaults are RoBERTa base's (arXiv 1907.11692, section 3).

    Raises ValueError for a choice that is not built, a width the heads do not divide, or a size below one.
    """

    vocab_size: int
    padding_idx: int
    layers: int = 12
    width: int = 768
    heads: int = 12
    feed_forward_width: int = 3072
    max_positions: int = 512  # tokens in the longest sample; the position table has padding_idx + 1 rows more
    dropout: float = 0.1  # after the embeddings and on each sub-layer's output
    attention_dropout: float = 0.1  # on the attention weights
    activation_dropout: float = 0.0  # between the two feed-forward matrices
    norm: str = "layer_norm"
    norm_eps: float = 1e-5
    norm_placement: str = "post"  # after the residual sum, as in RoBERTa
    positions: str = "learned"
    feed_forward: str = "gelu"
    bias: bool = True
    init_std: float = 0.02

    def __post_init__(self):
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is not one of {', '.join(known)}")
        for name in ("vocab_size", "layers", "width", "heads", "feed_forward_width", "max_positions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} is below 1")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be divided into {self.heads} heads of equal size")
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} is not in [0, 1)")

    @property
    def head_width(self) -> int:
        return self.width // self.heads
