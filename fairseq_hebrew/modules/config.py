"""What an encoder is made of: a published model is one value of this dataclass, not a class of its own."""

from __future__ import annotations

from dataclasses import dataclass

# The named choices. A new one adds its name here and its layer beside the others.
CHOICES = {
    "norm": ("layer_norm", "rms_norm"),
    "norm_placement": ("post", "pre"),
    "positions": ("learned", "rope", "none"),
    "feed_forward": ("gelu", "swiglu", "geglu"),
    "lm_head": ("dense", "linear"),
    "init": ("normal", "uniform", "scaled"),
}
GATED = ("swiglu", "geglu")


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
    feed_forward_width: int = 3072  # what the activation sees; a gated one has two matrices up to it
    max_positions: int = 512  # tokens of the longest document; a learned table has padding_idx + 1 rows more
    dropout: float = 0.1  # after the embeddings and on each sub-layer's output
    attention_dropout: float = 0.1  # on the attention weights
    activation_dropout: float = 0.0  # between the two feed-forward matrices
    norm: str = "layer_norm"
    norm_eps: float = 1e-5
    norm_bias: bool = True  # of LayerNorm; RMSNorm has none
    norm_placement: str = "post"  # after the residual sum, as in RoBERTa; pre: before each sub-layer, and a last one
    first_norm: bool = True  # pre only: False leaves out the norm before the first attention, as ModernBERT does
    embedding_norm: bool = True
    positions: str = "learned"
    rope_theta: float = 10_000.0  # of layers that attend to everything
    rope_theta_local: float | None = None  # of local layers; None: the same
    local_window: int = 0  # tokens on each side that a local layer's token reads; 0: no layer is local
    global_every: int = 3  # with a window: layers 0, n, 2n... still read the whole document; 0: no layer does
    feed_forward: str = "gelu"
    bias: bool = True  # of the linear layers of attention and feed-forward
    lm_head: str = "dense"  # dense: a layer, GELU and a norm before the output matrix; linear: the matrix alone
    tie_embeddings: bool = True  # the output matrix is the token embedding
    init: str = "normal"  # normal(0, r); uniform(-r, r); scaled: normal, matrices into the residual / sqrt(2 layers)
    init_range: float = 0.02

    def __post_init__(self):
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is not one of {', '.join(known)}")
        for name in ("vocab_size", "layers", "width", "heads", "feed_forward_width", "max_positions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} is below 1")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be divided into {self.heads} heads of equal size")
        if self.positions == "rope" and self.head_width % 2:
            raise ValueError(
                f"positions=rope turns pairs of dimensions, a head has {self.head_width}: give an even number"
            )
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} is not in [0, 1)")
        for name in ("norm_eps", "rope_theta", "init_range"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} is not above 0")
        if self.rope_theta_local is not None and not self.rope_theta_local > 0:
            raise ValueError(f"rope_theta_local={self.rope_theta_local} is not above 0")
        for name in ("local_window", "global_every"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)} is below 0")
        if self.norm_placement == "post" and not self.first_norm:
            raise ValueError("first_norm=False needs norm_placement=pre: a norm after a sum cannot be left out")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def window(self, layer: int) -> int:
        """Tokens on each side that a token reads in this layer (from 0); 0: the whole document."""
        whole = self.global_every and layer % self.global_every == 0
        return 0 if whole else self.local_window

    def theta(self, layer: int) -> float:
        """The base of the rotary angles in this layer."""
        local = self.window(layer) and self.rope_theta_local is not None
        return self.rope_theta_local if local else self.rope_theta
