"""HalleluBERT (arXiv 2510.21372): a RoBERTa encoder for Hebrew, as the fairseq model `hallelubert`.

Sizes are presets: `--arch hallelubert_{tiny,small,medium,base,large}`, and each option given beside it wins.
`model: {_name: hallelubert_base}` says the same to fairseq-hydra-train. A checkpoint keeps the sizes it has.
"""

import logging
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from typing import Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.models import BaseFairseqModel, register_model, register_model_architecture
from omegaconf import OmegaConf, open_dict
from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.models import state_dict as names
from fairseq_hebrew.modules import EncoderConfig, MaskedLMHead, TransformerEncoder
from fairseq_hebrew.modules.encoder import init_weights
from fairseq_hebrew.modules.heads import HEADS
from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)

# layers, width; heads of 64, feed-forward of 4 x the width
SIZES = {"tiny": (2, 128), "small": (4, 256), "medium": (8, 512), "base": (12, 768), "large": (24, 1024)}


@dataclass
class HalleluBertConfig(FairseqDataclass):
    """Options of the model. fairseq reads the annotations at run time and knows Optional, not `X | None`."""

    encoder_layers: Optional[int] = field(  # noqa: UP045
        default=None, metadata={"help": "encoder layers (of the --arch when not given)"}
    )
    encoder_embed_dim: Optional[int] = field(  # noqa: UP045
        default=None, metadata={"help": "width of the encoder (of the --arch when not given)"}
    )
    encoder_ffn_embed_dim: Optional[int] = field(  # noqa: UP045
        default=None, metadata={"help": "width between the two feed-forward matrices (4 x the width when not given)"}
    )
    encoder_attention_heads: Optional[int] = field(  # noqa: UP045
        default=None, metadata={"help": "attention heads (width / 64 when not given)"}
    )
    max_positions: int = field(
        default=512, metadata={"help": "tokens in the longest sample; the position table has two rows more"}
    )
    dropout: float = field(
        default=0.1, metadata={"help": "dropout after the embeddings and on the output of each sub-layer"}
    )
    attention_dropout: float = field(default=0.1, metadata={"help": "dropout on the attention weights"})
    activation_dropout: float = field(
        default=0.0, metadata={"help": "dropout after the activation of the feed-forward"}
    )


