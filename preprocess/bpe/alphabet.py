"""The 256 byte characters of a byte-level BPE: what a byte is written as, and which id it has."""

from __future__ import annotations

import functools

import numpy as np

from fairseq_hebrew.text.dictionary import SPECIALS

BYTES = 256
# Merge number i of a vocabulary makes the id FIRST_MERGE + i.
FIRST_MERGE = len(SPECIALS) + BYTES


@functools.cache
def byte_characters() -> list[str]:
    """The character each byte is written as (Radford et al. 2019, the GPT-2 code).

    The printable characters of Latin-1 stand for their own byte, U+0100, U+0101, ... for the other bytes in order.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(BYTES, 2 * BYTES))
    return [chr(byte if byte in printable else next(others)) for byte in range(BYTES)]


@functools.cache
def byte_ids() -> np.ndarray:
    """int32 (256,): the id of each byte. The specials come first, then the characters by code point."""
    order = sorted(range(BYTES), key=lambda byte: byte_characters()[byte])
    ids = np.empty(BYTES, dtype=np.int32)
    ids[order] = np.arange(len(SPECIALS), FIRST_MERGE)
    return ids
