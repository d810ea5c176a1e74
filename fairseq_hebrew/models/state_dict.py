"""Checkpoints of stock fairseq's RoBERTa, read into this project's names; the names are data, in the tables below."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

import torch
from torch import Tensor

from fairseq_hebrew.stage.errors import UserError

# fairseq wrote `decoder.` for the encoder until 2020, and has had two names for the norm of the embeddings.
_TRUNK = r"(?:encoder|decoder)\.sentence_encoder\."
_LAYER = _TRUNK + r"layers\.(\d+)\."
_WB = r"(weight|bias)"

# stock name -> our name
FROM_STOCK = [
    (_TRUNK + r"embed_tokens\.weight", r"encoder.embed_tokens.weight"),
    (_TRUNK + r"embed_positions\.weight", r"encoder.embed_positions.weight"),
    (_TRUNK + r"(?:layernorm_embedding|emb_layer_norm)\." + _WB, r"encoder.embed_norm.\1"),
    (_LAYER + r"self_attn\.in_proj_" + _WB, r"encoder.layers.\1.attention.qkv.\2"),  # before 2019's split in three
    (_LAYER + r"self_attn\.out_proj\." + _WB, r"encoder.layers.\1.attention.out.\2"),
    (_LAYER + r"self_attn_layer_norm\." + _WB, r"encoder.layers.\1.attention_norm.\2"),
    (_LAYER + r"fc1\." + _WB, r"encoder.layers.\1.feed_forward.up.\2"),
    (_LAYER + r"fc2\." + _WB, r"encoder.layers.\1.feed_forward.down.\2"),
    (_LAYER + r"final_layer_norm\." + _WB, r"encoder.layers.\1.feed_forward_norm.\2"),
    (r"(?:encoder|decoder)\.lm_head\.dense\." + _WB, r"lm_head.dense.\1"),
    (r"(?:encoder|decoder)\.lm_head\.layer_norm\." + _WB, r"lm_head.norm.\1"),
    (r"(?:encoder|decoder)\.lm_head\.bias", r"lm_head.bias"),
    (r"classification_heads\.([^.]+)\.dense\." + _WB, r"heads.\1.dense.\2"),
    (r"classification_heads\.([^.]+)\.out_proj\." + _WB, r"heads.\1.out.\2"),
]
# Three stock tensors, stacked by rows in this order, are one of ours.
FUSE = [(_LAYER + r"self_attn\.([qkv])_proj\." + _WB, r"encoder.layers.\1.attention.qkv.\3", "qkv")]
# Nothing of ours: a version mark, and the copies that 0.12.2 keeps of each layer for an inference path of its own.
DROP = [
    _TRUNK + r"version",
    _TRUNK + r"embed_positions\._float_tensor",
    _LAYER + r"(?:in_proj|out_proj|fc1|fc2)_(?:weight|bias)",
]
# The output matrix: ours is the embedding itself, so a stock one must hold the same numbers.
TIED = (r"(?:encoder|decoder)\.lm_head\.weight", "encoder.embed_tokens.weight")


def is_stock(state: MutableMapping[str, Tensor], prefix: str = "") -> bool:
    """Whether a model's state has stock RoBERTa's names."""
    return any(re.match(re.escape(prefix) + _TRUNK, name) for name in state)


def from_stock_roberta(state: MutableMapping[str, Tensor], prefix: str = "") -> None:
    """Rename and fuse the tensors of a stock RoBERTa checkpoint, in place; other names stay as they are.

    Raises UserError when the output matrix is not tied to the embedding, or a query, key or value is missing.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    tied = None
    for name in list(state):
        if not name.startswith(prefix):
            continue
        short = name[len(prefix) :]
        if re.fullmatch(TIED[0], short):
            tied = state.pop(name)
        elif any(re.fullmatch(pattern, short) for pattern in DROP):
            del state[name]
        elif found := _first(FUSE, short):
            match, (_, target, _) = found
            parts.setdefault(prefix + match.expand(target), {})[match[2]] = state.pop(name)
        elif found := _first(FROM_STOCK, short):
            match, (_, target) = found
            state[prefix + match.expand(target)] = state.pop(name)
    for name, part in parts.items():
        if missing := [letter for letter in FUSE[0][2] if letter not in part]:
            raise UserError(f"the checkpoint has no {missing[0]}_proj for {name}; it is damaged, take another copy")
        state[name] = torch.cat([part[letter] for letter in FUSE[0][2]])
    embedding = state.get(prefix + TIED[1])
    if tied is not None and embedding is not None and not torch.equal(tied, embedding):
        raise UserError(
            "the checkpoint's output matrix is not its embedding (--untie-weights-roberta); "
            "only models with tied weights can be loaded"
        )


def _first(table: list[tuple], name: str) -> tuple[re.Match, tuple] | None:
    for row in table:
        if match := re.fullmatch(row[0], name):
            return match, row
    return None


def check(state: MutableMapping[str, Tensor], own: MutableMapping[str, Tensor], prefix: str = "") -> None:
    """Raise UserError, in one line, unless `state` has exactly the names and shapes of `own`.

    The shapes that say which option is wrong come first: embeddings, layers, width, positions.
    """
    theirs, ours = ({n[len(prefix) :]: t for n, t in d.items() if n.startswith(prefix)} for d in (state, own))

    def rows(tensors, name, axis=0):
        return tensors[name].size(axis) if name in tensors else None

    def layers(tensors):
        return len({n.split(".")[2] for n in tensors if n.startswith("encoder.layers.")})

    embedding, positions = "encoder.embed_tokens.weight", "encoder.embed_positions.weight"
    has, makes = rows(theirs, embedding), rows(ours, embedding)
    if has is not None and has != makes:
        raise UserError(
            f"the checkpoint has {has:,} embeddings, this dictionary makes {makes:,}; "
            "use the tokenizer and dict.txt the checkpoint was trained with"
        )
    for what, has, makes in (
        ("layers", layers(theirs), layers(ours)),
        ("dimensions", rows(theirs, embedding, 1), rows(ours, embedding, 1)),
    ):
        if has is not None and has != makes:
            raise UserError(
                f"the checkpoint has {has} {what}, this model {makes}; use the --arch the checkpoint was trained with"
            )
    has, makes = rows(theirs, positions), rows(ours, positions)
    if has is not None and has != makes:
        extra = 2  # padding_idx + 1
        raise UserError(
            f"the checkpoint has {has - extra} positions, this model {makes - extra}; use --max-positions {has - extra}"
        )
    for name in ours:
        if name in theirs and theirs[name].shape != ours[name].shape:
            raise UserError(
                f"{name} is {list(theirs[name].shape)} in the checkpoint and {list(ours[name].shape)} in this model; "
                "use the --arch and sizes the checkpoint was trained with"
            )
    for missing, kind in ((ours.keys() - theirs.keys(), "lacks"), (theirs.keys() - ours.keys(), "has unknown")):
        if missing:
            raise UserError(
                f"the checkpoint {kind} {len(missing)} tensor{'s' * (len(missing) > 1)}, first {min(missing)}; "
                "use a checkpoint of HalleluBERT or of fairseq's RoBERTa"
            )