def fill_sizes(cfg, size: str) -> None:
    """Write a size's numbers where `cfg` (argparse.Namespace, DictConfig or dataclass) has none, and only there."""
    layers, width = SIZES[size]
    with open_dict(cfg) if OmegaConf.is_config(cfg) else nullcontext():
        for option in fields(HalleluBertConfig):
            # a config of hydra's that names an architecture holds no more than what its file says
            if not option.name.startswith("_") and getattr(cfg, option.name, None) is None:
                setattr(cfg, option.name, option.default)
        _default(cfg, "encoder_layers", layers)
        _default(cfg, "encoder_embed_dim", width)
        _default(cfg, "encoder_ffn_embed_dim", 4 * cfg.encoder_embed_dim)
        _default(cfg, "encoder_attention_heads", max(1, cfg.encoder_embed_dim // 64))


def _default(cfg, name: str, value) -> None:
    if getattr(cfg, name, None) is None:
        setattr(cfg, name, value)


@register_model("hallelubert", dataclass=HalleluBertConfig)
class HalleluBertModel(BaseFairseqModel):
    """`encoder`, and either `lm_head` (pretraining) or `heads` (fine-tuning).

    Names in a checkpoint: `encoder.*`, `lm_head.{dense,norm}.*`, `lm_head.bias`, `heads.NAME.*`.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.encoder = TransformerEncoder(config)
        self.lm_head = MaskedLMHead(config)
        self.heads = nn.ModuleDict()
        self.lm_head.apply(lambda module: init_weights(module, config.init_std))

    @classmethod
    def build_model(cls, cfg, task):
        """The model for `task.source_dictionary`; raises UserError for sizes that make no encoder."""
        fill_sizes(cfg, "base")  # what `--arch hallelubert` leaves open
        dictionary = task.source_dictionary
        try:
            config = EncoderConfig(
                vocab_size=len(dictionary),
                padding_idx=dictionary.pad(),
                layers=cfg.encoder_layers,
                width=cfg.encoder_embed_dim,
                heads=cfg.encoder_attention_heads,
                feed_forward_width=cfg.encoder_ffn_embed_dim,
                max_positions=cfg.max_positions,
                dropout=cfg.dropout,
                attention_dropout=cfg.attention_dropout,
                activation_dropout=cfg.activation_dropout,
            )
        except ValueError as error:
            raise UserError(f"{error}; change the model's options") from error
        return cls(config)

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        masked_tokens=None,
        features_only: bool = False,
        head: str | None = None,
        padded: bool | None = None,
        **_unused,
    ) -> tuple[Tensor, dict]:
        """src_tokens (B, T) int64 -> (output, {}); output by what is asked for:

        head="NAME": what `heads[NAME]` makes of the features; features_only: features (B, T, C); masked_tokens, a
        bool mask (B, T) or a tuple of indices: logits (N, V) of those positions; otherwise logits (B, T, V).
        `padded`: whether any token is padding, where the data knows it (see TransformerEncoder.forward).
        Raises UserError when logits are asked of a model that has only heads.
        """
        features = self.encoder(src_tokens, padded)  # (B, T, C)
        if head is not None:
            return self.heads[head](features), {}
        if features_only:
            return features, {}
        if self.lm_head is None:
            raise UserError(
                f"this model has no masked-LM head, it is fine-tuned (head {', '.join(self.heads)}); "
                "train it with --criterion classification"
            )
        if masked_tokens is not None:
            features = features[masked_tokens]  # (N, C)
        return self.lm_head(features, self.encoder.embed_tokens.weight), {}

    def register_head(self, name: str, num_labels: int, kind: str = "token", dropout: float = 0.1) -> None:
        """Give the model a fine-tuning head, with fresh weights, in place of its masked-LM head.

        kind "token": a label a position; "sequence": a label a sequence, read at `<s>`.
        Raises ValueError for another kind or fewer than one label.
        """
        if kind not in HEADS:
            raise ValueError(f"a head is of kind {' or '.join(HEADS)}, not {kind!r}")
        if num_labels < 1:
            raise ValueError(f"head {name!r} needs at least one label")
        config = self.encoder.config
        made = HEADS[kind](config.width, num_labels, dropout)
        made.apply(lambda module: init_weights(module, config.init_std))
        self.heads[name] = made.to(self.encoder.embed_tokens.weight.device)
        self.lm_head = None  # fine-tuning carries no weights it does not use

    def max_positions(self) -> int:
        """Tokens in the longest sample, `<s>` and `</s>` included."""
        return self.encoder.config.max_positions

    def get_normalized_probs(self, net_output, log_probs, sample=None):
        """fairseq's hook: (output, extra) -> probabilities of the same shape, in fp32."""
        logits = net_output[0].float()
        return F.log_softmax(logits, dim=-1) if log_probs else F.softmax(logits, dim=-1)

    def upgrade_state_dict_named(self, state_dict: dict, name: str) -> None:
        """Bring a checkpoint to this model's names, in place; raises UserError, in one line, where it cannot be.

        Stock RoBERTa's names are translated. A model with heads takes no masked-LM head, keeps its fresh weights for
        heads the checkpoint lacks, and leaves out heads it does not have.
        """
        prefix = f"{name}." if name else ""
        if names.is_stock(state_dict, prefix):
            names.from_stock_roberta(state_dict, prefix)
            logger.info("read a checkpoint of fairseq's RoBERTa")
        heads_there = {key[len(prefix) :].split(".")[1] for key in state_dict if key.startswith(f"{prefix}heads.")}
        has_lm_head = any(key.startswith(f"{prefix}lm_head.") for key in state_dict)
        if self.lm_head is not None and heads_there and not has_lm_head:
            raise UserError(
                f"the checkpoint is fine-tuned (head {', '.join(sorted(heads_there))}) and has no masked-LM head; "
                "use the task it was fine-tuned with, or a pretraining checkpoint"
            )
        if self.lm_head is None and has_lm_head:
            _drop(state_dict, f"{prefix}lm_head.")
            logger.info("left out the checkpoint's masked-LM head")
        for head in sorted(heads_there - set(self.heads)):
            _drop(state_dict, f"{prefix}heads.{head}.")
            logger.info(f"left out the checkpoint's head {head}: this model has none of that name")
        own = {prefix + key: value for key, value in self.state_dict().items()}
        for head in sorted(set(self.heads) - heads_there):
            state_dict.update({k: v for k, v in own.items() if k.startswith(f"{prefix}heads.{head}.")})
            logger.info(f"head {head} starts from fresh weights")
        self._check_labels(state_dict, prefix)
        names.check(state_dict, own, prefix)

    def _check_labels(self, state_dict: dict, prefix: str) -> None:
        for head, module in self.heads.items():
            there = state_dict.get(f"{prefix}heads.{head}.out.bias")
            if there is not None and len(there) != module.out.out_features:
                raise UserError(
                    f"the checkpoint's head {head} has {len(there)} labels, this task makes {module.out.out_features}; "
                    "use the labels the checkpoint was fine-tuned with, or start from a pretraining checkpoint"
                )


def _drop(state_dict: dict, start: str) -> None:
    for key in [key for key in state_dict if key.startswith(start)]:
        del state_dict[key]


def _register_size(size: str) -> None:
    register_model_architecture("hallelubert", f"hallelubert_{size}")(lambda cfg: fill_sizes(cfg, size))


for _size in SIZES:
    _register_size(_size)
