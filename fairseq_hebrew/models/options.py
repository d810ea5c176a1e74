"""The options of a model on fairseq's command line, and the EncoderConfig they make.

One dataclass serves all families: an option that is not given is the family's own, so each published model is a table
of choices (`hallelubert.py`, `neodictabert.py`) and every ablation of it one option.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass
from omegaconf import OmegaConf, open_dict

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.modules.attention import AUTO, BACKENDS
from fairseq_hebrew.modules.config import CHOICES, GATED
from fairseq_hebrew.stage.errors import UserError

# fairseq reads the annotations at run time and knows Optional, not `X | None`.
MaybeInt = Optional[int]  # noqa: UP045
MaybeFloat = Optional[float]  # noqa: UP045
MaybeStr = Optional[str]  # noqa: UP045


def _own(what: str) -> dict:
    """The help of an option that is the architecture's own when it is not given."""
    return {"help": f"{what} (of the --arch when not given)"}


def _choice(name: str, what: str) -> dict:
    return _own(f"{what}: {', '.join(CHOICES[name])}")


@dataclass
class EncoderOptions(FairseqDataclass):
    """Options of every model of this plugin."""

    encoder_layers: MaybeInt = field(default=None, metadata=_own("encoder layers"))
    encoder_embed_dim: MaybeInt = field(default=None, metadata=_own("width of the encoder"))
    encoder_ffn_embed_dim: MaybeInt = field(
        default=None,
        metadata={
            "help": "width the activation of the feed-forward sees (4 x the width when not given; gated ones 8/3 x, "
            "rounded up to a multiple of 8)"
        },
    )
    encoder_attention_heads: MaybeInt = field(
        default=None, metadata={"help": "attention heads (width / 64 when not given)"}
    )
    max_positions: MaybeInt = field(
        default=None, metadata=_own("tokens of the longest document; a learned position table has two rows more")
    )
    dropout: MaybeFloat = field(
        default=None, metadata=_own("dropout after the embeddings and on the output of each sub-layer")
    )
    attention_dropout: MaybeFloat = field(default=None, metadata=_own("dropout on the attention weights"))
    activation_dropout: MaybeFloat = field(
        default=None, metadata=_own("dropout after the activation of the feed-forward")
    )
    norm: MaybeStr = field(default=None, metadata=_choice("norm", "norm"))
    norm_eps: MaybeFloat = field(default=None, metadata=_own("what a norm adds to the variance"))
    norm_bias: MaybeStr = field(default=None, metadata=_own("a bias in LayerNorm: yes, no"))
    norm_placement: MaybeStr = field(
        default=None, metadata=_choice("norm_placement", "norm after the residual sum or before each sub-layer")
    )
    first_norm: MaybeStr = field(
        default=None, metadata=_own("a norm before the first attention, with --norm-placement pre: yes, no")
    )
    embedding_norm: MaybeStr = field(default=None, metadata=_own("a norm after the embeddings: yes, no"))
    positions: MaybeStr = field(default=None, metadata=_choice("positions", "positions"))
    rope_theta: MaybeFloat = field(default=None, metadata=_own("base of the rotary angles"))
    rope_theta_local: MaybeFloat = field(default=None, metadata=_own("the same in local layers, where it differs"))
    local_window: MaybeInt = field(
        default=None, metadata=_own("tokens on each side that a local layer reads; 0: no layer is local")
    )
    global_every: MaybeInt = field(
        default=None, metadata=_own("with --local-window: layers 0, n, 2n... read the whole document; 0: none does")
    )
    feed_forward: MaybeStr = field(default=None, metadata=_choice("feed_forward", "feed-forward"))
    bias: MaybeStr = field(default=None, metadata=_own("biases in attention and feed-forward: yes, no"))
    lm_head: MaybeStr = field(
        default=None, metadata=_choice("lm_head", "masked-LM head, a layer and a norm before its output matrix or not")
    )
    tie_embeddings: MaybeStr = field(default=None, metadata=_own("the output matrix is the token embedding: yes, no"))
    init: MaybeStr = field(default=None, metadata=_choice("init", "how weights begin"))
    init_range: MaybeFloat = field(
        default=None, metadata=_own("standard deviation, or bound of init uniform, of the weights at the beginning")
    )
    attention_backend: str = field(
        default=AUTO,
        metadata={"help": f"how attention is computed: {AUTO} (the fastest that serves), {', '.join(BACKENDS)}"},
    )
    checkpoint_activations: bool = field(
        default=False, metadata={"help": "keep only each layer's input for the backward pass: less memory, more work"}
    )
    autocast: str = field(
        default="none",
        metadata={"help": "none, or bf16: matrix products in bf16, weights, norms and sums in fp32 (CPU and CUDA)"},
    )
    compile_layers: bool = field(
        default=False, metadata={"help": "compile the layers with torch.compile (needs a C++ compiler on the CPU)"}
    )
    fp8: bool = field(
        default=False,
        metadata={"help": "linear layers in fp8, with --autocast bf16 on Hopper GPUs (needs the extra [fp8])"},
    )


