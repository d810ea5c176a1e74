"""Decompression of .gz, .bz2, .xz and .zst as a stream: several members one after another, and cut-off ends told."""

from __future__ import annotations

import bz2
import lzma
import zlib

from fairseq_hebrew.stage.errors import UserError

from ..documents import Read
from .source import Damaged

ENDINGS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
# How files of each kind begin.
MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00", "zstd": b"\x28\xb5\x2f\xfd"}
LONGEST_MAGIC = max(map(len, MAGIC.values()))
# Compressed bytes taken at a time; zstd gives back at once whatever they hold.
INPUT = 1 << 16
# The largest window of `zstd --long`.
LARGEST_WINDOW = 1 << 31


class Decompressed:
    """The bytes of a compressed file; `read(size)` gives at most `size` of them, none at the end.

    Raises Damaged where the file is cut off or wrong inside, after all that came before; UserError when it is of
    another kind from its start.
    """

    def __init__(self, read: Read, kind: str, name: str) -> None:
        self._read, self._kind, self._name = read, kind, name
        self._input = b""
        self._taken = 0
        self._member = None
        self._failures = _failures(kind)
        self._damage: Damaged | None = None

    def read(self, size: int) -> bytes:
        if self._damage is not None:
            raise self._damage
        try:
            return self._next(size)
        except Damaged as damage:
            self._damage = damage
            raise

    def _next(self, size: int) -> bytes:
        while True:
            if self._member is None:
                first = not self._taken
                if not self._more(skip_zeros=not first):
                    return b""
                if first:
                    self._check_start()
                self._member = _MEMBERS[self._kind]()
            ended = False
            if self._member.needs_input and not self._input:
                ended = not self._more()
            made = self._decompress(size)
            if self._member.eof:
                self._input, self._member = self._member.unused_data, None
            elif ended and not made:
                raise Damaged(f"the {self._kind} data is cut off after {self._taken:,} bytes of the file")
            if made:
                return made

    def _decompress(self, size: int) -> bytes:
        data, self._input = (self._input, b"") if self._member.needs_input else (b"", self._input)
        try:
            return self._member.decompress(data, size)
        except self._failures as error:
            said = str(error) or type(error).__name__
            raise Damaged(f"the {self._kind} data is damaged near byte {self._taken:,} of the file ({said})") from error

    def _check_start(self) -> None:
        while len(self._input) < LONGEST_MAGIC and (more := self._read(INPUT)):
            self._input += more
            self._taken += len(more)
        skippable = self._kind == "zstd" and self._input[1:4] == b"\x2a\x4d\x18"
        if not self._input.startswith(MAGIC[self._kind]) and not skippable:
            ending = next(ending for ending, kind in ENDINGS.items() if kind == self._kind)
            raise UserError(
                f"{self._name}: is no {self._kind} data though its name ends in {ending}; give it its right name"
            )

    def _more(self, skip_zeros: bool = False) -> bool:
        """Take more input; False at the end of the file. Between members zeros are padding."""
        while True:
            if skip_zeros:
                self._input = self._input.lstrip(b"\0")
            if self._input:
                return True
            self._input = self._read(INPUT)
            self._taken += len(self._input)
            if not self._input:
                return False


class _Gzip:
    """zlib's decompressor with the manners of bz2's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._tail = b""

    @property
    def needs_input(self) -> bool:
        return not self._tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, size: int) -> bytes:
        made = self._inner.decompress(self._tail + data, size)
        self._tail = self._inner.unconsumed_tail
        return made


class _Zstd:
    """zstandard's decompressor, which knows no limit of size, with the manners of bz2's."""

    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj()
        self._made = memoryview(b"")

    @property
    def needs_input(self) -> bool:
        return not self._made and not self._inner.eof

    @property
    def eof(self) -> bool:
        return self._inner.eof and not self._made

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, size: int) -> bytes:
        if not self._made:
            self._made = memoryview(self._inner.decompress(data))
        made, self._made = bytes(self._made[:size]), self._made[size:]
        return made


_MEMBERS = {"gzip": _Gzip, "bzip2": bz2.BZ2Decompressor, "xz": lzma.LZMADecompressor, "zstd": _Zstd}


def _failures(kind: str) -> tuple[type[Exception], ...]:
    if kind == "zstd":
        import zstandard

        return (zstandard.ZstdError,)
    return {"gzip": (zlib.error,), "bzip2": (OSError, ValueError), "xz": (lzma.LZMAError,)}[kind]
