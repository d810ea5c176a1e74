"""A config.json of transformers, read strictly: a setting that may change a result is understood or refused by name."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from fairseq_hebrew.stage.errors import UserError

# What stands in any config.json and changes no result of a trained encoder: how it was saved and what reads it, the
# names of labels, ids of specials (the tokenizer's are taken), how new weights begin, what is returned and how fast.
BOOKKEEPING = frozenset(
    {
        "_name_or_path", "name_or_path", "transformers_version", "architectures", "auto_map", "model_type",
        "torch_dtype", "dtype", "use_bfloat16", "exported_by", "tokenizer_class", "kwargs", "trust_remote_code",
        "pretrained_model_name_or_path", "vocab_size", "bos_token_id", "cls_token_id", "eos_token_id", "sep_token_id",
        "pad_token_id", "mask_token_id", "unk_token_id", "id2label", "label2id", "num_labels", "problem_type",
        "finetuning_task", "classifier_dropout", "classifier_pooling", "initializer_range",
        "initializer_cutoff_factor", "embedding_init_range", "decoder_init_range", "classifier_init_range",
        "attn_implementation", "_attn_implementation_autoset", "output_attentions", "output_hidden_states",
        "return_dict", "use_cache", "chunk_size_feed_forward", "gradient_checkpointing", "torchscript",
    }
)  # fmt: skip
# What makes another model of an encoder; None is always allowed.
ENCODER = {
    "is_decoder": False,
    "is_encoder_decoder": False,
    "add_cross_attention": False,
    "cross_attention_hidden_size": None,
    "tie_encoder_decoder": False,
    "pruned_heads": {},
}


def check_settings(raw: Mapping[str, Any], read: Container[str], fixed: Mapping[str, Any]) -> None:
    """Raise UserError, in one line, for a setting that is neither among those `read` nor bookkeeping, or that `fixed`
    names with another value."""
    wanted = {**ENCODER, **fixed}
    for name, value in raw.items():
        if name in wanted:
            if value is not None and value != wanted[name]:
                raise UserError(
                    f"config.json says {name}={value!r}, which is no such model here (it has {wanted[name]!r}); "
                    "it cannot be imported"
                )
        elif name not in read and name not in BOOKKEEPING:
            raise UserError(
                f"config.json says {name}={value!r}, which is not known here and might change what the model computes; "
                "take it out if it does not"
            )


def number(raw: Mapping[str, Any], name: str, kind: type = int) -> Any:
    """A setting that must be there, an int or (kind=float) any number; raises UserError where it is not."""
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        there = f"says {name}={value!r}" if name in raw else f"does not say {name}"
        raise UserError(f"config.json {there}: give the {'whole ' * (kind is int)}number that the model was made with")
    return kind(value)
