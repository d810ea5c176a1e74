"""Reading text by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..stage.errors import UserError, at

# Bytes read at a time where lines are only counted.
BLOCK = 1 << 20


def read_lines(path: Path) -> Iterator[tuple[str, int]]:
    """The lines of a file with their line ends, without a BOM, and the bytes each one takes.

    Raises UserError naming file and line for invalid UTF-8.
    """
    with open(path, "rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise invalid_utf8(path, number, raw[error.start]) from None
            yield (line.removeprefix("\ufeff") if number == 1 else line), len(raw)


def line_number(path: Path, position: int) -> int:
    """The number of the line, from 1, that holds the byte at this position of a file."""
    line = 1
    with open(path, "rb") as file:
        while position and (block := file.read(min(position, BLOCK))):
            line += block.count(b"\n")
            position -= len(block)
    return line


def invalid_utf8(path: Path | str, line: int, byte: int) -> UserError:
    """The error of a line that is no UTF-8, which begins to be wrong with this byte."""
    # Where Windows and ISO-8859-8 have the letters from alef to tav.
    old = " -f WINDOWS-1255 -t UTF-8, if it is Hebrew of older systems" if 0xE0 <= byte <= 0xFA else ""
    return at(path, line, f"invalid UTF-8 (byte 0x{byte:02x})", f"convert the file to UTF-8 (iconv{old})")
