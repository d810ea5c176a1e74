"""The bytes of an input in order: from wherever it stands, decompressed, with what was read of it counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType

from fairseq_hebrew.stage.address import Address
from fairseq_hebrew.stage.errors import UserError

from ..documents import BLOCK
from .compression import ENDINGS, MAGIC, Decompressed
from .source import LONGEST, Damaged, Source

# The first bytes of what is no text, and what to do about it.
NO_TEXT = {
    **{magic: f"is {kind} data; give it a name that ends so" for kind, magic in MAGIC.items() if kind != "bzip2"},
    b"BZh91AY&SY": "is bzip2 data; give it a name that ends so",
    b"PAR1": "is a Parquet file; say --format parquet",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"\xff\xfe": "is UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
    b"\xfe\xff": "is UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
}


class RawFile:
    """An input's bytes as they stand; `progress` is told of those that were read."""

    def __init__(self, address: Address, progress: Callable[[int], object] | None = None) -> None:
        self._address, self._progress = address, progress
        self._counted = 0
        self.file = address.open()

    def read(self, size: int) -> bytes:
        block = self.file.read(size)
        self.count(len(block))
        return block

    def count(self, size: int) -> None:
        """Bytes that were read, here or by a library."""
        self._counted += size
        if self._progress is not None and size:
            self._progress(size)

    def count_rest(self) -> None:
        """What was not read, because it was not needed, is done too."""
        if self._progress is not None:
            self.count(max((self._address.size() or 0) - self._counted, 0))

    def __enter__(self) -> RawFile:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()


class Stream:
    """The decompressed bytes of a source; `read(size)` gives at most `size`, fewer where no more are at hand.

    Raises Damaged where a compressed file is cut off or damaged.
    """

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._raw = RawFile(source.name, source.progress)
        self._read = self._raw.read
        self._gathers = compression_of(source.name.name) is not None or source.name.is_remote
        if kind := compression_of(source.name.name):
            self._read = Decompressed(self._raw.read, kind, source.name).read
        self._ahead = b""

    def read(self, size: int) -> bytes:
        if self._ahead:
            block, self._ahead = self._ahead[:size], self._ahead[size:]
            return block
        if self._gathers:
            return self._gather(size)
        return self._read(size)

    def _gather(self, size: int, ahead: bool = False) -> bytes:
        """`size` bytes of what comes in small pieces."""
        pieces: list[bytes] = []
        while size > 0:
            try:
                piece = self._read(size)
            except Damaged:
                if not pieces and not ahead:
                    raise
                break  # raised again when what came before was read
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def head(self, size: int) -> bytes:
        """The next `size` bytes (fewer at the end), which are read again by `read`."""
        if len(self._ahead) < size:
            self._ahead += self._gather(size - len(self._ahead), ahead=True)
        return self._ahead[:size]

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._raw.__exit__(kind, error, trace)


def compression_of(name: str) -> str | None:
    """gzip, bzip2, xz or zstd by the ending of a name."""
    return next((kind for ending, kind in ENDINGS.items() if name.lower().endswith(ending)), None)


def require_text(stream: Stream) -> None:
    """Raise a UserError for a file that is no UTF-8 text from its first bytes on."""
    head = stream.head(10)
    for magic, what in NO_TEXT.items():
        if head.startswith(magic):
            raise UserError(f"{stream.name}: {what}")


def whole_lines(stream: Stream) -> Iterator[tuple[int, int, bytes]]:
    """A text without its BOM in pieces of whole lines: (number of the first line, its offset in bytes, the piece).

    Every piece ends with a line end, but for the last one of a file that does not. A line that a damaged end cut off
    is not given: Damaged is raised in its place.
    """
    number, offset = 1, 0
    carried: list[bytes] = []
    size = 0
    if stream.head(3) == b"\xef\xbb\xbf":
        offset = len(stream.read(3))
    while block := stream.read(BLOCK):
        cut = block.rfind(b"\n") + 1
        if not cut:
            carried.append(block)
            size += len(block)
            if size > LONGEST:
                raise UserError(f"{stream.name}:{number}: no line end in {size >> 20} MB; is the format right?")
            continue
        piece = b"".join([*carried, block[:cut]])
        carried, size = [block[cut:]], len(block) - cut
        yield number, offset, piece
        number += piece.count(b"\n")
        offset += len(piece)
    if piece := b"".join(carried):
        yield number, offset, piece


def numbered_lines(stream: Stream) -> Iterator[tuple[int, int, bytes]]:
    """(number from 1, offset in bytes, line without its line end) of the lines of `whole_lines`."""
    for number, offset, piece in whole_lines(stream):
        for line in piece.removesuffix(b"\n").split(b"\n"):
            yield number, offset, line
            number += 1
            offset += len(line) + 1
