"""A byte-level BPE encoder in kernels: the ids of Hugging Face's, about twenty times as fast.

Words are found by the kernels of `pretokenize`. A word's ids are kept, and looked up when the word comes again: most
do. A new word is merged as Hugging Face does it: the pair of the lowest rank first, the leftmost of equal ones.
Every kept word is compared in full, and the room for them does not grow: the newest take the place of the oldest.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .pretokenize import kind_of, words
from .tokenizer import byte_characters

# Rows of the two caches of a thread: 34 MB and 7 MB.
SMALL_ROWS, LARGE_ROWS = 1 << 20, 1 << 16
# What must follow the text in memory: it is read 8 bytes at a time.
PADDING = 40


class Unsupported(Exception):
    """A tokenizer.json with something this encoder does not do; its text says what."""


def padded(text: bytes | bytearray | memoryview) -> np.ndarray:
    """uint8 (N,), a copy of `text` with zeros after it as `FastBPE.encode` needs them."""
    data = np.zeros(-(-(len(text) + PADDING) // 8) * 8, np.uint8)
    data[: len(text)] = np.frombuffer(text, np.uint8)
    return data


class FastBPE:
    """The encoder of a tokenizer.json. Threads may share one: each has a cache of its own."""

    def __init__(self, path: Path, table: np.ndarray | None = None) -> None:
        """`table`, int32 (entries,), maps the tokenizer's ids to those that are wanted (a dictionary's).

        Raises Unsupported where Hugging Face might do something else with this file.
        """
        from . import fast_bpe_kernels as kernels

        with open(path, encoding="utf-8") as file:
            tokenizer = json.load(file)
        self.kind = _kind(tokenizer)
        model = tokenizer["model"]
        vocabulary = model["vocab"]
        if max(len(vocabulary), max(vocabulary.values()) + 1) > kernels.ID:
            raise Unsupported(f"it has more than {kernels.ID:,} entries")
        self._alphabet = _alphabet(vocabulary)
        self._merges, self._made = _merges(model["merges"], vocabulary, kernels)
        size = max(vocabulary.values()) + 1
        self._table = np.arange(size, dtype=np.int32) if table is None else np.ascontiguousarray(table, np.int32)
        if len(self._table) < size or self._table.min() < 0 or self._table.max() > kernels.ID:
            raise Unsupported(f"its dictionary has ids beyond {kernels.ID:,}, or not all of its entries")
        self._kernels = kernels
        self._local = threading.local()

    def encode(
        self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray, line_end: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ids of lines of valid UTF-8: int32 tokens (T,), each line's followed by `line_end`, and int32 sizes (L,).

        `data` is uint8 (N,) as `padded` makes it; line i is data[starts[i]:ends[i]], int64 (L,).
        """
        word_starts, word_ends, first_word = words(data, starts, ends, self.kind)
        small, large = self._caches()
        tokens = np.empty(int((ends - starts).sum()) + len(starts) + 2, np.int32)
        sizes = np.empty(len(starts), np.int32)
        count, _ = self._kernels.encode_words(
            data,
            data.view(np.uint64),
            word_starts,
            word_ends,
            first_word,
            self._alphabet,
            self._merges,
            self._made,
            self._table,
            small,
            large,
            line_end,
            tokens,
            sizes,
        )
        return tokens[:count], sizes

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int32 ids of each text."""
        raw = [text.encode("utf-8") for text in texts]
        ends = np.cumsum([len(text) for text in raw], dtype=np.int64)
        starts = ends - np.array([len(text) for text in raw], np.int64)
        tokens, sizes = self.encode(padded(b"".join(raw)), starts, ends, 0)
        return [part[:-1] for part in np.split(tokens, np.cumsum(sizes)[:-1])] if raw else []

    def _caches(self) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(self._local, "caches"):
            self._local.caches = (
                _rows(SMALL_ROWS, self._kernels.SMALL_ROW),
                _rows(LARGE_ROWS, self._kernels.LARGE_ROW),
            )
        return self._local.caches


def _rows(count: int, width: int) -> np.ndarray:
    """uint64 (count, width) of zeros that begins where a line of the processor's cache does: a row in one line."""
    room = np.zeros(count * width + 8, np.uint64)
    skipped = -room.ctypes.data % 64 // 8
    return room[skipped : skipped + count * width].reshape(count, width)


def _kind(tokenizer: dict) -> str:
    """The pre-tokenizer of a tokenizer.json that has nothing this encoder does not do."""
    model = tokenizer.get("model") or {}
    if model.get("type") != "BPE":
        raise Unsupported(f"its model is {model.get('type')}, not BPE")
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        if model.get(name):
            raise Unsupported(f"its model has {name}")
    if tokenizer.get("normalizer"):
        raise Unsupported("it has a normalizer")
    if other := [t["content"] for t in tokenizer.get("added_tokens") or [] if not t.get("special")]:
        raise Unsupported(f"it has the added token {other[0]!r}")
    kind = kind_of(tokenizer)
    if kind is None:
        raise Unsupported("its pre-tokenizer is neither `gpt2` nor `hebrew`")
    return kind


def _alphabet(vocabulary: dict[str, int]) -> np.ndarray:
    """int64 (256,): the id of each byte."""
    found = np.array([vocabulary.get(letter, -1) for letter in byte_characters()], np.int64)
    if found.min() < 0:
        raise Unsupported("it lacks some of the 256 bytes")
    return found


def _merges(
    merges: Sequence[str | Sequence[str]], vocabulary: dict[str, int], kernels
) -> tuple[np.ndarray, np.ndarray]:
    """The table of pairs and the ids they become, as `fast_bpe_kernels` wants them."""
    if len(merges) >= kernels.ID:
        raise Unsupported(f"it has more than {kernels.ID:,} merges")
    parts = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    left = np.array([vocabulary[first] for first, _ in parts], np.int64)
    right = np.array([vocabulary[second] for _, second in parts], np.int64)
    made = np.array([vocabulary[first + second] for first, second in parts], np.int64)
    # Less than half full.
    table = np.full(1 << max(4, (2 * len(merges)).bit_length()), kernels.EMPTY, np.int64)
    kernels.fill_merges(table, left << kernels.BITS | right)
    return table, made
