"""Pre-tokenizers: where a line is cut into the words that byte-pair merges stay inside.

`gpt2` is the papers' (byte-level BPE with GPT-2's pattern): a word is an optional blank and a run of letters, of
numbers, or of anything else. It cuts every acronym at its gershayim and every pointed word at its
points. `hebrew` keeps them whole: marks belong to the letters they stand on, gershayim stay inside an acronym (צה"ל,
מנכ"לית: one to three letters follow them, so that ב"הארץ" is still cut), geresh stays after its letter (ג'ירפה, רח').

Both stand here twice: as the pattern that tokenizer.json stores and any Hugging Face tokenizer runs, and as a kernel
that finds the same words.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from .characters import LETTERS, POINTS

KINDS = ("gpt2", "hebrew")

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

_LETTER, _AFTER = f"[{LETTERS}]", f"(?<=[{LETTERS}{POINTS}])"
_WORD = r"[\p{L}\p{M}]+"
_GERSHAYIM = f'{_AFTER}["״](?=(?:{_LETTER}[{POINTS}]*){{1,3}}(?![\\p{{L}}\\p{{M}}])){_WORD}'
_GERESH = f"{_AFTER}['׳](?={_LETTER}){_WORD}"
_LAST_GERESH = f"{_AFTER}['׳](?!['׳\\p{{L}}\\p{{M}}])"
_HEBREW = (
    rf"'s|'t|'re|'ve|'m|'ll|'d| ?{_WORD}(?:{_GERSHAYIM}|{_GERESH})*(?:{_LAST_GERESH})?"
    r"| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"
)

CLASSES = {"L": 1, "N": 2, "S": 3, "M": 4}
# Beside the Unicode classes: what the `hebrew` kernel must tell apart.
HEBREW_LETTER, POINT = 8, 16


def huggingface(kind: str) -> Any:
    """The `tokenizers` pre-tokenizer of a kind, as tokenizer.json stores it."""
    from tokenizers import Regex, pre_tokenizers

    if kind == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_in_ascii(_HEBREW)), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _in_ascii(pattern: str) -> str:
    """The pattern with its Hebrew as escapes: the tokenizers library panics when it prints a long one with letters."""
    return "".join(sign if sign.isascii() else f"\\x{{{ord(sign):04X}}}" for sign in pattern)


def kind_of(tokenizer: dict) -> str | None:
    """Which kind a parsed tokenizer.json holds; None: another pre-tokenizer than these."""
    found = tokenizer.get("pre_tokenizer")
    if isinstance(found, dict) and found.get("type") == "ByteLevel":
        # Files older than the option do not name it.
        found = {"use_regex": True, **found}
    return next((kind for kind in KINDS if found == stored(kind)), None)


@functools.cache
def stored(kind: str) -> dict:
    """The `pre_tokenizer` section of a tokenizer.json of this kind."""
    import json

    from tokenizers import Tokenizer, models

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = huggingface(kind)
    return json.loads(tokenizer.to_str())["pre_tokenizer"]


@functools.cache
def classes() -> np.ndarray:
    """uint8 (0x110000,): the class of each code point (low three bits), with HEBREW_LETTER and POINT where they hold.

    Python's own tables will not do: they are older or newer than the tokenizers library's from release to release.
    """
    table = np.zeros(0x110000, dtype=np.uint8)
    with open(Path(__file__).with_name("unicode_classes.tsv"), encoding="ascii") as file:
        for row in file:
            if not row.startswith("#"):
                first, last, name = row.split()
                table[int(first, 16) : int(last, 16) + 1] = CLASSES[name]
    for characters, flag in ((LETTERS, HEBREW_LETTER), (POINTS, POINT)):
        for code_point in code_points(characters):
            table[code_point] |= flag
    return table


def code_points(characters: str) -> list[int]:
    """The code points of a character class written as in a pattern: `a-z` is a range."""
    found: list[int] = []
    i = 0
    while i < len(characters):
        last = i + 2 if characters[i + 1 : i + 2] == "-" else i
        found += range(ord(characters[i]), ord(characters[last]) + 1)
        i = last + 1
    return found


def words(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words of lines of valid UTF-8.

    `data` uint8 (N,); line i is data[starts[i]:ends[i]], int64 (L,). Returns the words' starts and ends in `data`,
    int64 (W,), and int64 (L + 1,) `first`: line i has the words first[i]:first[i + 1], which together are the line.
    """
    from .pretokenize_kernels import find_words

    return find_words(data, starts, ends, classes(), kind == "hebrew")
