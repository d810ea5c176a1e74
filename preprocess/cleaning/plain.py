"""Cleaning one document in plain Python: what the kernels' way is proved equal to and measured against."""

from __future__ import annotations

from fairseq_hebrew.text import measures
from fairseq_hebrew.text.normalize import normalize_line

from .settings import Settings


def clean_document(text: str, settings: Settings) -> tuple[list[str], str | None, int]:
    """(lines kept, reason the document was dropped for or None, lines dropped as mojibake).

    `text`: lines, without the last one's end.
    """
    lines = text.split("\n")
    sound = [line for line in lines if not measures.is_mojibake(line, settings.max_mojibake)]
    kept = [made for line in sound if (made := normalize_line(line, settings.normalization)).strip()]
    broken = len(lines) - len(sound)
    if measures.yiddish_share(text) > settings.max_yiddish:
        return [], "yiddish", broken
    if not kept:
        return [], "mojibake" if broken else "empty", broken
    reason = _reason(kept, settings)
    # No rule may lay bare a `\r` that a reader would take for a part of the line end.
    return ([], reason, broken) if reason else ([line.rstrip("\r") for line in kept], None, broken)


def _reason(lines: list[str], settings: Settings) -> str | None:
    kinds = measures.count_kinds("".join(lines))
    letters = kinds[measures.LETTER] + kinds[measures.HEBREW] + kinds[measures.LATIN]
    visible = max(sum(kinds) - kinds[measures.WHITE], 1)
    if settings.language == "hebrew" and kinds[measures.HEBREW] / max(letters, 1) < settings.min_hebrew:
        return "not_hebrew"
    if settings.language == "english" and kinds[measures.LATIN] / max(letters, 1) < settings.min_english:
        return "not_english"
    characters = len("\n".join(lines))
    if characters < settings.min_characters:
        return "short"
    if settings.max_characters and characters > settings.max_characters:
        return "long"
    if kinds[measures.SYMBOL] / visible > settings.max_symbols:
        return "symbols"
    if kinds[measures.DIGIT] / visible > settings.max_digits:
        return "digits"
    words = "\n".join(lines).split()
    if len(words) < max(settings.repetition_words, 1):
        return None
    of_lines, of_characters = measures.duplicate_lines(lines)
    if of_lines > settings.max_duplicate_lines or of_characters > settings.max_duplicate_line_characters:
        return "duplicate_lines"
    if any(measures.top_ngram_share(words, n) > limit for n, limit in enumerate(settings.max_top_ngrams, 2)):
        return "top_ngram"
    if any(
        measures.duplicate_ngram_share(words, n) > limit for n, limit in enumerate(settings.max_duplicate_ngrams, 5)
    ):
        return "duplicate_ngrams"
    return None
