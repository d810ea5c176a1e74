"""Web pages in files and archives."""

import gzip
import io

import pytest

from fairseq_hebrew.preprocess.readers import web as module
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import EXTRA

pytest.importorskip("trafilatura", reason=EXTRA, exc_type=ImportError)
pytest.importorskip("warcio", reason=EXTRA)

PARAGRAPHS = [
    "ירושלים היא עיר הבירה של מדינת ישראל והעיר הגדולה ביותר בה לפי מספר התושבים.",
    "העיר שוכנת בהרי יהודה, על קו פרשת המים הארצי של ארץ ישראל, בין הים התיכון וים המלח.",
]
WANTED = "".join(f"{line}\n" for line in PARAGRAPHS)


EMPTY = b"<!DOCTYPE html><html><head></head><body></body></html>"


def html(charset="utf-8", named=True):
    meta = f'<meta charset="{charset}">' if named else ""
    paragraphs = "".join(f"<p>{line}</p>" for line in PARAGRAPHS)
    text = f"""<!DOCTYPE html><html lang="he"><head>{meta}<title>ירושלים</title></head><body>
    <nav><ul><li><a href="/">ראשי</a></li><li><a href="/x">צור קשר</a></li></ul></nav>
    <article><h1>ירושלים</h1>{paragraphs}</article><footer>כל הזכויות שמורות</footer></body></html>"""
    return text.encode(charset)


@pytest.mark.parametrize("charset", ["utf-8", "windows-1255", "iso-8859-8"])
def test_the_main_text_of_a_page(tmp_path, texts, charset):
    path = tmp_path / "a.html"
    path.write_bytes(html(charset))
    (text,) = texts(path)
    assert text.endswith(WANTED) and "צור קשר" not in text and "הזכויות" not in text


def test_a_page_without_text_is_empty(tmp_path, read):
    path = tmp_path / "a.htm.gz"
    path.write_bytes(gzip.compress(EMPTY))
    made, source = read(path)
    assert made == [] and source.counts.empty == 1
    path = tmp_path / "b.html"
    path.write_bytes(b"\x00\xff\x01" * 100)
    assert read(path)[0] == []


def archive(path, *records, gzipped=False):
    """A WARC file of (kind, content, HTTP status, HTTP type) records."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    with open(path, "wb") as file:
        writer = WARCWriter(file, gzip=gzipped)
        for number, (kind, content, status, mime) in enumerate(records):
            headers = None
            if kind == "response":
                headers = StatusAndHeaders(f"{status} X", [("Content-Type", mime)], protocol="HTTP/1.1")
            writer.write_record(
                writer.create_warc_record(
                    f"http://a.b/{number}",
                    kind,
                    payload=io.BytesIO(content),
                    http_headers=headers,
                    warc_content_type="" if headers else mime,
                )
            )
    return path


RECORDS = [
    ("warcinfo", b"software: x\r\n", None, "application/warc-fields"),
    ("response", html(), 200, "text/html; charset=utf-8"),
    ("response", html(), 404, "text/html"),
    ("response", b"\x89PNG", 200, "image/png"),
    ("response", html("windows-1255", named=False), 200, "text/html; charset=Windows-1255"),
    ("response", EMPTY, 200, "text/html"),
    ("metadata", b"x", None, "text/plain"),
    ("response", html(), 200, "application/xhtml+xml"),
]


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_pages_of_an_archive(tmp_path, read, gzipped, workers):
    told = []
    path = archive(tmp_path / ("a.warc.gz" if gzipped else "a.warc"), *RECORDS, gzipped=gzipped)
    made, source = read(path, workers=workers, progress=told.append)
    assert [document.line for document in made] == [2, 5, 8]
    assert all(document.text.decode().endswith(WANTED) for document in made)
    assert source.counts.empty == 1 and source.counts.broken == 0
    assert sum(told) == path.stat().st_size


def test_the_text_of_a_wet_archive(tmp_path, read):
    content = f"{WANTED}\n\nסוף".encode()
    records = [("conversion", content, None, "text/plain"), ("conversion", b"tw\xff", None, "text/plain")]
    path = archive(tmp_path / "a.warc.wet.gz", *records, gzipped=True)
    with pytest.raises(UserError, match=r"record 2: http://a\.b/1 cannot be read \(UnicodeDecodeError"):
        read(path)
    made, source = read(path, max_broken=1)
    assert [(document.line, document.text.decode()) for document in made] == [(1, f"{WANTED}סוף\n")]
    assert source.counts.broken == 1


@pytest.mark.parametrize("gzipped", [False, True])
def test_an_archive_cut_off(tmp_path, read, gzipped):
    path = archive(tmp_path / ("a.warc.gz" if gzipped else "a.warc"), *RECORDS[:5], gzipped=gzipped)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="cut off"):
        read(path)
    made, source = read(path, max_broken=1)
    assert [document.line for document in made] == [2] and source.counts.broken == 1


def test_what_is_no_archive_is_refused(tmp_path, read):
    path = tmp_path / "a.warc"
    path.write_text("just text\n" * 100)
    with pytest.raises(UserError, match="is no WARC file"):
        read(path, max_broken=100)


def test_a_page_that_is_too_large_is_refused(tmp_path, read, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_PAGE", 100)
    path = tmp_path / "a.html"
    path.write_bytes(html())
    with pytest.raises(UserError, match="is it one web page"):
        read(path)


def test_a_page_the_parser_fails_on_is_one_broken_record(tmp_path, read, monkeypatch):
    import trafilatura

    def fails(*_, **__):
        raise ValueError("no tree")

    monkeypatch.setattr(trafilatura, "extract", fails)
    path = tmp_path / "a.html"
    path.write_bytes(html())
    with pytest.raises(UserError, match=r"record 1: .*\(ValueError: no tree\)"):
        read(path)
