"""HalleluBERT as Hugging Face's RoBERTa: names and shapes of the tensors as data, and config.json.

Source of their names: transformers, models/roberta/modeling_roberta.py. Rows of the embeddings are the same on both
sides. Three things differ: our query, key and value are one matrix; theirs has an embedding of segments, which gets one
row of zeros; theirs names the output matrix, which is the embedding itself and is not written a second time.

What changes no result of a trained model is not asked to fit: dropout of the activation, which is not there, and how
weights begin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import PAD

from .extras import Extra
from .fits import differs
from .keys import HEAD, Kind, Row, layers, linear, norm
from .settings import check_settings, number

TOKENS = "roberta.embeddings.word_embeddings.weight"
POSITIONS = "roberta.embeddings.position_embeddings.weight"
POSITION_TABLE = "encoder.embed_positions.weight"  # ours
EMBEDDINGS = (
    Row("encoder.embed_tokens.weight", (TOKENS,), ("V", "C")),
    Row(POSITION_TABLE, (POSITIONS,), ("P", "C")),
    *norm("encoder.embed_norm", "roberta.embeddings.LayerNorm"),
)
PARTS = ("query", "key", "value")
# Of each layer: ours after `encoder.layers.{i}.`, theirs after `roberta.encoder.layer.{i}.`
LAYER = (
    Row("attention.qkv.weight", tuple(f"attention.self.{part}.weight" for part in PARTS), ("3C", "C")),
    Row("attention.qkv.bias", tuple(f"attention.self.{part}.bias" for part in PARTS), ("3C",)),
    *linear("attention.out", "attention.output.dense", "C", "C"),
    *norm("attention_norm", "attention.output.LayerNorm"),
    *linear("feed_forward.up", "intermediate.dense", "F", "C"),
    *linear("feed_forward.down", "output.dense", "C", "F"),
    *norm("feed_forward_norm", "output.LayerNorm"),
)
# Of theirs alone: kinds of segments, of which every token has the first.
SEGMENTS = Extra("roberta.embeddings.token_type_embeddings.weight", written=("1", "C"))
EXTRAS = (
    SEGMENTS,
    Extra("lm_head.decoder.weight", same_as=TOKENS),
    Extra("lm_head.decoder.bias", same_as="lm_head.bias"),
    Extra("roberta.embeddings.position_ids"),
    Extra("roberta.embeddings.token_type_ids"),
    # of other classes, which older releases of transformers wrote here too
    Extra("roberta.pooler.dense.weight"),
    Extra("roberta.pooler.dense.bias"),
)

# task of the checkpoint: what it is there
KINDS = {
    "hebrew_masked_lm": Kind(
        "RobertaForMaskedLM",
        "fill-mask",
        (
            *linear("lm_head.dense", "lm_head.dense", "C", "C"),
            *norm("lm_head.norm", "lm_head.layer_norm"),
            Row("lm_head.bias", ("lm_head.bias",), ("V",)),
        ),
    ),
    "token_classification": Kind(
        "RobertaForTokenClassification", "token-classification", linear(f"heads.{HEAD}.out", "classifier", "L", "C")
    ),
    "sequence_classification": Kind(
        "RobertaForSequenceClassification",
        "text-classification",
        (
            *linear(f"heads.{HEAD}.dense", "classifier.dense", "C", "C"),
            *linear(f"heads.{HEAD}.out", "classifier.out_proj", "L", "C"),
        ),
    ),
    "question_answering": Kind(
        "RobertaForQuestionAnswering", "question-answering", linear(f"heads.{HEAD}.out", "qa_outputs", "L", "C")
    ),
}
# What RoBERTa is: the choice, its value, and what a model with another value has that cannot be there.
CHOICES = (
    ("norm", "layer_norm", "LayerNorm alone"),
    ("norm_bias", True, "norms with a bias"),
    ("norm_placement", "post", "norms after each sub-layer"),
    ("embedding_norm", True, "a norm after the embeddings"),
    ("positions", "learned", "learned positions"),
    ("feed_forward", "gelu", "a feed-forward with GELU"),
    ("bias", True, "biases in attention and feed-forward"),
    ("lm_head", "dense", "a layer and a norm before its output matrix"),
    ("tie_embeddings", True, "an output matrix that is its embedding"),
)


def refuses(config: EncoderConfig) -> str | None:
    """Why RoBERTa cannot be this encoder exactly, or None when it can."""
    return differs("RoBERTa", CHOICES, config)


def rows(config: EncoderConfig, kind: Kind) -> list[Row]:
    """Every tensor of a model with these settings."""
    return [*EMBEDDINGS, *layers(config, LAYER, "roberta.encoder.layer"), *kind.head]


def config_json(config: EncoderConfig, kind: Kind, labels: Sequence[str], head_dropout: float | None) -> dict:
    """The content of config.json; `labels` is empty for a pretrained model."""
    made = {
        "architectures": [kind.architecture],
        "model_type": "roberta",
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.feed_forward_width,
        "hidden_act": "gelu",
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.attention_dropout,
        "classifier_dropout": head_dropout,
        # Their positions begin after the padding's, as ours do: two rows are never a token's.
        "max_position_embeddings": config.max_positions + config.padding_idx + 1,
        "type_vocab_size": 1,
        "layer_norm_eps": config.norm_eps,
        "initializer_range": config.init_range,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "pad_token_id": config.padding_idx,
        "eos_token_id": 2,
        "dtype": "float32",
    }
    if labels:
        made["id2label"] = {str(i): name for i, name in enumerate(labels)}
        made["label2id"] = {name: i for i, name in enumerate(labels)}
    if kind is KINDS["sequence_classification"]:
        made["problem_type"] = "single_label_classification"
    return made


READ = frozenset(
    {
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_dropout_prob",
        "attention_probs_dropout_prob", "max_position_embeddings", "layer_norm_eps", "type_vocab_size",
    }
)  # fmt: skip
FIXED = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "tie_word_embeddings": True,
}
# transformers' own, where a config.json says nothing
DEFAULTS = {
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512, "layer_norm_eps": 1e-12,
}  # fmt: skip


def read_config(raw: Mapping, tensors: Mapping[str, Tensor], padding_idx: int) -> EncoderConfig:
    """The settings of a config.json; the number of embeddings is the tensors'. What it does not say is transformers'
    default.

    `padding_idx`: the id of padding there, after which positions begin.
    Raises UserError, in one line, for a setting that makes a model this project does not have.
    """
    told = {**DEFAULTS, **{name: value for name, value in raw.items() if value is not None}}
    check_settings(told, READ, FIXED)
    if TOKENS not in tensors:
        raise UserError(f"the model has no {TOKENS}; it is damaged, take another copy")
    try:
        return EncoderConfig(
            vocab_size=len(tensors[TOKENS]),
            padding_idx=padding_idx,
            layers=number(told, "num_hidden_layers"),
            width=number(told, "hidden_size"),
            heads=number(told, "num_attention_heads"),
            feed_forward_width=number(told, "intermediate_size"),
            max_positions=number(told, "max_position_embeddings") - padding_idx - 1,
            dropout=number(told, "hidden_dropout_prob", float),
            attention_dropout=number(told, "attention_probs_dropout_prob", float),
            norm_eps=number(told, "layer_norm_eps", float),
            **{name: value for name, value, _ in CHOICES},
        )
    except ValueError as error:
        raise UserError(f"config.json: {error}; it makes no model") from error


def finish(state: dict[str, Tensor], written: Mapping[str, Tensor], config: EncoderConfig) -> list[str]:
    """Bring the positions to this project's form, in place; what changed their numbers, in words.

    The first kind of segment, which every token has, is added to the positions, which every token has too: a model of
    transformers has numbers there, one that came from fairseq zeros. The first token's row is moved from the one after
    their padding's id to the one after ours; those before it are no token's.
    """
    table, told = state[POSITION_TABLE], []
    segments = written.get(SEGMENTS.name)
    if segments is not None and segments[0].any():
        table = table + segments[0]
        told.append("the embedding of segments, the first of which every token has, was added to that of positions")
    state[POSITION_TABLE] = table
    renumber(state, config.padding_idx, PAD)
    return told


def renumber(state: dict[str, Tensor], padding_idx: int, wanted: int) -> None:
    """Move the positions from after one id of padding to after another, in place; rows before them become zeros."""
    table = state[POSITION_TABLE]
    if padding_idx != wanted:
        spare = torch.zeros(wanted + 1, table.size(1), dtype=table.dtype)
        state[POSITION_TABLE] = torch.cat((spare, table[padding_idx + 1 :]))
