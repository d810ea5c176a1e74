"""Reading documents: every way a file can be cut into reads gives what a plain reader finds."""

import random
import re

import pytest

from fairseq_hebrew.preprocess import documents as module
from fairseq_hebrew.preprocess.documents import chunked, layout_of, read_documents
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.lines import read_lines

FILES = [
    b"",
    b"\n",
    b"\n\n\n",
    b"one",
    b"one\n",
    b"one\ntwo",
    b"one\n\ntwo",
    b"one\n\ntwo\n\n",
    b"\n\none\n\n\n\ntwo\nthree\n",
    b"one\r\ntwo\r\n\r\nthree\r\n",
    b"one\r\n\r\n\r\n\r\ntwo\r\n",
    b"\r\n\r\none\r\n",
    b"\xef\xbb\xbfone\n\ntwo\n",
    b"\xef\xbb\xbf\n\none\n\ntwo\n",
    b"\xef\xbb\xbf",
    b"one\n  \t \ntwo\n \n \nthree",
    b"one\n \r\n\t\n\ntwo",
    b" one \n\n two \n",
    b"one\n\x0c\ntwo\n\x0b\n",
    b"one\r\r\n\r\r\ntwo",
    b"one\rtwo\r\r\r\n\r\nthree\r",
    "שלום\n\nעולם 😀\nא\n\n\nב".encode(),
    "א\u00a0\n\u00a0\nב\n".encode(),
    b"a\n" * 50 + b"\n" + b"b\n" * 50,
    b"x" * 150 + b"\n\n" + b"y" * 150 + b"\n",
    b"one\n" + b" " * 100 + b"\ntwo\n",
]
BLOCKS = [*range(1, 41), 63, 64, 65, 99, 100, 101, 150, 151, 152, 153, 200]


def reference(content, layout):
    """(line, text) of each document, read the plain way."""
    text = re.sub(rb"\r+(\n|\Z)", rb"\1", content.removeprefix(b"\xef\xbb\xbf"))
    found, current, start = [], [], 0
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip(b" \t\r\f\v"):
            start = start if current else number
            current.append(line)
            if layout == "blank":
                continue
        if current:
            found.append((start, b"\n".join(current) + b"\n"))
        current = []
    if current:
        found.append((start, b"\n".join(current) + b"\n"))
    return found


@pytest.mark.parametrize("layout", ["blank", "lines"])
@pytest.mark.parametrize("content", FILES)
def test_any_size_of_read_gives_the_same_documents(tmp_path, monkeypatch, content, layout):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    wanted = reference(content, layout)
    for block in BLOCKS:
        monkeypatch.setattr(module, "BLOCK", block)
        assert [(made.line, made.text) for made in read_documents(path, layout)] == wanted, block


def test_random_files(tmp_path, monkeypatch):
    choice = random.Random(1)
    path = tmp_path / "a.txt"
    pieces = [b"\n", b"\n", b"\r\n", b" ", b"\t", b"\r", b"word", "א".encode(), b"\x0c", b"\xef\xbb\xbf"]
    for _ in range(400):
        content = b"".join(choice.choices(pieces, k=choice.randint(0, 40)))
        path.write_bytes(content)
        for layout in ("blank", "lines"):
            wanted = reference(content, layout)
            for block in (1, 2, 3, choice.randint(4, 60), 1 << 20):
                monkeypatch.setattr(module, "BLOCK", block)
                assert [(made.line, made.text) for made in read_documents(path, layout)] == wanted, (content, block)


def test_what_was_written_is_read_back(tmp_path, documents, written):
    made = documents(200, seed=1)
    path = written(tmp_path / "a.txt", made)
    read = list(read_documents(path))
    assert [[line.decode() for line in document.paragraphs] for document in read] == made
    assert b"".join(document.text + b"\n" for document in read) == path.read_bytes()


def test_memory_stays_small_when_blank_lines_hold_blanks(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"some words\n \n" * 1000)
    monkeypatch.setattr(module, "BLOCK", 100)
    monkeypatch.setattr(module, "LONGEST", 500)
    assert len(list(read_documents(path))) == 1000


