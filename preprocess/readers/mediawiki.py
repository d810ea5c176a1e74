"""A MediaWiki dump (`pages-articles.xml`): the articles of the main namespace as plain text, redirects left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.parallel import ordered_map

from ..documents import BLOCK, Document, grouped
from .source import Damaged, Source, one_line
from .stream import Stream, require_text
from .wikitext import is_redirect, plain_text

# Characters of wikitext that are handed to a worker at a time.
CHUNK = 1 << 19
# The elements of a page whose text is wanted, by the names above them.
_WANTED = {
    ("mediawiki", "page", "title"): "title",
    ("mediawiki", "page", "ns"): "ns",
    ("mediawiki", "page", "revision", "text"): "text",
}
_PAGE = ("mediawiki", "page")


@dataclass
class Page:
    """A page of a dump, and the line and the byte of the XML its element starts at."""

    line: int
    offset: int
    title: str = ""
    ns: str = ""
    text: str = ""
    redirect: bool = False


def read_mediawiki(source: Source) -> Iterator[Document]:
    """An article a document; `line` is that of its `<page>` in the XML. Articles without text are empty documents."""
    import mwparserfromhell  # noqa: F401 (its absence is told once, not of every article)

    with Stream(source) as stream:
        require_text(stream)
        pages = _Pages(stream)
        for page, text, problem in _converted(pages, source.workers):
            if problem:
                source.skip(page.line, f"article {one_line(page.title)!r}: {problem}", page.text, page.offset)
            elif text:
                yield Document(page.line, text)
            else:
                source.counts.empty += 1
        if pages.damage is not None:
            raise pages.damage


def _converted(pages: _Pages, workers: int) -> Iterator[tuple[Page, bytes, str | None]]:
    chunks = grouped(_articles(pages), CHUNK, lambda page: len(page.text))
    for chunk, texts in ordered_map(_convert, chunks, workers):
        for page, (text, problem) in zip(chunk, texts):
            yield page, text, problem


def _convert(chunk: list[Page]) -> tuple[list[Page], list[tuple[bytes, str | None]]]:
    """The articles of a chunk and for each its (text, what went wrong)."""
    texts: list[tuple[bytes, str | None]] = []
    for page in chunk:
        try:
            text = plain_text(page.text)
            texts.append((f"{text}\n".encode() if text else b"", None))
            page.text = ""
        except Exception as error:  # whatever the parser stumbles over is this article's alone
            texts.append((b"", f"its wikitext cannot be parsed ({type(error).__name__}: {one_line(error)})"))
            page.text = page.text[:100]
    return chunk, texts


def _articles(pages: _Pages) -> Iterator[Page]:
    return (page for page in pages if page.ns == "0" and not page.redirect and not is_redirect(page.text))


class _Pages:
    """The pages of a dump in order. XML that ends early or is wrong ends them; `damage` says where.

    The damage is kept, not raised: the pages before it are still on their way through the workers.
    """

    def __init__(self, stream: Stream) -> None:
        self.damage: Damaged | None = None
        self._stream = stream
        self._parser = expat.ParserCreate(namespace_separator="\n")
        self._parser.buffer_text = True
        self._parser.buffer_size = 1 << 16
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._path: list[str] = []
        self._page: Page | None = None
        self._pieces: list[str] = []
        self._done: list[Page] = []

    def __iter__(self) -> Iterator[Page]:
        try:
            while block := self._stream.read(BLOCK):
                self._parser.Parse(block, False)
                yield from self._done
                self._done.clear()
            self._parser.Parse(b"", True)
        except Damaged as damage:
            self.damage = damage
        except expat.ExpatError as error:
            said = expat.errors.messages[error.code]
            self.damage = Damaged(f"the XML is cut off or wrong at line {error.lineno} ({said})")
        yield from self._done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition("\n")[2]
        if not self._path and name != "mediawiki":
            raise UserError(
                f"{self._stream.name}: is XML of <{one_line(name)}>, not a MediaWiki dump; say what it is with --format"
            )
        self._path.append(name)
        path = tuple(self._path)
        if path == _PAGE:
            self._page = Page(self._parser.CurrentLineNumber, self._parser.CurrentByteIndex)
        elif path == (*_PAGE, "redirect"):
            self._page.redirect = True
        elif path in _WANTED:
            self._pieces = []
            self._parser.CharacterDataHandler = self._pieces.append

    def _end(self, name: str) -> None:
        path = tuple(self._path)
        if path in _WANTED:
            self._parser.CharacterDataHandler = None
            # The last revision, where a dump has the whole history.
            setattr(self._page, _WANTED[path], "".join(self._pieces))
        elif path == _PAGE:
            self._done.append(self._page)
            self._page = None
        self._path.pop()
