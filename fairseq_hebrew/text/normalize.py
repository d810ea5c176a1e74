"""Hebrew normalization of a line of text, each rule an option.

The rules follow what was measured on real Hebrew text: blanket NFKC changes more than the presentation forms, and
a transliterating cleaner (as in the published pipeline for German) destroys Hebrew, so each class is named instead.
This is the plain path; `fast_normalize` does the same to whole buffers.
"""

from __future__ import annotations

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
    controls: bool = True  # strip the control characters that are no white space
    spaces: bool = True  # every run of white space to one blank, none at the ends
    punctuation: bool = False  # Moses punctuation normalization (sacremoses)


def normalize_line(line: str, rules: Normalization) -> str:
    """`line` without its line end, normalized by `rules`. Idempotent: a normalized line stays as it is."""
    return normalize_and_tell(line, rules)[0]


def normalize_and_tell(line: str, rules: Normalization) -> tuple[str, list[str]]:
    """The normalized line, and the names of the rules that changed it (fields of Normalization)."""
    changed: list[str] = []

    def to(made: str, rule: str) -> str:
        if made != line and rule not in changed:
            changed.append(rule)
        return made

    # What stands unseen between two characters goes first: no later rule must miss that they are neighbours.
    if rules.controls:
        line = to(characters.HAS_CONTROLS.sub("", line), "controls")
    if not line.isascii():
        if rules.bidi:
            line = to(characters.HAS_BIDI.sub("", line), "bidi")
        if rules.forms:
            if characters.HAS_WIDE.search(line):
                line = to(line.translate(characters.WIDE_LETTERS), "forms")
            line = to(_nfc(line), "forms")
        if rules.points:
            line = to(characters.HAS_POINTS.sub("", line), "points")
            # A point can have kept an accent from joining its letter.
            line = to(_nfc(line), "forms") if "points" in changed and rules.forms else line
        if rules.gershayim:
            line = to(characters.GERSHAYIM_INSIDE.sub('"', line), "gershayim")
            line = to(characters.GERESH_INSIDE.sub("'", line), "gershayim")
    if rules.punctuation:
        from .punctuation import normalize_punctuation

        line = to(normalize_punctuation(line), "punctuation")
    if rules.spaces:
        line = to(" ".join(line.split()), "spaces")
    return line, changed


def _nfc(line: str) -> str:
    return line if unicodedata.is_normalized("NFC", line) else unicodedata.normalize("NFC", line)
