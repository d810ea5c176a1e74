"""Who is measured: our models, stock fairseq's RoBERTa, transformers' RobertaForMaskedLM and ModernBertForMaskedLM.

Each is built by its own code and called as its own training calls it; what differs is theirs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

import fairseq_hebrew.models.hallelubert as hallelubert
import fairseq_hebrew.models.neodictabert as neodictabert
from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.models.options import EncoderOptions, encoder_config
from fairseq_hebrew.modules import EncoderConfig

from .train_batch import PAD, Batch

MODELS = {"hallelubert": hallelubert.HalleluBertModel, "neodictabert": neodictabert.NeoDictaBertModel}
# Encoder choices that make ModernBERT of NeoDictaBERT: the same depth, width, feed-forward and attention.
MODERNBERT = {
    "norm": "layer_norm", "norm_bias": "no", "first_norm": "no", "embedding_norm": "yes", "lm_head": "dense",
    "tie_embeddings": "yes", "init": "normal",
}  # fmt: skip
TASK = "hebrew_masked_lm"
NOT_PREDICTED = -100


@dataclass(frozen=True)
class Setting:
    """A model to build. `family`: of MODELS; `options`: of EncoderOptions, by name, beyond these.

    autocast: matrix products in bf16; compiled: the peers' whole model through torch.compile, our layers.
    """

    family: str
    layers: int
    width: int
    vocab_size: int
    positions: int
    dropout: float = 0.0
    autocast: bool = False
    compiled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> EncoderConfig:
        return encoder_config(self.encoder_options(), MODELS[self.family].family, self.vocab_size, PAD)

    def encoder_options(self) -> EncoderOptions:
        return EncoderOptions(
            encoder_layers=self.layers,
            encoder_embed_dim=self.width,
            max_positions=self.positions,
            dropout=self.dropout,
            attention_dropout=self.dropout,
            autocast="bf16" if self.autocast else "none",
            compile_layers=self.compiled,
            **self.options,
        )


Loss = Callable[[Batch], Tensor]


def ours(setting: Setting) -> tuple[nn.Module, Loss]:
    """The loss is the sum over the predicted positions, as our criterion gives it."""
    task = SimpleNamespace(source_dictionary=vocabulary(setting.vocab_size))
    model = MODELS[setting.family].build_model(setting.encoder_options(), task)

    def loss(batch: Batch) -> Tensor:
        documents = {"padded": batch.padded, "lengths": batch.lengths, "num_masked": batch.masked}
        return model(batch.tokens, target=batch.target, **documents)[0][0]

    return model, loss


def fairseq(setting: Setting) -> tuple[nn.Module, Loss]:
    """Stock RoBERTa under stock criterion masked_lm, whose loss is the sum over the predicted positions."""
    from fairseq.criterions.masked_lm import MaskedLmConfig, MaskedLmLoss
    from fairseq.models.roberta.model import RobertaModel, base_architecture

    config = setting.config
    args = argparse.Namespace(
        encoder_layers=config.layers,
        encoder_embed_dim=config.width,
        encoder_ffn_embed_dim=config.feed_forward_width,
        encoder_attention_heads=config.heads,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        max_positions=config.max_positions,
        tokens_per_sample=config.max_positions,
    )
    base_architecture(args)
    words = vocabulary(setting.vocab_size)
    model = RobertaModel.build_model(args, SimpleNamespace(source_dictionary=words))
    criterion = MaskedLmLoss(MaskedLmConfig(tpu=False), SimpleNamespace(target_dictionary=words))
    called = torch.compile(model) if setting.compiled else model

    def loss(batch: Batch) -> Tensor:
        inputs = {"src_tokens": batch.tokens, "src_lengths": torch.tensor(batch.lengths, device=batch.tokens.device)}
        sample = {"net_input": inputs, "target": batch.target, "ntokens": sum(batch.lengths)}
        with _products(setting, batch):
            return criterion(called, {**sample, "nsentences": len(batch.lengths)})[0]

    return model, loss


def transformers_roberta(setting: Setting) -> tuple[nn.Module, Loss]:
    """RobertaForMaskedLM; its loss is the mean over the predicted positions."""
    return _transformers(setting, "roberta")


def transformers_modernbert(setting: Setting) -> tuple[nn.Module, Loss]:
    """ModernBertForMaskedLM that projects the predicted positions alone; its loss is their mean."""
    return _transformers(as_modernbert(setting), "modernbert", sparse_prediction=True)


def as_modernbert(setting: Setting) -> Setting:
    """Our encoder with ModernBERT's norms and head, so that weights can be the same."""
    return replace(setting, options={**MODERNBERT, **setting.options})


def padded(setting: Setting) -> Setting:
    """Our encoder on rows as they are, padding and all."""
    return replace(setting, options={**setting.options, "attention_backend": "sdpa"})


def _transformers(setting: Setting, name: str, **more) -> tuple[nn.Module, Loss]:
    """The class as our export writes its config.json."""
    import transformers

    form = FORMATS[name]
    told = form.config_json(setting.config, form.kinds[TASK], (), None)
    config = transformers.AutoConfig.for_model(told.pop("model_type"), **told, **more, attn_implementation="sdpa")
    model = transformers.AutoModelForMaskedLM.from_config(config)
    called = torch.compile(model) if setting.compiled else model

    def loss(batch: Batch) -> Tensor:
        real = batch.tokens.ne(PAD).long() if batch.padded else None
        labels = batch.target.masked_fill(batch.target.eq(PAD), NOT_PREDICTED)
        with _products(setting, batch):
            return called(batch.tokens, attention_mask=real, labels=labels).loss

    return model, loss


def _products(setting: Setting, batch: Batch) -> torch.autocast:
    return torch.autocast(batch.tokens.device.type, torch.bfloat16, enabled=setting.autocast)


def vocabulary(entries: int) -> Dictionary:
    """A dictionary of so many entries; which they are matters to nobody here."""
    made = Dictionary()
    made.pad_to_multiple_(entries)
    return made


@dataclass(frozen=True)
class Contender:
    """`mean`: its loss is the mean over the predicted positions, not their sum."""

    label: str
    build: Callable[[Setting], tuple[nn.Module, Loss]]
    mean: bool = False


CONTENDERS = {
    "ours": Contender("ours", ours),
    "fairseq": Contender("stock fairseq roberta", fairseq),
    "roberta": Contender("transformers RobertaForMaskedLM, sdpa", transformers_roberta, mean=True),
    "modernbert": Contender("transformers ModernBertForMaskedLM, sdpa", transformers_modernbert, mean=True),
}
