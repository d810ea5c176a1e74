"""Reader of fairseq's binaries: their files are mapped into memory, and nothing is read before it is asked for.

fairseq's own reader of the same format reads both files from end to end when it opens them.

A file of tokens is one array of ids, its lines one after another, in `PATH.bin`. `PATH.idx` tells the lines' sizes, in
one of two forms (integers are little-endian):
- mmap: `MMIDIDX\\0\\0`, uint64 version 1, uint8 code of the ids' dtype, uint64 number of lines N, int32 sizes (N,),
  int64 offsets in bytes (N,);
- cached and lazy: `TNTIDX\\0\\0`, then as uint64 version 1, dtype, bytes of an id, N, S; int64 where each line's
  dimensions begin (N + 1,) and its ids (N + 1,), then the S dimensions. Ids are stored plus one.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.stage.errors import UserError, at

MMAP, CACHED, HUFFMAN = b"MMIDIDX\x00", b"TNTIDX\x00\x00", b"HUFFIDX\x00"
# The integers among fairseq's codes of dtypes.
DTYPES = {
    1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 8: np.uint16, 9: np.uint32, 10: np.uint64,
}  # fmt: skip
MAKE_AGAIN = "binarize the text again"
COPY_AGAIN = "copy it again or binarize again"


class TokenFile:
    """`PATH.bin` and `PATH.idx`: `sizes` (N,) of the lines and `tokens` (T,), both views of the files.

    `shift` is what each id is stored plus. A file travels between processes as its path.
    """

    def __init__(self, path: str | os.PathLike):
        """Raises UserError for files that are missing, damaged, of another format, or that do not fit each other."""
        self.path = os.fspath(path)
        for suffix in (".idx", ".bin"):
            if not os.path.isfile(self.path + suffix):
                raise at(self.path + suffix, None, "no such file", "name a folder and a split that binarize made")
        index, start = _mapped(self.path + ".idx"), b""
        if index is not None:
            start = index[:8]
        if start == MMAP:
            self.shift = 0
            self.sizes, dtype, stored = self._read_mmap(index)
        elif start == CACHED:
            self.shift = 1
            self.sizes, dtype, stored = self._read_cached(index)
        elif start == HUFFMAN:
            raise at(self.path + ".idx", None, "has Huffman codes, not tokens", "binarize with --dataset-impl mmap")
        else:
            raise self._unreadable()
        there = os.path.getsize(self.path + ".bin")
        if there < stored:
            raise at(self.path + ".bin", None, "shorter than its index says", COPY_AGAIN)
        if there > stored:
            problem = f"{there:,} bytes, its index says {stored:,}"
            raise at(self.path + ".bin", None, problem, COPY_AGAIN)
        data = _mapped(self.path + ".bin")
        self.tokens = np.frombuffer(data if data is not None else b"", dtype=dtype)

    def _read_mmap(self, index: mmap.mmap) -> tuple[np.ndarray, np.dtype, int]:
        """(sizes, dtype of the tokens, bytes of the .bin) by the index."""
        header = struct.Struct("<9sQBQ")
        mark, version, code, lines = self._unpacked(header, index)
        if mark != MMAP + b"\x00" or version != 1 or code not in DTYPES:
            raise self._unreadable()
        self._check_length(len(index), header.size + lines * (4 + 8))
        dtype = np.dtype(DTYPES[code]).newbyteorder("<")
        sizes = np.frombuffer(index, dtype="<i4", count=lines, offset=header.size)
        offsets = np.frombuffer(index, dtype="<i8", count=lines, offset=header.size + sizes.nbytes)
        return sizes, dtype, int(offsets[-1]) + int(sizes[-1]) * dtype.itemsize if lines else 0

    def _read_cached(self, index: mmap.mmap) -> tuple[np.ndarray, np.dtype, int]:
        header = struct.Struct("<8s5Q")
        _, version, code, item_bytes, lines, dimensions = self._unpacked(header, index)
        if version != 1 or code not in DTYPES or dimensions != lines:
            raise self._unreadable()
        dtype = np.dtype(DTYPES[code]).newbyteorder("<")
        if item_bytes != dtype.itemsize:
            raise self._unreadable()
        self._check_length(len(index), header.size + 8 * (2 * (lines + 1) + lines))
        offsets = np.frombuffer(index, dtype="<i8", count=lines + 1, offset=header.size + 8 * (lines + 1))
        sizes = np.frombuffer(index, dtype="<i8", count=lines, offset=header.size + 16 * (lines + 1))
        return sizes, dtype, int(offsets[-1]) * dtype.itemsize

    def _unpacked(self, header: struct.Struct, index: mmap.mmap) -> tuple:
        if len(index) < header.size:
            raise at(self.path + ".idx", None, "cut short within its header", COPY_AGAIN)
        return header.unpack(index[: header.size])

    def _check_length(self, there: int, wanted: int) -> None:
        if there < wanted:
            problem = f"cut short: {there:,} bytes, its header says {wanted:,}"
            raise at(self.path + ".idx", None, problem, COPY_AGAIN)

    def _unreadable(self) -> UserError:
        return at(self.path + ".idx", None, "cannot be read as fairseq binaries", MAKE_AGAIN)

    def __reduce__(self):
        return TokenFile, (self.path,)


class TokenStream:
    """Files of tokens as one stream, their lines one after another: `sizes` (N,) of all lines, `tokens` how many ids.

    `starts` (F + 1,) int64: where in the stream each file begins, then its end. It may be read by several processes,
    forked or given it pickled.
    """

    def __init__(self, files: Sequence[TokenFile]):
        """At least one file; `sizes` is a view where there is one, a copy where there are more."""
        self.files = list(files)
        self.starts = np.cumsum([0, *(len(file.tokens) for file in self.files)], dtype=np.int64)

    @property
    def sizes(self) -> np.ndarray:
        return self.files[0].sizes if len(self.files) == 1 else np.concatenate([file.sizes for file in self.files])

    @property
    def tokens(self) -> int:
        return int(self.starts[-1])

    def read(self, start: int, out: np.ndarray) -> None:
        """Fill `out` (n,) with the ids from `start` on. Raises ValueError beyond the end."""
        if start < 0 or start + len(out) > self.tokens:
            raise ValueError(f"tokens {start} to {start + len(out)} of a stream of {self.tokens}")
        at, number = 0, 0 if len(self.files) == 1 else int(np.searchsorted(self.starts, start, side="right")) - 1
        while at < len(out):
            file = self.files[number]
            begin = start + at - int(self.starts[number])
            piece = file.tokens[begin : begin + len(out) - at]
            out[at : at + len(piece)] = piece
            if file.shift:
                out[at : at + len(piece)] -= file.shift
            at += len(piece)
            number += 1


def open_stream(path: str | os.PathLike, combine: bool = False) -> TokenStream:
    """The stream of PATH, and with `combine` of PATH1, PATH2... after it, as far as they go.

    Raises UserError as TokenFile does, and for a stream without a token.
    """
    stream = TokenStream([TokenFile(part) for part in parts(path, combine)])
    if not stream.tokens:
        raise at(os.fspath(path) + ".bin", None, "holds no tokens", "binarize a text that is not empty")
    return stream


def parts(path: str | os.PathLike, combine: bool) -> list[str]:
    """PATH, and with `combine` the PATH1, PATH2... that fairseq reads after it."""
    path = os.fspath(path)
    found = [path]
    while combine and all(os.path.isfile(f"{path}{len(found)}{suffix}") for suffix in (".idx", ".bin")):
        found.append(f"{path}{len(found)}")
    return found


def _mapped(path: str) -> mmap.mmap | None:
    """A file's bytes, read when they are looked at; None for an empty file, which cannot be mapped."""
    if not os.path.getsize(path):
        return None
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
