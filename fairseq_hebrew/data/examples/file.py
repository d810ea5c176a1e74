"""The text of a file of examples."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fairseq_hebrew.stage.errors import UserError, at

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Line(NamedTuple):
    """A line without its end: its number from 1, the byte it starts at, its text."""

    number: int
    start: int
    text: str


def read_text(path: Path) -> str:
    """The whole file, without a byte-order mark; raises UserError where there is none or it is not UTF-8."""
    _require(path)
    content = path.read_bytes()
    if content.startswith(_UTF16):
        raise _of_utf16(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise at(path, line, "invalid UTF-8", "convert the file to UTF-8 (iconv)") from None


def raw_lines(path: Path, ends: str = "\n") -> Iterator[str]:
    """All lines with their ends, one in memory at a time; raises UserError as `read_text` does.

    ends: only a line feed ends a line, for a word may hold a sign that str.splitlines takes for a line end; "" for the
    ends that the csv module knows, "\r" too.
    """
    _require(path)
    try:
        with open(path, encoding="utf-8-sig", newline=ends) as file:
            yield from file
    except UnicodeDecodeError:
        read_text(path)  # which tells the line
        raise


def read_lines(path: Path) -> Iterator[Line]:
    """The lines that are not blank, one in memory at a time; raises UserError as `read_text` does."""
    _require(path)
    start = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith(_UTF16):
                raise _of_utf16(path)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise at(path, number, "invalid UTF-8", "convert the file to UTF-8 (iconv)") from None
            if text.strip():
                yield Line(number, start, text)
            start += len(line)


def _require(path: Path) -> None:
    """Raises UserError where there is no such file."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name the file in it in `files:` of the description")
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the data folder and `files:` of the description")


def half_character(text: str) -> str | None:
    """The first surrogate that stands alone, as JSON can write it; None where there is none."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"\\u{ord(text[error.start]):04x}"
    return None


def _of_utf16(path: Path) -> UserError:
    return at(path, None, "UTF-16, not UTF-8", "convert the file to UTF-8 (iconv -f UTF-16)")
