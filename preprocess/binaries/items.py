"""Chunks of text become items as fairseq stores them, and items become the .bin and .idx files of one stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from fairseq_hebrew.text.dictionary import EOS, UNK

from .chunks import Chunk, Piece, lines_of
from .cut import cut_lines
from .encoder import Encoder, LibraryEncoder


@dataclass(frozen=True)
class Items:
    """A chunk as fairseq stores it: the tokens of its lines back to back, (T,), and their sizes, int32 (N,).

    `blank` says which items are blank lines, bool (N,). `invalid` is the byte of the file where the text is no UTF-8;
    there are no items then.
    """

    tokens: np.ndarray
    sizes: np.ndarray
    blank: np.ndarray
    piece: int
    text: int  # bytes
    invalid: int | None = None


@dataclass(frozen=True)
class ItemMaker:
    """Makes the items of a chunk; `limit` is the most tokens of an item (0: any number)."""

    encoder: Encoder
    library: LibraryEncoder
    dtype: np.dtype
    limit: int

    @property
    def slow(self) -> bool:
        """Whether the library is what encodes."""
        return self.encoder is self.library

    def __call__(self, chunk: Chunk) -> Items:
        from fairseq_hebrew.text.line_kernels import invalid_utf8_at

        bad = invalid_utf8_at(chunk.data, chunk.begin, chunk.end)
        if bad >= 0:
            nothing = np.zeros(0, np.int32)
            return Items(nothing, nothing, nothing > 0, chunk.piece, chunk.end, chunk.offset + int(bad))
        starts, ends = lines_of(chunk)
        # A blank line is an empty text: it becomes a lone </s>, which ends a document.
        tokens, sizes = self.encoder.encode(chunk.data, starts, ends, EOS)
        blank = starts == ends
        if self.limit and sizes.max() > self.limit:
            tokens, sizes, blank = self._cut(chunk.data, starts, ends, tokens, sizes)
        return Items(tokens.astype(self.dtype), sizes, blank, chunk.piece, chunk.end)

    def _cut(
        self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray, tokens: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same with the lines that are too long cut. One of nothing but white space may vanish."""
        items = np.split(tokens, np.cumsum(sizes)[:-1])
        long = np.flatnonzero(sizes > self.limit).tolist()
        lines = [data[starts[i] : ends[i]].tobytes().decode("utf-8") for i in long]
        pieces = cut_lines(lines, self.limit, self.library.tokenizer, self.encoder.encode_batch)
        ids = iter(self.encoder.encode_batch([piece for line in pieces for piece in line]))
        instead = {i: [np.append(next(ids), np.int32(EOS)) for _ in line] for i, line in zip(long, pieces)}
        made, blank = [], []
        for i, (item, is_blank) in enumerate(zip(items, (starts == ends).tolist())):
            # Two blank lines may have come together.
            if not (is_blank and blank and blank[-1]):
                made += (found := instead.get(i, [item]))
                blank += [is_blank] * len(found)
        joined = np.concatenate(made) if made else tokens[:0]
        return joined, np.array([len(item) for item in made], np.int32), np.array(blank, bool)


class Stream:
    """The items of pieces that are read one after the other, written to one .bin file.

    A run of blank lines counts as one, also across chunks and pieces. A file that has blank lines ends its last
    document where another file follows, in this stream or (`file_follows`) in the next. With `after_blank` a blank
    line at the very start is left out. `limit` is the most tokens of a document (0: any number): a longer one is
    ended where its next item would pass it.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        files: tuple[IO[bytes], IO[bytes]],
        after_blank: bool,
        file_follows: bool,
        limit: int,
    ) -> None:
        """`files`: that of the tokens, and one for their int32 sizes."""
        self._pieces, self._file_follows, self._limit = pieces, file_follows, limit
        self._tokens, self._sizes = files
        self._after_blank = after_blank
        self._piece = -1
        self._has_blank = False  # in the file so far
        self._held = 0  # tokens of the document so far
        self.counts = dict.fromkeys(("documents", "lines", "tokens", "unknown", "text_bytes"), 0)

    def add(self, items: Items) -> None:
        """Write the items that come next."""
        if items.piece != self._piece:
            if self._piece >= 0:
                self._end_file(items.tokens.dtype)
            self._piece, self._has_blank = items.piece, self._pieces[items.piece].blank_before
        self._has_blank |= bool(items.blank.any())
        tokens, sizes = items.tokens, items.sizes
        if len(sizes):
            if items.blank[0] and self._after_blank:
                tokens, sizes = tokens[1:], sizes[1:]
            self._after_blank = bool(items.blank[-1])
        self._write(tokens, sizes)
        self.counts["text_bytes"] += items.text

    def end(self, dtype: np.dtype) -> None:
        """Call it after the last items."""
        if self._file_follows:
            self._end_file(dtype)

    def _end_file(self, dtype: np.dtype) -> None:
        if self._has_blank and not self._after_blank:
            self._write(np.array([EOS], dtype), np.array([1], np.int32))
            self._after_blank = True

    def _write(self, tokens: np.ndarray, sizes: np.ndarray) -> None:
        if self._limit:
            before = self._full_before(sizes)
            tokens = np.insert(tokens, np.concatenate([[0], np.cumsum(sizes)])[before], EOS)
            sizes = np.insert(sizes, before, np.int32(1))
        self._tokens.write(tokens.data)
        self._sizes.write(sizes.data)
        alone = int((sizes == 1).sum())
        self.counts["documents"] += alone
        self.counts["lines"] += len(sizes) - alone
        self.counts["tokens"] += len(tokens)
        self.counts["unknown"] += int((tokens == UNK).sum())

    def _full_before(self, sizes: np.ndarray) -> list[int]:
        """The items before which a document has to be ended."""
        found = []
        for number, size in enumerate(sizes.tolist()):
            if self._held and size > 1 and self._held + size > self._limit:
                found.append(number)
                self._held = 0
            self._held = self._held + size if size > 1 else 0
        return found
