"""What the tokenizer files of a Hugging Face folder say, as one tokenizer.json.

That is tokenizer.json itself, or what stands for it in older folders: BERT's vocab.txt, or the vocab.json and
merges.txt of a byte-level BPE. tokenizer_config.json adds what these files do not say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..stage.errors import UserError
from .bert import BERT_OPTIONS, bert_normalizer, bert_tokenizer, named
from .pretokenize import stored

TOKENIZER, WORDPIECE, CONFIG = "tokenizer.json", "vocab.txt", "tokenizer_config.json"
BYTE_LEVEL = ("vocab.json", "merges.txt")
MAP, ADDED = "special_tokens_map.json", "added_tokens.json"
AGAIN = "copy it again from where the model came from"


@dataclass(frozen=True)
class Source:
    """`content` is what tokenizer.json has or would have; `path` is the file it was read from."""

    path: Path
    content: dict[str, Any] = field(repr=False)

    @property
    def model(self) -> dict[str, Any]:
        return self.content["model"]

    @property
    def pieces(self) -> dict[str, int]:
        """piece: id, of the model alone."""
        vocab = self.model["vocab"]
        return vocab if isinstance(vocab, dict) else {piece: i for i, (piece, _) in enumerate(vocab)}

    @property
    def tokens(self) -> dict[str, int]:
        """token: id, of the model and of what was added to it."""
        return self.pieces | {token["content"]: token["id"] for token in self.content["added_tokens"]}


def source_file(folder: Path) -> Path | None:
    """The file of a folder that holds its tokenizer's entries; None where there is none."""
    found = (folder / name for name in (TOKENIZER, WORDPIECE, BYTE_LEVEL[0]))
    return next((path for path in found if path.exists()), None)


def read_source(folder: Path) -> Source:
    """The tokenizer of a folder; raises UserError where it is damaged, or of a kind that cannot be known."""
    path = source_file(folder)
    config = read_config(folder)
    if path is None:
        more = sorted(found.name for found in folder.glob("*.model")) if folder.is_dir() else []
        remedy = "save it once with transformers' AutoTokenizer (fast), which writes tokenizer.json"
        raise UserError(
            f"{folder}: no {TOKENIZER}, {WORDPIECE} or {BYTE_LEVEL[0]} there"
            + (f", {more[0]} alone cannot be read; {remedy}" if more else f"; {remedy}")
        )
    if path.name == WORDPIECE:
        return _checked(Source(path, _with_added(folder, config, bert_tokenizer(path, config), "")))
    if path.name != TOKENIZER:
        # RoBERTa's mask takes the blank before it along.
        return _checked(Source(path, _with_added(folder, config, _byte_level(folder, config), "mask_token")))
    content = read_json(path)
    if not isinstance(content.get("model"), dict):
        raise UserError(f"{path}: not a tokenizer (it has no model); {AGAIN}")
    source = _checked(Source(path, {**content, "added_tokens": content.get("added_tokens") or []}))
    normalizer = source.content.get("normalizer") or {}
    if normalizer.get("type") == "BertNormalizer" and any(config.get(name) is not None for name in BERT_OPTIONS):
        # transformers lets the configuration have the last word.
        source.content["normalizer"] = bert_normalizer(folder / CONFIG, config, normalizer)
    return source


def _with_added(folder: Path, config: Mapping[str, Any], content: dict[str, Any], lstrip: str) -> dict[str, Any]:
    """The same with the tokens that the files beside the older ones add, or give flags to.

    The special of the name `lstrip` takes blanks before it along where nothing is said.
    """
    vocab, told = content["model"]["vocab"], {**read_map(folder), **config}
    added = read_json(folder / ADDED) if (folder / ADDED).exists() else {}
    tokens: dict[str, dict[str, Any]] = {name: {"special": False, "normalized": True} for name in added}
    decoder = told.get("added_tokens_decoder") or {}
    if not isinstance(decoder, dict) or not all(isinstance(token, dict) for token in decoder.values()):
        raise UserError(f"{folder / CONFIG}: added_tokens_decoder names no tokens; {AGAIN}")
    for number, token in decoder.items():
        if (name := named(token)) is not None:
            added.setdefault(name, int(number) if number.isdecimal() else number)
            tokens[name] = token
    for key in (key for key in told if key.endswith("_token")):
        if (name := named(told[key])) is not None and (name in vocab or name in added):
            flags = told[key] if isinstance(told[key], dict) else {"lstrip": key == lstrip}
            tokens[name] = {**flags, **tokens.get(name, {}), "special": True, "normalized": False}
    vocab |= {name: number for name, number in added.items() if name not in vocab}
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    content["added_tokens"] = [
        {"id": vocab[name], "content": name, **{flag: bool(token.get(flag)) for flag in flags}}
        for name, token in tokens.items()
    ]
    return content


def read_map(folder: Path) -> dict[str, Any]:
    """special_tokens_map.json, {} where there is none."""
    path = folder / MAP
    return read_json(path) if path.exists() else {}


def read_config(folder: Path) -> dict[str, Any]:
    """tokenizer_config.json, {} where there is none."""
    path = folder / CONFIG
    return read_json(path) if path.exists() else {}


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; raises UserError where it holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON in UTF-8 ({error}); {AGAIN}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not an object in JSON; {AGAIN}")
    return content


def _byte_level(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """GPT-2's two files as RoBERTa's tokenizers read them."""
    path, merges = (folder / name for name in BYTE_LEVEL)
    if not merges.exists():
        raise UserError(f"{path}: its {merges.name} is missing; {AGAIN}")
    try:
        lines = merges.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise UserError(f"{merges}: not UTF-8 text; {AGAIN}") from None
    blank = bool(config.get("add_prefix_space"))
    before, vocab, told = {**stored("gpt2"), "add_prefix_space": blank}, read_json(path), {**read_map(folder), **config}
    ends = {"sep": named(told.get("sep_token")) or "</s>", "cls": named(told.get("cls_token")) or "<s>"}
    around = {"type": "RobertaProcessing", "trim_offsets": True, "add_prefix_space": blank}
    around |= {end: [token, vocab.get(token)] for end, token in ends.items()}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": before,
        "post_processor": around if vocab.keys() >= set(ends.values()) else None,
        "decoder": before,
        "model": {
            "type": "BPE",
            "vocab": vocab,
            "merges": [line for line in lines if line.strip() and not line.startswith("#version")],
        },
    }


def _checked(source: Source) -> Source:
    """The same, after a look at what every tokenizer must have."""
    vocab, added = source.model.get("vocab"), source.content["added_tokens"]
    try:
        if isinstance(vocab, list):
            right = all(isinstance(piece, str) and isinstance(score, int | float) for piece, score in vocab)
        else:
            right = all(type(i) is int and i >= 0 for i in vocab.values())
        right = right and all(isinstance(t["content"], str) and type(t["id"]) is int and t["id"] >= 0 for t in added)
    except (AttributeError, KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise UserError(f"{source.path}: not a tokenizer (its entries are no tokens with ids); {AGAIN}")
    tokens = source.tokens
    if not tokens:
        raise UserError(f"{source.path}: has no entries; {AGAIN}")
    if len(set(tokens.values())) != len(tokens):
        seen: dict[int, str] = {}
        first = next((seen[i], t, i) for t, i in tokens.items() if seen.setdefault(i, t) != t)
        raise UserError(f"{source.path}: {first[0]!r} and {first[1]!r} have one id, {first[2]}; {AGAIN}")
    return source
