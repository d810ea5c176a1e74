"""Reading documents out of text files as bytes, in bounded memory, with the line each one starts on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.lines import invalid_utf8

# Bytes read at a time; a document longer than this is still read whole.
BLOCK = 4 << 20
# How far to look for a blank line before a file without one is called ambiguous.
LOOK_AHEAD = 64 << 20
# A longer "document" is a file whose blank lines are missing, not a text anybody wrote.
LONGEST = 1 << 30

LAYOUTS = ("auto", "blank", "lines", "tokens")
LAYOUT_HELP = (
    "what a document is: `blank`: paragraphs up to a blank line; `lines`: each line; `tokens`: token-per-line data "
    "(first column, a blank line after each sentence), detokenized; `auto`: blank, if the file has blank lines"
)

# What a blank line may hold: the white space of ASCII.
WHITE = " \t\n\r\f\v"
_LEADING_BLANK = re.compile(rb"(?:[ \t\r\f\v]*\n)+")
_BLANK_LINES = re.compile(rb"\n(?:[ \t\r\f\v]*\n)+")


@dataclass(frozen=True, slots=True)
class Document:
    """A document: its paragraphs as UTF-8 bytes, each with its line end, and the number of its first line."""

    line: int
    text: bytes

    @property
    def paragraphs(self) -> list[bytes]:
        return self.text.split(b"\n")[:-1]


def layout_of(path: Path, layout: str) -> str:
    """`blank`, `lines` or `tokens` for a file; `auto` looks for a blank line and refuses to guess without one."""
    if layout != "auto":
        return layout
    looked = lines = 0
    tail = b""  # from the last line end on: the next block may end a blank line there
    with open(path, "rb") as file:
        while looked < LOOK_AHEAD and (block := file.read(BLOCK)):
            looked += len(block)
            # Blank lines at the start of a file say nothing about what follows.
            block = block if tail else block.lstrip()
            lines += block.count(b"\n")
            tail += block
            if _BLANK_LINES.search(tail):
                return "blank"
            tail = tail[max(tail.rfind(b"\n"), 0) :]
    if lines + bool(tail.strip()) <= 1:
        return "lines"
    raise UserError(
        f"{path}: has no blank line between documents; say --documents lines if each line is a document, "
        "or --documents blank if the whole file is one"
    )


def read_documents(path: Path, layout: str = "blank") -> Iterator[Document]:
    """The documents of a file in order. Runs of blank lines count as one; a BOM and empty documents are dropped.

    Raises UserError naming file and line for invalid UTF-8. Every paragraph's line end is made `\\n`.
    """
    line, first = 1, True
    for block in _blocks(path, by_line=layout == "lines"):
        _check_utf8(path, block, line)
        start = line
        line += block.count(b"\n")
        if first:
            block, first = block.removeprefix(b"\xef\xbb\xbf"), False
        block = block.replace(b"\r\n", b"\n")
        block = block if block.endswith(b"\n") else block + b"\n"
        if layout == "lines":
            for number, text in enumerate(block.split(b"\n"), start=start):
                if text.strip():
                    yield Document(number, text + b"\n")
            continue
        position = 0
        for gap in _BLANK_LINES.finditer(block):
            yield from _document(block[position : gap.start() + 1], start, layout)
            start += block.count(b"\n", position, gap.end())
            position = gap.end()
        yield from _document(block[position:], start, layout)


def _document(text: bytes, line: int, layout: str) -> Iterator[Document]:
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


def _blocks(path: Path, by_line: bool) -> Iterator[bytes]:
    """The file in pieces that end where a document ends."""
    carried: list[bytes] = []
    size = 0
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            # The break may straddle two reads: the last bytes of the one before are looked at again.
            joint = carried[-1][-3:] + block if carried else block
            cut = joint.rfind(b"\n") + 1 if by_line else _after_last_blank(joint)
            cut -= len(joint) - len(block)
            if cut <= 0:
                carried.append(block)
                size += len(block)
                if size > LONGEST:
                    raise UserError(f"{path}: no document end in {size >> 20} MB; is it --documents lines?")
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


def _check_utf8(path: Path, block: bytes, line: int) -> None:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise invalid_utf8(path, line + block.count(b"\n", 0, error.start), block[error.start]) from None


def chunked(documents: Iterable[Document], size: int = 1 << 20) -> Iterator[list[Document]]:
    """Lists of whole documents of about `size` bytes."""
    chunk: list[Document] = []
    held = 0
    for document in documents:
        chunk.append(document)
        held += len(document.text)
        if held >= size:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
