"""A MediaWiki dump."""

from xml.sax.saxutils import escape

import pytest

from fairseq_hebrew.preprocess.readers import mediawiki as module
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import EXTRA, PACK

pytest.importorskip("mwparserfromhell", reason=EXTRA)

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="he">
  <siteinfo>
    <sitename>ויקיפדיה</sitename>
    <namespaces><namespace key="6" case="first-letter">קובץ</namespace></namespaces>
  </siteinfo>
"""
FOOT = "</mediawiki>\n"


def page(title, text, ns=0, redirect=""):
    return f"""  <page>
    <title>{escape(title)}</title>
    <ns>{ns}</ns>
    <id>7</id>{redirect}
    <revision>
      <id>1</id>
      <contributor><username>כותב</username></contributor>
      <comment>תקציר &lt;ref&gt;</comment>
      <text bytes="9" xml:space="preserve">{escape(text)}</text>
    </revision>
  </page>
"""


PAGES = [
    page("ירושלים", "'''ירושלים''' היא {{תבנית|א={{ב}}}} [[עיר|בירה]].\n\n== תולדות ==\nעתיקה & \"רבה\"<ref>א</ref>."),
    page("הפניה", "#הפניה [[ירושלים]]", redirect='\n    <redirect title="ירושלים" />'),
    page("הפניה ישנה", "#REDIRECT [[ירושלים]]"),
    page("שיחה:ירושלים", "שיחה", ns=1),
    page("תבנית:א", "תבנית", ns=10),
    page("ריק", "{{תבנית}}"),
    page("תל אביב", "עיר.\n* פריט"),
]


def write(path, pages=PAGES, foot=FOOT):
    """The dump; compressed as the multistream dumps are: a member for the head, one for some pages, one for the end."""
    pack = PACK.get(path.suffix, bytes)
    half = len(pages) // 2
    parts = [HEAD, "".join(pages[:half]), "".join(pages[half:]), foot]
    path.write_bytes(b"".join(pack(part.encode()) for part in parts if part))
    return path


@pytest.mark.parametrize("name", ["hewiki-latest-pages-articles-multistream.xml.bz2", "a.xml", "a.xml.gz"])
@pytest.mark.parametrize("workers", [1, 2])
def test_articles_alone_are_read(tmp_path, read, name, workers):
    told = []
    path = write(tmp_path / name)
    made, source = read(path, workers=workers, progress=told.append)
    assert [document.text.decode() for document in made] == [
        'ירושלים היא בירה.\nתולדות\nעתיקה & "רבה".\n',
        "עיר.\nפריט\n",
    ]
    lines = (HEAD + "".join(PAGES)).split("\n")
    assert [lines[document.line].strip() for document in made] == ["<title>ירושלים</title>", "<title>תל אביב</title>"]
    assert source.counts.empty == 1 and source.counts.broken == 0
    assert sum(told) == path.stat().st_size


def test_any_size_of_read_and_of_chunk_gives_the_same_articles(tmp_path, read, monkeypatch):
    path = write(tmp_path / "a.xml", PAGES * 5)
    wanted, _ = read(path)
    for block, chunk in [(1, 1), (17, 100), (1 << 20, 1)]:
        monkeypatch.setattr(module, "BLOCK", block)
        monkeypatch.setattr(module, "CHUNK", chunk)
        assert read(path)[0] == wanted


@pytest.mark.parametrize("name", ["a.xml", "a.xml.bz2"])
def test_a_dump_cut_off_in_the_middle(tmp_path, read, name):
    path = write(tmp_path / name, PAGES * 20)
    whole, _ = read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with pytest.raises(UserError, match="cut off"):
        read(path)
    for workers in (1, 2):
        made, source = read(path, max_broken=1, workers=workers)
        assert made == whole[: len(made)] and len(made) > 10, "what came before it is kept"
        assert source.counts.broken == 1


def test_xml_that_is_wrong_names_its_line(tmp_path, read):
    path = write(tmp_path / "a.xml", [PAGES[0], "<page><title>א</titel></page>\n", PAGES[-1]])
    line = path.read_text(encoding="utf-8").split("</titel>")[0].count("\n") + 1
    with pytest.raises(UserError, match=rf"a\.xml: the XML is cut off or wrong at line {line} \(mismatched tag\)"):
        read(path)
    made, _ = read(path, max_broken=1)
    assert len(made) == 1


@pytest.mark.parametrize("content", ["<rss><page/></rss>", "<html><body/></html>"])
def test_other_xml_is_refused(tmp_path, read, content):
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"is XML of <(rss|html)>, not a MediaWiki dump; say what it is with --format"):
        read(path, max_broken=100)


def test_what_is_no_xml_is_told(tmp_path, read):
    path = tmp_path / "a.xml"
    path.write_text("just text")
    with pytest.raises(UserError, match=r"the XML is cut off or wrong at line 1"):
        read(path)


def test_an_article_the_parser_fails_on_is_one_broken_record(tmp_path, read, monkeypatch):
    plain = module.plain_text

    def fails(text):
        if "בירה" in text:
            raise RecursionError("too deep")
        return plain(text)

    monkeypatch.setattr(module, "plain_text", fails)
    path = write(tmp_path / "a.xml")
    with pytest.raises(UserError, match=r"article 'ירושלים': its wikitext cannot be parsed \(RecursionError: too"):
        read(path)
    made, source = read(path, max_broken=1)
    assert [document.text.decode() for document in made] == ["עיר.\nפריט\n"] and source.counts.broken == 1


def test_a_page_of_many_megabytes(tmp_path, texts):
    text = "שלום עולם\n\n" * 300_000
    path = write(tmp_path / "a.xml.gz", [page("א", text), PAGES[-1]])
    assert texts(path) == ["שלום עולם\n" * 300_000, "עיר.\nפריט\n"]


def test_entities_that_grow_without_end_are_stopped(tmp_path, read):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    path = tmp_path / "a.xml"
    path.write_text(f'<!DOCTYPE mediawiki [<!ENTITY l0 "{"ha" * 100}">{laughs}]>' + HEAD + page("א", "ב&") + FOOT)
    path.write_text(path.read_text().replace("ב&amp;", "&l11;"))
    with pytest.raises(UserError, match="limit on input amplification"):
        read(path)
