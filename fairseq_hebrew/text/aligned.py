"""Normalization that remembers where each character came from: answers are found in normalized text and shown in the
text as it was given."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from . import characters
from .normalize import Normalization, normalize_line

_WHITE = re.compile(r"\s+")  # the same characters as str.split


@dataclass
class Aligned:
    """A text, and for each of its characters the half-open range of the original's characters that it stands for.

    Points that were stripped belong to the letter before them; what else was stripped belongs to no character.
    """

    text: str
    begins: list[int] = field(repr=False)
    ends: list[int] = field(repr=False)

    def original(self, begin: int, end: int) -> tuple[int, int]:
        """The range of the original's characters for a range of this text's that is not empty."""
        return self.begins[begin], max(self.ends[begin:end])


def normalize_aligned(text: str, rules: Normalization) -> Aligned:
    """`normalize_line(text, rules)` with its characters' places in `text`.

    Raises ValueError for rules.punctuation: those of Moses do not tell what they change.
    """
    if rules.punctuation:
        raise ValueError("Moses punctuation keeps no track of characters")
    made = Aligned(text, list(range(len(text))), list(range(1, len(text) + 1)))
    if normalize_line(text, rules) == text:
        return made
    # The rules and their order are those of normalize_and_tell.
    if rules.controls:
        _strip(made, characters.HAS_CONTROLS)
    if rules.bidi:
        _strip(made, characters.HAS_BIDI)
    if rules.forms:
        _replace(made, [(i, i + 1, characters.WIDE_LETTERS[ord(sign)]) for i, sign in _wide(made.text)])
        _compose(made)
    if rules.points:
        before = made.text
        _strip(made, characters.HAS_POINTS, joined=True)
        if rules.forms and made.text != before:
            _compose(made)
    if rules.gershayim:
        for pattern, sign in ((characters.GERSHAYIM_INSIDE, '"'), (characters.GERESH_INSIDE, "'")):
            made.text = pattern.sub(sign, made.text)
    if rules.spaces:
        _blanks(made)
    return made


def _wide(text: str) -> list[tuple[int, str]]:
    return [(found.start(), found[0]) for found in characters.HAS_WIDE.finditer(text)]


def _strip(made: Aligned, pattern: re.Pattern, joined: bool = False) -> None:
    """Take out the characters that match; `joined`: each belongs to the character before it, unless that is a blank."""
    text, begins, ends = [], [], []
    for sign, begin, end in zip(made.text, made.begins, made.ends):
        if pattern.match(sign):
            if joined and text and not text[-1].isspace():
                ends[-1] = max(ends[-1], end)
            continue
        text.append(sign)
        begins.append(begin)
        ends.append(end)
    made.text, made.begins, made.ends = "".join(text), begins, ends


def _replace(made: Aligned, changes: list[tuple[int, int, str]]) -> None:
    """Put a text in the place of each range; every character of it stands for the whole range."""
    text, begins, ends, done = [], [], [], 0
    for start, stop, new in [*changes, (len(made.text), len(made.text), "")]:
        text += [made.text[done:start], new]
        begins += made.begins[done:start] + [made.begins[start] if new else 0] * len(new)
        ends += made.ends[done:start] + [max(made.ends[start:stop], default=0)] * len(new)
        done = stop
    made.text, made.begins, made.ends = "".join(text), begins, ends


def _compose(made: Aligned) -> None:
    """NFC, a letter with its marks at a time."""
    text = made.text
    if unicodedata.is_normalized("NFC", text):
        return
    changes, start = [], 0
    for stop in range(1, len(text) + 1):
        if stop < len(text) and not _parts(text[start:stop], text[stop]):
            continue
        new = unicodedata.normalize("NFC", text[start:stop])
        if new != text[start:stop]:
            changes.append((start, stop, new))
        start = stop
    _replace(made, changes)


def _parts(before: str, sign: str) -> bool:
    """Whether NFC leaves a character apart from those before it."""
    normalize = unicodedata.normalize
    # Some vowel signs are two marks that no class of their own tells to be marks.
    if unicodedata.combining(normalize("NFD", sign)[0]):
        return False
    return normalize("NFC", before + sign) == normalize("NFC", before) + normalize("NFC", sign)


def _blanks(made: Aligned) -> None:
    """Every run of white space to one blank, none at the ends."""
    left = len(made.text) - len(made.text.lstrip())
    right = len(made.text.rstrip())
    made.text, made.begins, made.ends = made.text[left:right], made.begins[left:right], made.ends[left:right]
    _replace(made, [(found.start(), found.end(), " ") for found in _WHITE.finditer(made.text) if found[0] != " "])
