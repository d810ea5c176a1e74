"""Hebrew normalization of a line of text, each rule an option.

The rules follow what was measured on real Hebrew text: blanket NFKC changes more than the presentation forms, and
a transliterating cleaner (as in the published pipeline for German) destroys Hebrew, so each class is named instead.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from . import characters


@dataclass(frozen=True)
class Normalization:
    """Which rules `normalize_line` applies."""

    points: bool = True  # strip niqqud and cantillation marks
    bidi: bool = True  # strip bidirectional control characters
    forms: bool = True  # map presentation forms to letters, and NFC
    gershayim: bool = True  # typographic gershayim and geresh between Hebrew letters to " and '
    spaces: bool = True  # every run of white space to one blank, none at the ends
    punctuation: bool = False  # Moses punctuation normalization (sacremoses)


def normalize_line(line: str, rules: Normalization) -> str:
    """`line` without its line end, normalized by `rules`. Idempotent: a normalized line stays as it is."""
    # What stands unseen between two characters goes first: no later rule must miss that they are neighbours.
    if rules.spaces:
        line = characters.CONTROLS.sub("", line)
    if not line.isascii():
        if rules.bidi:
            line = characters.HAS_BIDI.sub("", line)
        if rules.forms:
            if characters.HAS_WIDE.search(line):
                line = line.translate(characters.WIDE_LETTERS)
            line = _nfc(line)
        if rules.points:
            line, stripped = characters.HAS_POINTS.subn("", line)
            # A point can have kept an accent from joining its letter.
            line = _nfc(line) if stripped and rules.forms else line
        if rules.gershayim:
            line = characters.GERSHAYIM_INSIDE.sub('"', line)
            line = characters.GERESH_INSIDE.sub("'", line)
    if rules.punctuation:
        from .punctuation import normalize_punctuation

        line = normalize_punctuation(line)
    if rules.spaces:
        line = " ".join(line.split())
    return line


def _nfc(line: str) -> str:
    return line if unicodedata.is_normalized("NFC", line) else unicodedata.normalize("NFC", line)


def hebrew_share(text: str) -> float:
    """The share of Hebrew letters among all letters of `text`, from 0 to 1; 0 where there is no letter."""
    letters = _count(characters.ANY_LETTERS, text)
    return _count(characters.HEBREW_LETTERS, text) / letters if letters else 0.0


def yiddish_share(text: str) -> float:
    """Signs of Yiddish spelling per Hebrew letter, on text before its points are stripped."""
    signs = len(characters.YIDDISH.findall(text))
    words = len(characters.YIDDISH_WORD.findall(text)) if characters.HAS_POINTS.search(text) else 0
    # Pointed Hebrew has such words too (אַל), among many other points; plain Hebrew has one here and there.
    if words >= 3 and words > len(characters.HEBREW_POINT.findall(text)):
        signs += words
    letters = _count(characters.HEBREW_LETTERS, text) if signs else 0
    return signs / letters if letters else 0.0


def _count(characters_of: re.Pattern, text: str) -> int:
    return sum(map(len, characters_of.findall(text)))


def is_mojibake(line: str) -> bool:
    """Whether a line is Hebrew decoded with the wrong encoding: every letter became two signs, the first a ×."""
    found = len(characters.MOJIBAKE.findall(line))
    return found >= 3 and found >= 0.1 * len(line)
