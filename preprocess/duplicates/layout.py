"""Reading text that is laid out as the stages write it: whole blocks, documents found by a kernel."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..documents import BLOCK, LONGEST, read_documents

_END = b"\n\n"


class OtherLayout(Exception):
    """The text is not laid out as a stage writes it (UTF-8, and as `find_documents` says): read it the general way."""


def read_blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of about BLOCK bytes, each of whole documents.

    Raises OtherLayout where no document ends in LONGEST bytes or at the end of the file.
    """
    carried: list[bytes] = []
    held = 0
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            # The end of a document may straddle two reads: the last byte of the one before is looked at again.
            joint = carried[-1][-1:] if carried else b""
            cut = (joint + block).rfind(_END) + len(_END) - len(joint)
            if cut < len(_END) - len(joint):
                carried.append(block)
                held += len(block)
                if held > LONGEST:
                    raise OtherLayout
                continue
            yield b"".join([*carried, block[:cut]])
            rest = block[cut:]
            carried, held = [rest] if rest else [], len(rest)
    if carried:
        raise OtherLayout


def has_mark(path: Path) -> bool:
    """Whether a file begins with a byte-order mark. In what a stage wrote it is a character of the first document."""
    with open(path, "rb") as file:
        return file.read(len(BOM_UTF8)) == BOM_UTF8


def document_bounds(block: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(the text as uint8, int64 bounds): document d is text[bounds[d] : bounds[d + 1]], its blank line with it."""
    from fairseq_hebrew.text.line_kernels import invalid_utf8_at

    from .layout_kernels import find_documents

    text = np.frombuffer(block, dtype=np.uint8)
    if invalid_utf8_at(text, 0, len(text)) >= 0:
        raise OtherLayout
    bounds = np.zeros(block.count(_END) + 1, dtype=np.int64)
    found = find_documents(text, bounds[1:])
    if found < 0:
        raise OtherLayout
    return text, bounds[: found + 1]


def lay_out(path: Path, layout: str, output: Path) -> None:
    """Write the documents of any text as a stage does. Raises UserError naming file and line for invalid UTF-8."""
    with open(output, "wb") as file:
        for document in read_documents(path, layout):
            file.write(document.text + b"\n")