def test_a_document_without_end_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"some words\n" * 1000)
    monkeypatch.setattr(module, "BLOCK", 100)
    monkeypatch.setattr(module, "LONGEST", 500)
    with pytest.raises(UserError, match="is it --documents lines"):
        list(read_documents(path))
    assert len(list(read_documents(path, "lines"))) == 1000


@pytest.mark.parametrize("layout", ["blank", "lines", "tokens"])
@pytest.mark.parametrize(
    "before, bad", [(b"", b"\xff"), (b"one\n\ntwo\n", b"\xd7"), (b"\xef\xbb\xbfa\r\n\r\n", b"\xed\xa0\x80")]
)
def test_invalid_utf8_names_the_line(tmp_path, monkeypatch, layout, before, bad):
    path = tmp_path / "a.txt"
    path.write_bytes(before + b"x " + bad + b"\nend\n")
    line = before.count(b"\n") + 1
    for block in (1, 3, 7, 1 << 20):
        monkeypatch.setattr(module, "BLOCK", block)
        with pytest.raises(UserError, match=re.escape(f"{path}:{line}: invalid UTF-8 (byte 0x{bad[0]:02x})")):
            list(read_documents(path, layout))
    with pytest.raises(UserError, match=f"a.txt:{line}: invalid UTF-8"):
        list(read_lines(path))


def test_a_letter_cut_off_at_the_end_of_a_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("שלום\nא".encode()[:-1])
    with pytest.raises(UserError, match=r"a\.txt:2: invalid UTF-8"):
        list(read_documents(path))


def test_tokens_become_sentences(tmp_path):
    path = tmp_path / "a.bmes"
    path.write_text("הוא O\nאמר\tO\n: O\nשלום B-PER\n. O\n\nכן O\n! O\n", encoding="utf-8")
    assert [document.text.decode() for document in read_documents(path, "tokens")] == ["הוא אמר: שלום.\n", "כן!\n"]


@pytest.mark.parametrize(
    "content, layout",
    [
        (b"a\n\nb\n", "blank"),
        (b"a\r\n\r\nb\r\n", "blank"),
        (b"a\n  \nb\n", "blank"),
        (b"a\n" + b" " * 300 + b"\nb", "blank"),
        (b"a\n\n", "blank"),
        (b"a", "lines"),
        (b"a\n", "lines"),
        (b"\n\na\n", "lines"),
        (b"a\nb\n", None),
        (b"a\nb", None),
        (b"\n\na\nb\n", None),
        (b"a\r\nb\r\n", None),
    ],
)
def test_layout_is_found_or_asked_for(tmp_path, monkeypatch, content, layout):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    for block in (1, 2, 3, 5, 64, 1 << 20):
        monkeypatch.setattr(module, "BLOCK", block)
        assert layout_of(path, "tokens") == "tokens"
        if layout is None:
            with pytest.raises(UserError, match="say --documents lines if each line"):
                layout_of(path, "auto")
        else:
            assert layout_of(path, "auto") == layout, block


def test_lines_are_read_with_their_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n \nb\x0bc\xc2\x85d\n\ne")
    assert list(read_lines(path)) == [("a\r\n", 6), (" \n", 2), ("b\x0bc\x85d\n", 7), ("\n", 1), ("e", 1)]


def test_chunks_are_whole_documents(tmp_path, documents, written):
    path = written(tmp_path / "a.txt", documents(100, seed=2))
    chunks = list(chunked(read_documents(path), size=1000))
    assert len(chunks) > 10
    assert [document for chunk in chunks for document in chunk] == list(read_documents(path))


def test_a_few_broken_lines_do_not_hide_that_the_layout_is_unknown(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("שורה של טקסט\n".encode() * 20 + b"\xe4\n")
    with pytest.raises(UserError, match="has no blank line between documents"):
        layout_of(path, "auto")
