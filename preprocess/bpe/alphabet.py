"""The 256 byte characters of a byte-level BPE: what a byte is written as, and which id it has."""

from __future__ import annotations

import functools

import numpy as np

from fairseq_hebrew.text.dictionary import SPECIALS
from fairseq_hebrew.text.tokenizer import BYTES, byte_characters

# Merge number i of a vocabulary makes the id FIRST_MERGE + i.
FIRST_MERGE = len(SPECIALS) + BYTES


@functools.cache
def byte_ids() -> np.ndarray:
    """int32 (256,): the id of each byte. The specials come first, then the characters by code point."""
    order = sorted(range(BYTES), key=lambda byte: byte_characters()[byte])
    ids = np.empty(BYTES, dtype=np.int32)
    ids[order] = np.arange(len(SPECIALS), FIRST_MERGE)
    return ids
