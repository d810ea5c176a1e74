"""Which entries of a tokenizer are fairseq's `<s> <pad> </s> <unk> <mask>`, whatever it calls them.

A vocabulary folder with a tokenizer of another origin says so in specials.json: tokenizer ids by fairseq's names, and
the rows of the embedding the ids belong to. Elsewhere they are those that tokenizer_config.json or
special_tokens_map.json name, else those with a usual name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..stage.errors import UserError
from .bert import named
from .dictionary import MASK, SPECIALS, Specials
from .tokenizer_source import CONFIG, read_config, read_json, read_map

STORED = "specials.json"
ROWS = "rows"
AGAIN = "write the folder again with `fairseq-hebrew import-hf`"
# Field of Specials: fairseq's name, what transformers' files may call its token, and its usual names.
ROLES = {
    "bos": (SPECIALS[0], ("cls_token", "bos_token"), ("[CLS]",)),
    "pad": (SPECIALS[1], ("pad_token",), ("[PAD]",)),
    "eos": (SPECIALS[2], ("sep_token", "eos_token"), ("[SEP]",)),
    "unk": (SPECIALS[3], ("unk_token",), ("[UNK]",)),
    "mask": (MASK, ("mask_token",), ("[MASK]",)),
}


def read_specials(folder: Path, tokens: Mapping[str, int]) -> Specials:
    """Those of the tokenizer in a folder, whose ids by token are given.

    Raises UserError where one of them, save the mask, is missing, or two are one entry.
    """
    path = folder / STORED
    return _stored(path, tokens) if path.exists() else find_specials(folder, tokens)


def find_specials(folder: Path, tokens: Mapping[str, int]) -> Specials:
    """Those that transformers' files name, or that have a usual name."""
    told = {**read_map(folder), **read_config(folder)}
    found: dict[str, int] = {}
    for role, (name, keys, usual) in ROLES.items():
        given = [(key, token) for key in keys if (token := named(told.get(key)))]
        for key, token in given:
            if token not in tokens:
                raise UserError(f"{folder}: {key} is {token!r}, which its tokenizer lacks; name one of its entries")
        names = [token for _, token in given] or [token for token in (name, *usual) if token in tokens]
        if names:
            found[role] = tokens[names[0]]
        elif role != "mask":
            raise missing(folder, role)
    _check_distinct(folder, found)
    return Specials(**found)


def missing(folder: Path, role: str) -> UserError:
    """The error of a tokenizer without a special."""
    name, keys, _ = ROLES[role]
    return UserError(
        f"{folder}: its tokenizer names no {keys[0]}, which is fairseq's {name}; name an entry that no text needs as "
        f'"{keys[0]}" in {CONFIG}'
    )


def stored_content(specials: Specials) -> str:
    """The content of specials.json."""
    content = {name: getattr(specials, role) for role, (name, _, _) in ROLES.items()}
    return json.dumps({**content, ROWS: specials.rows}, indent=1) + "\n"


def _stored(path: Path, tokens: Mapping[str, int]) -> Specials:
    content = read_json(path)
    wanted = [*(name for name, _, _ in ROLES.values()), ROWS]
    if set(content) != set(wanted):
        raise UserError(f"{path}: has {' '.join(map(str, content))}, not {' '.join(wanted)}; {AGAIN}")
    ids, rows = set(tokens.values()), content[ROWS]
    for name in wanted[:-1]:
        if type(content[name]) is not int or content[name] not in ids:
            raise UserError(f"{path}: {name} is {content[name]!r}, no id of the tokenizer; {AGAIN}")
    if type(rows) is not int or rows <= max(ids):
        raise UserError(f"{path}: {ROWS} is {rows!r}, the tokenizer has ids up to {max(ids):,}; {AGAIN}")
    found = {role: content[name] for role, (name, _, _) in ROLES.items()}
    _check_distinct(path, found)
    return Specials(**found, rows=rows)


def _check_distinct(where: Path, found: Mapping[str, int]) -> None:
    by_id: dict[int, str] = {}
    for role, number in found.items():
        other = by_id.setdefault(number, role)
        if other != role:
            raise UserError(
                f"{where}: {ROLES[other][0]} and {ROLES[role][0]} are one entry of the tokenizer, id {number}; each "
                f"needs its own: name another in {CONFIG}"
            )
