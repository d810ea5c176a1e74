"""Web pages, one a file (HTML) or archived (WARC): their main text, found by trafilatura."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fairseq_hebrew.stage.errors import INSTALL, UserError
from fairseq_hebrew.stage.parallel import ordered_map

from ..documents import BLOCK, Document, grouped
from .source import Damaged, Source, one_line, record_text
from .stream import Stream

# A longer page (bytes) is no article.
LARGEST_PAGE = 64 << 20
# Bytes of pages that are handed to a worker at a time.
CHUNK = 1 << 20

_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
# How far into a page its <meta charset> may stand.
_META = 4096


@dataclass
class Page:
    """A page: its number in the archive (1 in a file), its bytes, the encoding its server named, its address."""

    number: int
    content: bytes
    charset: str | None = None
    address: str = ""
    # Text that an archive (.wet) already holds as such.
    is_text: bool = False


def read_html(source: Source) -> Iterator[Document]:
    """The main text of one page; nothing where there is none."""
    with Stream(source) as stream:
        pieces: list[bytes] = []
        size = 0
        while block := stream.read(BLOCK):
            pieces.append(block)
            size += len(block)
            if size > LARGEST_PAGE:
                raise UserError(f"{source.name}: is larger than {LARGEST_PAGE >> 20} MB; is it one web page?")
        if pieces:
            yield from _documents([Page(1, b"".join(pieces))], source)


def read_warc(source: Source) -> Iterator[Document]:
    """The main text of each HTML response of status 200 (or the text of a .wet); `line` is the record's number."""
    with Stream(source) as stream:
        archive = _Archive(stream, source)
        yield from _documents(archive, source)
        if archive.damage is not None:
            raise archive.damage


def _documents(pages: Iterator[Page] | list[Page], source: Source) -> Iterator[Document]:
    # Its absence is told once, not of every page.
    try:
        import trafilatura  # noqa: F401
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        raise UserError(
            f"trafilatura cannot be used ({one_line(error)}); install it with: {INSTALL['trafilatura']}"
        ) from None
    for chunk in ordered_map(_extract, grouped(pages, CHUNK, lambda page: len(page.content)), source.workers):
        for number, address, text, problem in chunk:
            if problem:
                source.skip(f"record {number}", f"{one_line(address)} cannot be read ({problem})")
            elif text:
                yield Document(number, text)
            else:
                source.counts.empty += 1


def _extract(chunk: list[Page]) -> list[tuple[int, str, bytes, str | None]]:
    """(number, address, text, what went wrong) of each page."""
    import logging

    import trafilatura

    # It tells of every page without text; they are counted here.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    made: list[tuple[int, str, bytes, str | None]] = []
    for page in chunk:
        try:
            if page.is_text:
                text = page.content.decode("utf-8")
            else:
                text = trafilatura.extract(_decoded(page), include_comments=False, include_tables=False) or ""
            made.append((page.number, page.address, record_text(text.encode("utf-8")), None))
        except Exception as error:  # whatever the parser stumbles over is this page's alone
            made.append((page.number, page.address, b"", f"{type(error).__name__}: {one_line(error)}"))
    return made


def _decoded(page: Page) -> str | bytes:
    """The page as text by the encoding it names; its bytes, to be guessed, where it names none or a wrong one."""
    named = _CHARSET.search(page.content[:_META])
    for charset in ("utf-8", page.charset, named and named[1].decode("ascii")):
        try:
            return page.content.decode(charset or "utf-8")
        except (LookupError, UnicodeDecodeError):
            continue
    return page.content


class _Archive:
    """The pages of a WARC file. What cannot be read ends them; `damage` says where."""

    def __init__(self, stream: Stream, source: Source) -> None:
        self.damage: Damaged | None = None
        self._stream, self._source = stream, source

    def __iter__(self) -> Iterator[Page]:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed

        number = 0
        try:
            for record in ArchiveIterator(self._stream):
                number += 1
                if (page := self._page(record, number)) is not None:
                    yield page
        except Damaged as damage:
            self.damage = damage
        except (ArchiveLoadFailed, EOFError) as error:
            if not number:
                raise UserError(
                    f"{self._source.name}: is no WARC file ({one_line(error)}); say what it is with --format"
                ) from error
            self.damage = Damaged(f"the archive is damaged after record {number} ({one_line(error)})")

    def _page(self, record, number: int) -> Page | None:
        kind = (record.rec_headers.get_header("Content-Type") or "").lower()
        address = record.rec_headers.get_header("WARC-Target-URI") or ""
        if record.rec_type == "conversion" and kind.startswith("text/plain"):
            return Page(number, self._content(record, number), address=address, is_text=True)
        if record.rec_type != "response" or record.http_headers is None:
            return None
        kind = (record.http_headers.get_header("Content-Type") or "").lower()
        if record.http_headers.get_statuscode() != "200" or not kind.startswith(_PAGE_TYPES):
            return None
        charset = _CHARSET.search(kind.encode("ascii", "replace"))
        return Page(number, self._content(record, number), charset and charset[1].decode("ascii"), address)

    def _content(self, record, number: int) -> bytes:
        content = record.content_stream()
        pieces: list[bytes] = []
        size = 0
        while size < LARGEST_PAGE and (block := content.read(BLOCK)):
            pieces.append(block)
            size += len(block)
        # What the record's header promised is not all there, or it promised no length.
        if size < LARGEST_PAGE and getattr(record.raw_stream, "limit", 1) > 0:
            raise Damaged(f"record {number} is cut off")
        return b"".join(pieces)
