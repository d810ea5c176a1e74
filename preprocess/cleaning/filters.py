"""Which documents are dropped and why, for a whole batch at once."""

from __future__ import annotations

import numpy as np

from fairseq_hebrew.text.fast_measures import Measured, repeated_lines, repeated_ngrams
from fairseq_hebrew.text.fast_normalize import MOJIBAKE, Normalized
from fairseq_hebrew.text.measures import DIGIT, HEBREW, LATIN, LETTER, SYMBOL, WHITE

from .settings import BOILERPLATE_CHARACTERS, Settings

# In the order they are looked for: the first that holds is the one that counts. Number 0 is no reason.
REASONS = (
    "kept",
    "yiddish",
    "mojibake",
    "empty",
    "not_hebrew",
    "not_english",
    "short",
    "long",
    "symbols",
    "digits",
    "duplicate_lines",
    "top_ngram",
    "duplicate_ngrams",
)


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole` as float64, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def per_document(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """int64 (D,): the sums of the values of each document's lines. `values` (L,); `ends` (D,) as in Measured."""
    sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.diff(sums[ends], prepend=0)


def short_line_keys(measured: Measured, kept: np.ndarray) -> np.ndarray:
    """uint64: the hashes of the short lines of the documents where `kept`, bool (D,), each once a document."""
    short = (measured.line_sizes <= BOILERPLATE_CHARACTERS) & np.repeat(kept, measured.lines_of)
    return measured.lines[short & ~repeated_lines(measured)]


def reasons_of(normalized: Normalized, measured: Measured, settings: Settings) -> np.ndarray:
    """int64 (D,): for each document the number in REASONS of why it is dropped, 0 where it is kept."""
    kinds, lines = measured.kinds, measured.lines_of
    letters = kinds[:, [LETTER, HEBREW, LATIN]].sum(axis=1)
    visible = kinds.sum(axis=1) - kinds[:, WHITE]
    broken = per_document(normalized.flags == MOJIBAKE, normalized.first[1:])
    reasons = np.zeros(len(lines), dtype=np.int64)

    def drop(reason: str, where: np.ndarray) -> None:
        reasons[where & (reasons == 0)] = REASONS.index(reason)

    drop("yiddish", normalized.yiddish > settings.max_yiddish)
    drop("mojibake", (lines == 0) & (broken > 0))
    drop("empty", lines == 0)
    if settings.language == "hebrew":
        drop("not_hebrew", share(kinds[:, HEBREW], letters) < settings.min_hebrew)
    elif settings.language == "english":
        drop("not_english", share(kinds[:, LATIN], letters) < settings.min_english)
    drop("short", measured.characters < settings.min_characters)
    if settings.max_characters:
        drop("long", measured.characters > settings.max_characters)
    drop("symbols", share(kinds[:, SYMBOL], visible) > settings.max_symbols)
    drop("digits", share(kinds[:, DIGIT], visible) > settings.max_digits)
    tested = np.diff(measured.word_ends, prepend=0) >= max(settings.repetition_words, 1)
    again = repeated_lines(measured)
    ends, sizes = measured.line_ends, measured.line_sizes
    repeated = share(per_document(again, ends), lines) > settings.max_duplicate_lines
    repeated |= share(per_document(sizes * again, ends), per_document(sizes, ends)) > (
        settings.max_duplicate_line_characters
    )
    drop("duplicate_lines", tested & repeated)
    # The dearest test comes last, and only for what is still there.
    verdicts = repeated_ngrams(
        measured, tested & (reasons == 0), settings.max_top_ngrams, settings.max_duplicate_ngrams
    )
    drop("top_ngram", verdicts == 1)
    drop("duplicate_ngrams", verdicts == 2)
    return reasons
