"""Reading documents out of plain text as bytes, in bounded memory, with the line each one starts on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.lines import invalid_utf8

# Bytes read at a time; a document longer than this is still read whole.
BLOCK = 1 << 20
# How far to look for a blank line before a file without one is called ambiguous.
LOOK_AHEAD = 64 << 20
# Text of which more is no UTF-8 is in another encoding.
_BROKEN = 0.1
# A longer "document" is a file whose blank lines are missing, not a text anybody wrote.
LONGEST = 1 << 30

LAYOUTS = ("auto", "blank", "lines", "tokens")
LAYOUT_HELP = (
    "what a document is: `blank`: paragraphs up to a blank line; `lines`: each line; `tokens`: token-per-line data "
    "(first column, a blank line after each sentence), detokenized; `auto`: blank, if the file has blank lines"
)

# Stands for a line that was left out; no line of UTF-8 is this.
LEFT_OUT = b"\xff"

# What a blank line may hold: the white space of ASCII.
WHITE = " \t\n\r\f\v"
_LEADING_BLANK = re.compile(rb"(?:[ \t\r\f\v]*\n)+")
BLANK_LINES = re.compile(rb"\n(?:[ \t\r\f\v]*\n)+")
# A line end of any system; text that was converted twice has more than one `\r`.
RETURNS = re.compile(rb"\r+\n")


Item = TypeVar("Item")
# Reads at most so many bytes, fewer only where the source has no more at hand, none at its end.
Read = Callable[[int], bytes]
# Told of a line that is left out: its number, where it starts in bytes, its bytes, and what is wrong with it.
Skip = Callable[[int, int, bytes, str], None]


@dataclass(frozen=True, slots=True)
class Document:
    """A document: its paragraphs as UTF-8 bytes, each with its line end, and where it starts.

    `line` counts from 1: the first line of a text, the line or the number of a record in a file of records.
    """

    line: int
    text: bytes

    @property
    def paragraphs(self) -> list[bytes]:
        return self.text.split(b"\n")[:-1]


def layout_of(path: Path, layout: str) -> str:
    """`blank`, `lines` or `tokens` for a file; `auto` looks for a blank line and refuses to guess without one."""
    if layout != "auto":
        return layout
    with open(path, "rb") as file:
        return find_layout(file.read, path)


def find_layout(read: Read, name: Path | str) -> str:
    """`blank` if there is a blank line between documents, `lines` if there is one line; UserError otherwise."""
    looked = lines = 0
    start = b""
    tail = b""  # from the last line end on: the next block may end a blank line there
    while looked < LOOK_AHEAD and (block := read(BLOCK)):
        looked += len(block)
        start += block if len(start) < BLOCK else b""
        # Blank lines at the start of a file say nothing about what follows.
        block = block if tail else block.lstrip()
        lines += block.count(b"\n")
        tail += block
        if BLANK_LINES.search(tail):
            return "blank"
        tail = tail[max(tail.rfind(b"\n"), 0) :]
    if lines + bool(tail.strip()) <= 1:
        return "lines"
    # What is no UTF-8 at all has no layout either; a few broken lines are for those who read it.
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        text = start.decode("utf-8", "replace")
        if text.count("\ufffd") > _BROKEN * len(text):
            raise invalid_utf8(name, start.count(b"\n", 0, error.start) + 1, start[error.start]) from None
    raise UserError(
        f"{name}: has no blank line between documents; say --documents lines if each line is a document, "
        "or --documents blank if the whole file is one"
    )


def read_documents(path: Path, layout: str = "blank") -> Iterator[Document]:
    """The documents of a local file in order: `split_documents` of its bytes."""
    with open(path, "rb") as file:
        yield from split_documents(file.read, path, layout)


def split_documents(read: Read, name: Path | str, layout: str, skip: Skip | None = None) -> Iterator[Document]:
    """The documents of a text in order. Runs of blank lines count as one; a BOM and empty documents are dropped.

    A line of invalid UTF-8 is left out and told to `skip`; without `skip` it is a UserError that names file and
    line. Every paragraph's line end is made `\\n`.
    """
    line, offset, first = 1, 0, True
    for block in _blocks(read, name, by_line=layout == "lines"):
        start, size = line, len(block)
        line += block.count(b"\n")
        if not _is_utf8(block):
            block = _sound_lines(name, block, start, offset, skip)
        offset += size
        if first:
            block, first = block.removeprefix(b"\xef\xbb\xbf"), False
        block = block if block.endswith(b"\n") else block + b"\n"
        if b"\r" in block:
            block = RETURNS.sub(b"\n", block)
        if layout == "lines":
            for number, text in enumerate(block.split(b"\n"), start=start):
                if text.strip() and text != LEFT_OUT:
                    yield Document(number, text + b"\n")
            continue
        position = 0
        for gap in BLANK_LINES.finditer(block):
            yield from _document(block[position : gap.start() + 1], start, layout)
            start += block.count(b"\n", position, gap.end())
            position = gap.end()
        yield from _document(block[position:], start, layout)


def _document(text: bytes, line: int, layout: str) -> Iterator[Document]:
    if LEFT_OUT in text:
        lines = text.split(b"\n")[:-1]
        while lines and lines[0] == LEFT_OUT:
            del lines[0]
            line += 1
        text = b"".join(kept + b"\n" for kept in lines if kept != LEFT_OUT)
    if not text.strip():
        return
    stripped = text
    if blank := _LEADING_BLANK.match(text):
        stripped = text[blank.end() :]
        line += text.count(b"\n", 0, blank.end())
    if layout == "tokens":
        from fairseq_hebrew.text.punctuation import detokenize

        words = [row.split()[0].decode() for row in stripped.split(b"\n") if row.strip()]
        stripped = detokenize(words).encode() + b"\n"
    yield Document(line, stripped)


def _blocks(read: Read, name: Path | str, by_line: bool) -> Iterator[bytes]:
    """The text in pieces that end where a document ends."""
    carried: list[bytes] = []
    size = 0
    while block := read(BLOCK):
        # The break may straddle two reads: the last bytes of the one before are looked at again.
        joint = carried[-1][-3:] + block if carried else block
        cut = joint.rfind(b"\n") + 1 if by_line else _after_last_blank(joint)
        cut -= len(joint) - len(block)
        if cut <= 0:
            carried.append(block)
            size += len(block)
            if size > LONGEST:
                raise UserError(f"{name}: no document end in {size >> 20} MB; is it --documents lines?")
            continue
        yield b"".join([*carried, block[:cut]])
        carried, size = [block[cut:]], len(block) - cut
    if rest := b"".join(carried):
        yield rest


def _after_last_blank(text: bytes) -> int:
    """The position after the last blank line of a text, 0 if it has none."""
    end = text.rfind(b"\n")
    while end > 0:
        before = text.rfind(b"\n", 0, end)
        if before >= 0 and not text[before + 1 : end].strip():
            return end + 1
        end = before
    return 0


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _sound_lines(name: Path | str, block: bytes, line: int, offset: int, skip: Skip | None) -> bytes:
    """The block with `LEFT_OUT` in place of the lines that are no UTF-8, so that the others keep their numbers."""
    sound = []
    for text in block.split(b"\n"):
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            if skip is None:
                raise invalid_utf8(name, line, text[error.start]) from None
            skip(line, offset, text, f"invalid UTF-8 (byte 0x{text[error.start]:02x})")
            sound.append(LEFT_OUT)
        else:
            sound.append(text)
        line, offset = line + 1, offset + len(text) + 1
    return b"\n".join(sound)


def chunked(documents: Iterable[Document], size: int = 1 << 20) -> Iterator[list[Document]]:
    """Lists of whole documents of about `size` bytes."""
    return grouped(documents, size, lambda document: len(document.text))


def grouped(items: Iterable[Item], size: int, size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Lists of items whose sizes sum up to about `size`, the last one to less."""
    group: list[Item] = []
    held = 0
    for item in items:
        group.append(item)
        held += size_of(item)
        if held >= size:
            yield group
            group, held = [], 0
    if group:
        yield group
