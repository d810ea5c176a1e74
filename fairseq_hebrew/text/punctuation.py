"""Punctuation and word spacing by sacremoses: the Moses rules that the field's corpora were made with."""

from __future__ import annotations

import functools
from collections.abc import Sequence

# Moses has no rules for Hebrew: any language without rules of its own gets the general ones.
LANGUAGE = "he"


@functools.cache
def _normalizer():
    from sacremoses import MosesPunctNormalizer

    # Moses's rule for quotation followed by a comma moves punctuation over the quote, which in Hebrew can stand
    # inside an acronym (ארה", כלומר); numbers are left alone for the same reason (5.000 is not 5,000 here).
    return MosesPunctNormalizer(lang=LANGUAGE, norm_quote_commas=False, norm_numbers=False)


@functools.cache
def _detokenizer():
    from sacremoses import MosesDetokenizer

    return MosesDetokenizer(lang=LANGUAGE)


def normalize_punctuation(line: str) -> str:
    """Typographic dashes, quotes and ellipses of a line to their plain forms."""
    return _normalizer().normalize(line)


def detokenize(words: Sequence[str]) -> str:
    """Words and punctuation marks that stand apart, as in token-per-line data, joined as a person writes them."""
    # unescape=False: the words are plain text, not the XML-escaped output of the Moses tokenizer.
    return _detokenizer().detokenize(list(words), unescape=False)
