"""NeoDictaBERT as the published NeoBERT (arXiv 2502.19587): names and layout of the tensors, config.json, and the code
for transformers, which has no such class, that an export brings along.

Source of their names: the published checkpoint and its config.json. The rows of queries, keys and values stand in
another order there (`turns.py`); all else is the same under other names.

What changes no result of a trained model is not asked to fit: dropout (NeoBERT has none) and how weights begin. A base
of the rotary angles other than 10,000 is written down and read by the code that is brought along; the published code
does not look for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError

from .fits import differs
from .keys import HEAD, Kind, Row, layers, linear
from .settings import check_settings, number

REMOTE = Path(__file__).parent / "remote"
CODE = ("configuration_neobert", "modeling_neobert")

EMBEDDING = Row("encoder.embed_tokens.weight", ("model.encoder.weight",), ("V", "C"))
# Of each layer: ours after `encoder.layers.{i}.`, theirs after `model.transformer_encoder.{i}.`
LAYER = (
    Row("attention.qkv.weight", ("qkv.weight",), ("3C", "C"), "heads of pairs"),
    Row("attention.out.weight", ("wo.weight",), ("C", "C")),
    Row("feed_forward.up.weight", ("ffn.w12.weight",), ("2F", "C")),
    Row("feed_forward.down.weight", ("ffn.w3.weight",), ("C", "F")),
    Row("attention_norm.weight", ("attention_norm.weight",), ("C",)),
    Row("feed_forward_norm.weight", ("ffn_norm.weight",), ("C",)),
)
FINAL_NORM = Row("encoder.final_norm.weight", ("model.layer_norm.weight",), ("C",))

# task of the checkpoint: what it is there. The head of whole texts is the published one; token and question heads,
# which the published code does not have, are called as in transformers' BERT.
KINDS = {
    "hebrew_masked_lm": Kind(
        "NeoBERTLMHead",
        "fill-mask",
        (Row("lm_head.weight", ("decoder.weight",), ("V", "C")), Row("lm_head.bias", ("decoder.bias",), ("V",))),
    ),
    "token_classification": Kind(
        "NeoBERTForTokenClassification", "token-classification", linear(f"heads.{HEAD}.out", "classifier", "L", "C")
    ),
    "sequence_classification": Kind(
        "NeoBERTForSequenceClassification",
        "text-classification",
        (
            *linear(f"heads.{HEAD}.dense", "dense", "C", "C"),
            *linear(f"heads.{HEAD}.out", "classifier", "L", "C"),
        ),
    ),
    "question_answering": Kind(
        "NeoBERTForQuestionAnswering", "question-answering", linear(f"heads.{HEAD}.out", "qa_outputs", "L", "C")
    ),
}
# transformers' automatic classes and what they find in modeling_neobert.py
CLASSES = {
    "AutoModel": "NeoBERT",
    "AutoModelForMaskedLM": "NeoBERTLMHead",
    "AutoModelForTokenClassification": "NeoBERTForTokenClassification",
    "AutoModelForSequenceClassification": "NeoBERTForSequenceClassification",
    "AutoModelForQuestionAnswering": "NeoBERTForQuestionAnswering",
}


def gate_width(intermediate_size: int) -> int:
    """What the gate sees: 2/3 of the published `intermediate_size`, rounded up to a multiple of 8."""
    return -(-(2 * intermediate_size // 3) // 8) * 8


def intermediate_size(config: EncoderConfig) -> int | None:
    """An `intermediate_size` with that gate, 4 x the width if that is one, as published; None where there is none."""
    inner = config.feed_forward_width
    return next((size for size in (4 * config.width, 3 * inner // 2) if gate_width(size) == inner), None)


# What NeoBERT is: the choice, its value, and what a model with another value has that cannot be there.
CHOICES = (
    ("norm", "rms_norm", "RMSNorm alone"),
    ("norm_placement", "pre", "norms before each sub-layer"),
    ("first_norm", True, "a norm before the first attention too"),
    ("embedding_norm", False, "no norm after the embeddings"),
    ("positions", "rope", "rotary positions"),
    ("feed_forward", "swiglu", "SwiGLU"),
    ("bias", False, "no biases in attention and feed-forward"),
    ("lm_head", "linear", "an output matrix with nothing before it"),
    ("tie_embeddings", False, "an output matrix of its own"),
)


def refuses(config: EncoderConfig) -> str | None:
    """Why NeoBERT cannot be this encoder exactly, or None when it can."""
    if why := differs("NeoBERT", CHOICES, config):
        return why
    if intermediate_size(config) is None:
        return (
            "NeoBERT's feed-forward width is a multiple of 8, 2/3 of a number rounded up, "
            f"the model has feed_forward_width={config.feed_forward_width}"
        )
    return None


def rows(config: EncoderConfig, kind: Kind) -> list[Row]:
    """Every tensor of a model with these settings; 172 for the published one of 28 layers."""
    return [EMBEDDING, *layers(config, LAYER, "model.transformer_encoder"), FINAL_NORM, *kind.head]


def config_json(config: EncoderConfig, kind: Kind, labels: Sequence[str], head_dropout: float | None) -> dict:
    """The content of config.json under the published names; `labels` is empty for a pretrained model."""
    configuration, modeling = CODE
    made = {
        "architectures": [kind.architecture],
        "auto_map": {"AutoConfig": f"{configuration}.NeoBERTConfig"}
        | {automatic: f"{modeling}.{name}" for automatic, name in CLASSES.items()},
        "model_type": "neobert",
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "dim_head": config.head_width,
        "intermediate_size": intermediate_size(config),
        "max_length": config.max_positions,
        "norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "embedding_init_range": config.init_range,
        "decoder_init_range": config.init_range,
        "classifier_init_range": config.init_range,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "pad_token_id": config.padding_idx,
        "eos_token_id": 2,
        "dtype": "float32",
        "torch_dtype": "float32",  # its name before transformers 5
    }
    if head_dropout is not None:
        made["classifier_dropout"] = head_dropout
    if labels:
        made["id2label"] = {str(i): name for i, name in enumerate(labels)}
        made["label2id"] = {name: i for i, name in enumerate(labels)}
    if kind is KINDS["sequence_classification"]:
        made["problem_type"] = "single_label_classification"
    return made


# Settings that are read.
READ = frozenset(
    {
        "hidden_size", "num_hidden_layers", "num_attention_heads", "dim_head", "intermediate_size", "max_length",
        "max_position_embeddings", "norm_eps", "rope_theta",
    }
)  # fmt: skip
# Settings that others' versions of the class have, with the values they have in the published model.
FIXED = {
    "hidden_act": "swiglu",
    "rms_norm": True,
    "rope": True,
    "rope_scaling": None,
    "ngpt": False,
    "dropout": 0,
    "dropout_prob": 0,
    "att_bias": False,
    "ffn_bias": False,
    "layer_norm_after_embedding": False,
    "layer_norm_before_last_layer": True,
    "tie_word_embeddings": False,
}


def read_config(raw: Mapping, tensors: Mapping[str, Tensor], padding_idx: int) -> EncoderConfig:
    """The settings of a config.json, ours or the published one; the number of embeddings is the tensors'.

    `norm_eps` must be there: the published configuration says 1e-5 and the published code takes 1e-6 where nothing is
    said, so whichever were guessed might be wrong. `rope_theta`, which the published code has as a constant, is 10,000
    where it is not there.
    Raises UserError, in one line, for a setting that is missing or makes another model.
    """
    act = raw.get("hidden_act")
    check_settings({**raw, "hidden_act": act.lower() if isinstance(act, str) else act}, READ, FIXED)
    if raw.get("norm_eps") is None:
        raise UserError(
            "config.json does not say norm_eps: the published configuration says 1e-5, the published code takes 1e-6 "
            "where nothing is said; write the one that the model was trained with into it"
        )
    width, heads = number(raw, "hidden_size"), number(raw, "num_attention_heads")
    if raw.get("dim_head") is not None and number(raw, "dim_head") * heads != width:
        raise UserError(f"config.json says dim_head={raw['dim_head']}, not {width}/{heads}: it cannot be imported")
    embedding = tensors.get(EMBEDDING.theirs[0])
    if embedding is None:
        raise UserError(f"the model has no {EMBEDDING.theirs[0]}; it is damaged, take another copy")

    def optional(name: str, value: float) -> float:
        return value if raw.get(name) is None else number(raw, name, float)

    lengths = [name for name in ("max_length", "max_position_embeddings") if raw.get(name) is not None]
    try:
        return EncoderConfig(
            vocab_size=len(embedding),
            padding_idx=padding_idx,
            layers=number(raw, "num_hidden_layers"),
            width=width,
            heads=heads,
            feed_forward_width=gate_width(number(raw, "intermediate_size")),
            max_positions=number(raw, lengths[0] if lengths else "max_length"),
            dropout=0.0,
            attention_dropout=0.0,
            norm_eps=number(raw, "norm_eps", float),
            rope_theta=optional("rope_theta", 10_000.0),
            init="uniform",
            init_range=optional("embedding_init_range", 0.02),
            **{name: value for name, value, _ in CHOICES},
        )
    except ValueError as error:
        raise UserError(f"config.json: {error}; it makes no model") from error


def files() -> dict[str, str]:
    """The code for transformers: name of the file and its text."""
    return {f"{name}.py": (REMOTE / f"{name}.py").read_text(encoding="utf-8") for name in CODE}
