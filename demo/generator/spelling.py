"""Joins the pieces of a sentence: the article, prefixes, doubled ו, spacing.

Phrases are built with two private marks instead of letters, since what is
written depends on a neighbour known only later: after ב, ל or כ the article
disappears (ב + הבית is בבית), and a word in ו doubles it after a prefix.
"""

from __future__ import annotations

import re

ARTICLE = "\ue000"
JOINT = "\ue001"

_SWALLOWED = re.compile(f"([בלכ]){JOINT}*{ARTICLE}")
_WRITTEN = re.compile(f"{JOINT}*{ARTICLE}")
_DOUBLED = re.compile(f"(?<=[א-ת]){JOINT}+ו(?=[א-הז-ת])")
_HYPHEN = re.compile(f"(?<=[א-ת]){JOINT}+(?=[0-9A-Za-z])")


def spell(text: str) -> str:
    """The text as written: private marks resolved, spaces tidied."""
    text = _SWALLOWED.sub(rf"\1{JOINT}", text)
    text = _WRITTEN.sub(f"ה{JOINT}", text)
    text = _DOUBLED.sub("וו", text)
    text = _HYPHEN.sub("-", text)
    text = text.replace(JOINT, "")
    text = re.sub(r" +", " ", text)
    return re.sub(r" ([,.;:?!])", r"\1", text).strip()
