"""One input of the corpus: where it stands, how it is read, and what was broken in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fairseq_hebrew.stage.address import Address
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.progress import log

# A record longer than this (bytes) is a file whose record ends are missing, not a text anybody wrote.
LONGEST = 1 << 30
# Broken records that are quoted; beyond them they are counted.
QUOTED = 100
# Characters of a broken record that are shown.
SHOWN = 60

FORMATS = ("auto", "text", "jsonl", "csv", "tsv", "parquet", "mediawiki", "html", "warc")
FORMAT_HELP = "what the files are; `auto`: by the ending of the name (.jsonl, .csv, .parquet, .xml, ...), else text"
TEXT_FIELD_HELP = (
    "the field of a record that holds its text: a name (`a.b` inside another) or, in CSV, the number of a column "
    "from 1; by default `text`"
)
HEADER_HELP = "whether the first row of a CSV file names its columns"
MAX_BROKEN_HELP = "broken records of a file (bad JSON, no such field, invalid UTF-8...) to skip before it is an error"


class Damaged(Exception):
    """The rest of a file cannot be read: cut off, or damaged inside. Its text says where and how."""


@dataclass
class Counts:
    """What was read of a source so far. `quoted`: the first broken records, as they were told."""

    documents: int = 0
    empty: int = 0
    broken: int = 0
    quoted: list[str] = field(default_factory=list)


@dataclass
class Source:
    """A file of the corpus and how it is read; `counts` is filled by `open_documents`.

    `documents` is the layout of plain text (documents.LAYOUTS), `format` one of FORMATS, `text_field` and `header`
    speak of records. Up to `max_broken` broken records are told and skipped; one more is a UserError. `workers`
    processes turn markup (MediaWiki, HTML, WARC) into text; the documents are the same for any number. `progress`
    is told how many bytes of the file were read since it was told last; they sum up to the file's size.
    """

    address: Address | Path | str
    documents: str = "auto"
    format: str = "auto"
    text_field: str | None = None
    header: bool = True
    max_broken: int = 0
    workers: int = 1
    progress: Callable[[int], object] | None = None
    counts: Counts = field(default_factory=Counts)

    @property
    def name(self) -> Address:
        return Address(self.address)

    def skip(self, place: int | str | None, problem: str, record: bytes | str = b"", offset: int | None = None) -> None:
        """Count and tell a broken record; a UserError when it is one too many.

        `place` is its line or what else says where it stands, `offset` its first byte in the (decompressed) file.
        """
        counts = self.counts
        counts.broken += 1
        where = str(self.name) if place is None else f"{self.name}:{place}"
        if offset is not None:
            where += f" (byte {offset:,})"
        told = f"{where}: {problem}" + (f": {_shown(record)}" if record else "")
        if counts.broken > self.max_broken:
            if not self.max_broken:
                raise UserError(f"{told}; repair the file, or skip such records with --max-broken")
            raise UserError(f"{told}; that is broken record {counts.broken} of the file, --max-broken allows fewer")
        if counts.broken <= QUOTED:
            counts.quoted.append(told)
            log(f"skipped: {told}")
        elif counts.broken == QUOTED + 1:
            log(f"skipped: further broken records of {self.name} are counted, not told")


def _shown(record: bytes | str) -> str:
    text = record[: 4 * SHOWN].decode("utf-8", "backslashreplace") if isinstance(record, bytes) else record
    return f"`{one_line(text, SHOWN)}`"


def one_line(text: object, most: int = 200) -> str:
    """What a file, or a library about it, says: on one line, whatever is in it, and not too long."""
    said = str(text)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in said[:most])
    return shown if len(said) <= most else f"{shown}..."


def record_text(text: bytes) -> bytes:
    """The paragraphs of a record as lines that each end with `\\n`; blank ones are dropped. Empty if all are."""
    from ..documents import BLANK_LINES, RETURNS

    text = b"\n" + text + b"\n"
    if b"\r" in text:
        text = RETURNS.sub(b"\n", text)
    return BLANK_LINES.sub(b"\n", text)[1:]
