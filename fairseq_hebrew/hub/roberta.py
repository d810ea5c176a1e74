"""HalleluBERT as Hugging Face's RoBERTa: names and shapes of the tensors as data, and config.json.

Source of their names: transformers, models/roberta/modeling_roberta.py. Ids and rows of the embeddings are the same on
both sides. Three things differ: our query, key and value are one matrix; theirs has an embedding of segments, which
gets one row of zeros; theirs names the output matrix, which is the embedding itself and is not written a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError

HEAD = "labels"  # name of the head in a fine-tuned checkpoint: heads.labels.*


@dataclass(frozen=True)
class Row:
    """A tensor of ours and what it is called there; several names: its rows are cut into as many equal parts.

    The shape is in letters: V embeddings, P positions, C width, F feed-forward width, L labels, 3C three widths.
    """

    ours: str
    theirs: tuple[str, ...]
    shape: tuple[str, ...]


def _linear(ours: str, theirs: str | tuple[str, ...], out: str, into: str) -> tuple[Row, Row]:
    names = (theirs,) if isinstance(theirs, str) else theirs
    return (
        Row(f"{ours}.weight", tuple(f"{name}.weight" for name in names), (out, into)),
        Row(f"{ours}.bias", tuple(f"{name}.bias" for name in names), (out,)),
    )


def _norm(ours: str, theirs: str) -> tuple[Row, Row]:
    return tuple(Row(f"{ours}.{part}", (f"{theirs}.{part}",), ("C",)) for part in ("weight", "bias"))


EMBEDDINGS = (
    Row("encoder.embed_tokens.weight", ("roberta.embeddings.word_embeddings.weight",), ("V", "C")),
    Row("encoder.embed_positions.weight", ("roberta.embeddings.position_embeddings.weight",), ("P", "C")),
    *_norm("encoder.embed_norm", "roberta.embeddings.LayerNorm"),
)
# Of each layer: ours after `encoder.layers.{i}.`, theirs after `roberta.encoder.layer.{i}.`
LAYER = (
    *_linear(
        "attention.qkv", ("attention.self.query", "attention.self.key", "attention.self.value"), out="3C", into="C"
    ),
    *_linear("attention.out", "attention.output.dense", out="C", into="C"),
    *_norm("attention_norm", "attention.output.LayerNorm"),
    *_linear("feed_forward.up", "intermediate.dense", out="F", into="C"),
    *_linear("feed_forward.down", "output.dense", out="C", into="F"),
    *_norm("feed_forward_norm", "output.LayerNorm"),
)
# Theirs alone: one kind of segment, which adds nothing.
SEGMENTS = "roberta.embeddings.token_type_embeddings.weight"


@dataclass(frozen=True)
class Kind:
    """What a task's checkpoints are there: the class of transformers, its pipeline, the tensors of its head."""

    architecture: str
    pipeline: str
    head: tuple[Row, ...]


# task of the checkpoint: what it is there
KINDS = {
    "hebrew_masked_lm": Kind(
        "RobertaForMaskedLM",
        "fill-mask",
        (
            *_linear("lm_head.dense", "lm_head.dense", out="C", into="C"),
            *_norm("lm_head.norm", "lm_head.layer_norm"),
            Row("lm_head.bias", ("lm_head.bias",), ("V",)),
        ),
    ),
    "token_classification": Kind(
        "RobertaForTokenClassification",
        "token-classification",
        _linear(f"heads.{HEAD}.out", "classifier", out="L", into="C"),
    ),
    "sequence_classification": Kind(
        "RobertaForSequenceClassification",
        "text-classification",
        (
            *_linear(f"heads.{HEAD}.dense", "classifier.dense", out="C", into="C"),
            *_linear(f"heads.{HEAD}.out", "classifier.out_proj", out="L", into="C"),
        ),
    ),
}


def table(layers: int, kind: Kind) -> list[Row]:
    """Every tensor of a model of so many layers."""
    rows = list(EMBEDDINGS)
    for i in range(layers):
        for row in LAYER:
            theirs = tuple(f"roberta.encoder.layer.{i}.{name}" for name in row.theirs)
            rows.append(Row(f"encoder.layers.{i}.{row.ours}", theirs, row.shape))
    return rows + list(kind.head)


def to_hf(state: Mapping[str, Tensor], config: EncoderConfig, kind: Kind, labels: int = 0) -> dict[str, Tensor]:
    """The tensors of a checkpoint under transformers' names, float32, no two of them sharing memory.

    Raises UserError, in one line, when a tensor is missing, unknown, or not of the shape the settings give.
    """
    rows = table(config.layers, kind)
    wanted = {row.ours for row in rows}
    for names, problem in ((wanted - state.keys(), "lacks"), (state.keys() - wanted, "has unknown")):
        if names:
            raise UserError(
                f"the checkpoint {problem} {len(names)} tensor{'s' * (len(names) > 1)}, first {min(names)}; "
                "give a checkpoint that fairseq-train wrote for a hallelubert architecture"
            )
    sizes = {
        "V": config.vocab_size,
        "P": config.max_positions + config.padding_idx + 1,
        "C": config.width,
        "3C": 3 * config.width,
        "F": config.feed_forward_width,
        "L": labels,
    }
    made = {SEGMENTS: torch.zeros(1, config.width)}
    for row in rows:
        tensor, shape = state[row.ours], tuple(sizes[letter] for letter in row.shape)
        if tensor.shape != shape:
            raise UserError(
                f"{row.ours} is {list(tensor.shape)} in the checkpoint, its settings say {list(shape)}; "
                "it is damaged or was edited, take another copy"
            )
        for name, part in zip(row.theirs, tensor.chunk(len(row.theirs))):
            made[name] = part.to(torch.float32, copy=True).contiguous()
    return made


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
