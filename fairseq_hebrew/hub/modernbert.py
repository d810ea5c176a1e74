"""Encoders of this project as ModernBERT (arXiv 2412.13663), a class that transformers has built in.

Source of their names: transformers, models/modernbert/modeling_modernbert.py. Ids, the order of rows and the halves
that rotary positions turn are the same on both sides. A token of a local layer there reads `local_attention // 2`
tokens on each side, the last of them included (transformers, masking_utils.py), as with our `local_window`. Its
masked-LM head is ours with lm_head=dense; between the encoder and a label it has a layer of its own, so that fine-tuned
heads do not fit.

What changes no result of a trained model is not asked to fit: dropout (there the output of attention has the dropout of
its weights, that of the feed-forward none) and how weights begin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError

from .keys import Kind, Row, layers, linear, norm
from .settings import check_settings, number

EMBEDDING = "model.embeddings.tok_embeddings.weight"
ACTIVATIONS = {"geglu": "gelu", "swiglu": "silu"}  # our feed-forward: their activation, of the first half
ALL_GLOBAL = 1  # their global_attn_every_n_layers where no layer is local
ALL_LOCAL = 0

KINDS = {
    "hebrew_masked_lm": Kind(
        "ModernBertForMaskedLM",
        "fill-mask",
        (*linear("lm_head.dense", "head.dense", "C", "C"), Row("lm_head.bias", ("decoder.bias",), ("V",))),
    )
}
# What ModernBERT is: the choice, the values it may have, and how to say it.
CHOICES = (
    ("norm", ("layer_norm",), "LayerNorm alone"),
    ("norm_placement", ("pre",), "norms before each sub-layer"),
    ("first_norm", (False,), "no norm before the first attention"),
    ("embedding_norm", (True,), "a norm after the embeddings"),
    ("positions", ("rope",), "rotary positions"),
    ("feed_forward", tuple(ACTIVATIONS), "a gated feed-forward"),
    ("lm_head", ("dense",), "a layer and a norm before its output matrix"),
)


def refuses(config: EncoderConfig) -> str | None:
    """Why ModernBERT cannot be this encoder exactly, or None when it can."""
    for name, values, has in CHOICES:
        if getattr(config, name) not in values:
            return f"ModernBERT has {has}, the model has {name}={getattr(config, name)}"
    return None


def rows(config: EncoderConfig, kind: Kind) -> list[Row]:
    """Every tensor of a model with these settings; a tied output matrix is the embedding and not written again."""
    bias, norm_bias = config.bias, config.norm_bias
    layer = (
        *norm("attention_norm", "attn_norm", norm_bias),
        *linear("attention.qkv", "attn.Wqkv", "3C", "C", bias),
        *linear("attention.out", "attn.Wo", "C", "C", bias),
        *norm("feed_forward_norm", "mlp_norm", norm_bias),
        *linear("feed_forward.up", "mlp.Wi", "2F", "C", bias),
        *linear("feed_forward.down", "mlp.Wo", "C", "F", bias),
    )
    made = [
        Row("encoder.embed_tokens.weight", (EMBEDDING,), ("V", "C")),
        *norm("encoder.embed_norm", "model.embeddings.norm", norm_bias),
        *(
            row
            for row in layers(config, layer, "model.layers")
            if not row.ours.startswith("encoder.layers.0.attention_norm.")
        ),
        *norm("encoder.final_norm", "model.final_norm", norm_bias),
        *kind.head,
        *norm("lm_head.norm", "head.norm", norm_bias),
    ]
    return made if config.tie_embeddings else [*made, Row("lm_head.weight", ("decoder.weight",), ("V", "C"))]


def config_json(config: EncoderConfig, kind: Kind, labels: Sequence[str], head_dropout: float | None) -> dict:
    """The content of config.json, with the names that transformers 4 and 5 both read; there are no labels."""
    made = {
        "architectures": [kind.architecture],
        "model_type": "modernbert",
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.feed_forward_width,
        "hidden_activation": ACTIVATIONS[config.feed_forward],
        "max_position_embeddings": config.max_positions,
        "norm_eps": config.norm_eps,
        "norm_bias": config.norm_bias,
        "attention_bias": config.bias,
        "mlp_bias": config.bias,
        "classifier_bias": True,
        "classifier_activation": "gelu",
        "decoder_bias": True,
        "embedding_dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "mlp_dropout": config.activation_dropout,
        "global_attn_every_n_layers": config.global_every if config.local_window else ALL_GLOBAL,
        "global_rope_theta": config.rope_theta,
        "local_rope_theta": config.rope_theta_local or config.rope_theta,
        "initializer_range": config.init_range,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": 0,
        "cls_token_id": 0,
        "pad_token_id": config.padding_idx,
        "eos_token_id": 2,
        "sep_token_id": 2,
        "dtype": "float32",
        "torch_dtype": "float32",  # its name before transformers 5
    }
    if config.local_window:
        made["local_attention"] = 2 * config.local_window
    if config.local_window and not config.global_every:
        # Transformers 4 knows no such model and fails at the 0 above, which 5 does not read beside this.
        made["layer_types"] = ["sliding_attention"] * config.layers
    return made


READ = frozenset(
    {
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_activation",
        "max_position_embeddings", "norm_eps", "norm_bias", "attention_bias", "mlp_bias", "embedding_dropout",
        "attention_dropout", "mlp_dropout", "global_attn_every_n_layers", "layer_types", "local_attention",
        "global_rope_theta", "local_rope_theta", "rope_parameters", "tie_word_embeddings", "layer_norm_eps",
        # how it is run
        "reference_compile", "deterministic_flash_attn", "repad_logits_with_grad", "sparse_prediction",
        "sparse_pred_ignore_index", "gradient_checkpointing",
    }
)  # fmt: skip
FIXED = {
    "classifier_bias": True,
    "classifier_activation": "gelu",
    "decoder_bias": True,
    "position_embedding_type": None,
}
# transformers' own, where a config.json says nothing
DEFAULTS = {
    "norm_eps": 1e-5, "norm_bias": False, "attention_bias": False, "mlp_bias": False, "hidden_activation": "gelu",
    "embedding_dropout": 0.0, "attention_dropout": 0.0, "mlp_dropout": 0.0, "local_attention": 128,
    "global_attn_every_n_layers": 3, "global_rope_theta": 160_000.0, "local_rope_theta": 10_000.0,
    "tie_word_embeddings": True, "classifier_bias": False, "max_position_embeddings": 8192,
}  # fmt: skip


def read_config(raw: Mapping, tensors: Mapping[str, Tensor], padding_idx: int) -> EncoderConfig:
    """The settings of a config.json; the number of embeddings is the tensors'. What it does not say is transformers'
    default.

    Raises UserError, in one line, for a setting that makes a model this project does not have: among them
    `classifier_bias` false, as in the published ModernBERT, whose head has a bias here.
    """
    told = {**DEFAULTS, **{name: value for name, value in raw.items() if value is not None}}
    check_settings(told, READ, FIXED)
    activations = {theirs: ours for ours, theirs in ACTIVATIONS.items()}
    if told["hidden_activation"] not in activations:
        raise UserError(
            f"config.json says hidden_activation={told['hidden_activation']!r}; there are {', '.join(activations)} here"
        )
    if told["attention_bias"] != told["mlp_bias"]:
        raise UserError("config.json gives biases to one of attention and feed-forward; here both have them or neither")
    if EMBEDDING not in tensors:
        raise UserError(f"the model has no {EMBEDDING}; it is damaged, take another copy")
    every = _global_every(told)
    thetas = [_theta(told, kind) for kind in ("global", "local")]
    try:
        return EncoderConfig(
            vocab_size=len(tensors[EMBEDDING]),
            padding_idx=padding_idx,
            layers=number(told, "num_hidden_layers"),
            width=number(told, "hidden_size"),
            heads=number(told, "num_attention_heads"),
            feed_forward_width=number(told, "intermediate_size"),
            max_positions=number(told, "max_position_embeddings"),
            dropout=number(told, "embedding_dropout", float),
            attention_dropout=number(told, "attention_dropout", float),
            activation_dropout=number(told, "mlp_dropout", float),
            norm="layer_norm",
            norm_eps=number(told, "norm_eps", float),
            norm_bias=bool(told["norm_bias"]),
            norm_placement="pre",
            first_norm=False,
            embedding_norm=True,
            positions="rope",
            rope_theta=thetas[0],
            rope_theta_local=thetas[1] if every != ALL_GLOBAL and thetas[1] != thetas[0] else None,
            local_window=0 if every == ALL_GLOBAL else number(told, "local_attention") // 2,
            global_every=3 if every == ALL_GLOBAL else every,
            feed_forward=activations[told["hidden_activation"]],
            bias=bool(told["attention_bias"]),
            lm_head="dense",
            tie_embeddings=bool(told["tie_word_embeddings"]),
        )
    except ValueError as error:
        raise UserError(f"config.json: {error}; it makes no model") from error


def _global_every(told: Mapping) -> int:
    """n, where layers 0, n, 2n... are global; raises UserError for another order of layers."""
    types = told.get("layer_types")
    if types is None:
        return number(told, "global_attn_every_n_layers")
    named = {"full_attention": True, "sliding_attention": False}
    are_global = [named.get(kind) for kind in types]
    if are_global == [False] * len(types):
        return ALL_LOCAL
    for n in range(1, len(types) + 1):
        if are_global == [i % n == 0 for i in range(len(types))]:
            return n
    raise UserError("config.json gives layer_types in an order other than layers 0, n, 2n... global, the others local")


def _theta(told: Mapping, kind: str) -> float:
    given = (told.get("rope_parameters") or {}).get({"global": "full_attention", "local": "sliding_attention"}[kind])
    if given is None:
        return number(told, f"{kind}_rope_theta", float)
    if given.keys() - {"rope_theta", "rope_type"} or given.get("rope_type", "default") != "default":
        raise UserError(f"config.json scales rotary positions ({given}), which is not built here")
    return number(given, "rope_theta", float)
