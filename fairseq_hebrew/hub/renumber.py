"""A parsed tokenizer.json with other ids, and with the specials a model was trained with at both ends of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.tokenizer_source import Source

# The flags of an added token, as they are where a file says nothing.
FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def renumbered(source: Source, ids: Mapping[str, int], specials: Mapping[str, str]) -> dict[str, Any]:
    """The content of tokenizer.json with the token ids `ids`, those of all tokens and maybe of more.

    `specials` names the tokens of the roles bos, pad, eos, unk and mask. They become special tokens, and bos and eos
    stand at the ends of a text.
    """
    added = {token["content"]: {**FLAGS, **token} for token in source.content["added_tokens"]}
    for token in specials.values():
        added[token] = {**FLAGS, "content": token, **added.get(token, {}), "special": True}
    made = {
        **source.content,
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(({**t, "id": ids[t["content"]]} for t in added.values()), key=lambda t: t["id"]),
        "post_processor": _processor(source.content.get("post_processor"), ids),
        "model": source.model if ids == source.tokens else _model(source, ids),
    }
    if not _surrounds(source, made, ids, specials):
        made["post_processor"] = _template(specials["bos"], specials["eos"], ids)
        if not _surrounds(source, made, ids, specials):
            raise UserError(f"{source.path}: cannot be written with other ids: the library reads them otherwise")
    return made


def _model(source: Source, ids: Mapping[str, int]) -> dict[str, Any]:
    """The `model` section: every token is one of its entries, for only these have ids that a file can choose."""
    tokens = sorted(ids, key=ids.get)
    if isinstance(source.model["vocab"], dict):
        return {**source.model, "vocab": {token: ids[token] for token in tokens}}
    scores = dict(source.model["vocab"])
    made = {**source.model, "vocab": [[token, scores.get(token, 0.0)] for token in tokens]}
    if source.model.get("unk_id") is not None:
        made["unk_id"] = ids[source.model["vocab"][source.model["unk_id"]][0]]
    return made


def _processor(found: dict[str, Any] | None, ids: Mapping[str, int]) -> dict[str, Any] | None:
    """The `post_processor` section with these ids; one of a kind that is not known is left as it is."""
    if found is None:
        return None
    kind = found.get("type")
    if kind == "Sequence":
        return {**found, "processors": [_processor(part, ids) for part in found["processors"]]}
    if kind == "TemplateProcessing":
        named = found["special_tokens"].items()
        return {
            **found,
            "special_tokens": {name: {**t, "ids": [ids[token] for token in t["tokens"]]} for name, t in named},
        }
    if kind in ("BertProcessing", "RobertaProcessing"):
        return {**found, **{end: [found[end][0], ids[found[end][0]]] for end in ("sep", "cls")}}
    return found


def _template(bos: str, eos: str, ids: Mapping[str, int]) -> dict[str, Any]:
    """`bos A eos` and `bos A eos B eos`, as BERT has it, of one type: the models here know no segments."""

    def special(token: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": 0}}

    def text(which: str) -> dict[str, Any]:
        return {"Sequence": {"id": which, "type_id": 0}}

    one = [special(bos), text("A"), special(eos)]
    return {
        "type": "TemplateProcessing",
        "single": one,
        "pair": [*one, text("B"), special(eos)],
        "special_tokens": {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in (bos, eos)},
    }


def _surrounds(source: Source, made: dict[str, Any], ids: Mapping[str, int], specials: Mapping[str, str]) -> bool:
    """Whether the library reads this file with these ids, and sets bos before and eos after a text."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(json.dumps(made, ensure_ascii=False))
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"{source.path}: cannot be written with other ids ({error})") from None
    plain = tokenizer.encode("שלום", add_special_tokens=False).ids
    with_ends = [ids[specials["bos"]], *plain, ids[specials["eos"]]]
    return tokenizer.get_vocab(with_added_tokens=True) == ids and tokenizer.encode("שלום").ids == with_ends
