"""Plain text: paragraphs up to a blank line, or lines, or token-per-line data (documents.py)."""

from __future__ import annotations

from collections.abc import Iterator

from fairseq_hebrew.stage.progress import log

from ..documents import Document, find_layout, split_documents
from .source import Source
from .stream import Stream, require_text


def read_text(source: Source) -> Iterator[Document]:
    """The documents of a text in the layout `source.documents`; invalid UTF-8 costs its line alone."""
    layout = source.documents
    if layout == "auto":
        with Stream(_unwatched(source)) as stream:
            require_text(stream)
            layout = find_layout(stream.read, source.name)
    skip = None
    if source.max_broken:

        def skip(line: int, offset: int, text: bytes, problem: str) -> None:
            source.skip(line, problem, text, offset)

    with Stream(source) as stream:
        require_text(stream)
        if stream.head(1) == b"{":
            log(f"{source.name}: is read as plain text, but begins like JSON; if it is, say --format jsonl")
        yield from split_documents(stream.read, source.name, layout, skip)


def _unwatched(source: Source) -> Source:
    """The same source, read ahead: what is read then is no progress."""
    import dataclasses

    return dataclasses.replace(source, progress=None)