@dataclass(frozen=True)
class Family:
    """A published architecture: sizes (layers, width), and choices, by EncoderConfig's names, where not RoBERTa's."""

    name: str
    sizes: Mapping[str, tuple[int, int]]
    choices: Mapping[str, Any]


# Options that are called otherwise in EncoderConfig: fairseq's users know these names.
CALLED = {
    "encoder_layers": "layers",
    "encoder_embed_dim": "width",
    "encoder_ffn_embed_dim": "feed_forward_width",
    "encoder_attention_heads": "heads",
}
_CONFIG = {f.name: f for f in fields(EncoderConfig)}
# option: field of EncoderConfig, for each option that makes the architecture
ARCHITECTURE = {
    f.name: CALLED.get(f.name, f.name)
    for f in fields(EncoderOptions)
    if not f.name.startswith("_") and CALLED.get(f.name, f.name) in _CONFIG
}
ONLY_HERE = ("layers", "width", "heads", "feed_forward_width")  # follow from size and width, see fill
YES, NO = ("yes", "true"), ("no", "false")


def fill(cfg, family: Family, size: str = "base") -> None:
    """Write what `cfg` (Namespace, DictConfig or dataclass) leaves open, and only that: the family's, the size's."""
    layers, width = family.sizes[size]
    with open_dict(cfg) if OmegaConf.is_config(cfg) else nullcontext():
        for option in fields(EncoderOptions):
            # a config of hydra's that names an architecture holds no more than what its file says
            if not option.name.startswith("_") and getattr(cfg, option.name, None) is None:
                setattr(cfg, option.name, option.default)
        for option, name in ARCHITECTURE.items():
            if getattr(cfg, option) is None and name not in ONLY_HERE:
                value = family.choices.get(name, _CONFIG[name].default)
                setattr(cfg, option, {True: "yes", False: "no"}[value] if isinstance(value, bool) else value)
        _default(cfg, "encoder_layers", layers)
        _default(cfg, "encoder_embed_dim", width)
        _default(cfg, "encoder_ffn_embed_dim", inner_width(cfg.encoder_embed_dim, cfg.feed_forward))
        _default(cfg, "encoder_attention_heads", max(1, cfg.encoder_embed_dim // 64))


def inner_width(width: int, feed_forward: str) -> int:
    """4 x the width; with a gate, a third matrix, 2/3 of that rounded up to a multiple of 8 (NeoBERT's rule)."""
    return -(-8 * width // 24) * 8 if feed_forward in GATED else 4 * width


def _default(cfg, name: str, value) -> None:
    if getattr(cfg, name, None) is None:
        setattr(cfg, name, value)


def encoder_config(cfg, family: Family, vocab_size: int, padding_idx: int) -> EncoderConfig:
    """The architecture of a model's options, filled up in place; raises UserError for what makes no encoder."""
    fill(cfg, family)
    values = {name: getattr(cfg, option) for option, name in ARCHITECTURE.items()}
    for option, name in ARCHITECTURE.items():
        if isinstance(_CONFIG[name].default, bool):
            values[name] = _yes(option, values[name])
    try:
        return EncoderConfig(vocab_size=vocab_size, padding_idx=padding_idx, **values)
    except ValueError as error:
        raise UserError(f"{error}; change the model's options") from error


def _yes(option: str, value: Any) -> bool:
    word = str(value).lower()
    if word not in YES + NO:
        raise UserError(f"--{option.replace('_', '-')} {value}: give yes or no")
    return word in YES
