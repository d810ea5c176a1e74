"""The documents of a source, whatever its format."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from fairseq_hebrew.stage.errors import UserError

from ..documents import Document
from .formats import format_of
from .source import Counts, Damaged, Source


def open_documents(source: Source) -> Iterator[Document]:
    """The documents of a source in order, as canonical bytes; `source.counts` is filled on the way.

    Raises UserError for what is no such file at all, and for the first broken record that `source.max_broken` does
    not allow; a damaged end of a file is one broken record.
    """
    read = _reader(format_of(source))
    try:
        for document in read(source):
            source.counts.documents += 1
            yield document
    except Damaged as damage:
        source.skip(None, f"{damage}; the rest of it is lost")


def check_source(source: Source) -> None:
    """Raise the UserError that reading a source would begin with: a wrong name, format, layout or field."""
    for _ in open_documents(dataclasses.replace(source, counts=Counts(), progress=None, workers=1)):
        return


def _reader(format: str) -> Callable[[Source], Iterator[Document]]:
    # Imported when they are used: --help of a stage needs none of them.
    if format == "text":
        from .text import read_text as read
    elif format == "jsonl":
        from .json_lines import read_json_lines as read
    elif format in ("csv", "tsv"):
        from .csv_rows import read_csv as read
    elif format == "parquet":
        from .parquet import read_parquet as read
    elif format == "mediawiki":
        from .mediawiki import read_mediawiki as read
    elif format == "html":
        from .web import read_html as read
    elif format == "warc":
        from .web import read_warc as read
    else:
        raise UserError(f"{format!r} is no format of the readers")
    return read
