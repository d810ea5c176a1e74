"""Text as stages write it is read by kernels; all other text is known for what it is."""

import random
from itertools import pairwise

import pytest

from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.duplicates import layout as module
from fairseq_hebrew.preprocess.duplicates.layout import OtherLayout, document_bounds, has_mark, lay_out, read_blocks
from fairseq_hebrew.stage.errors import UserError


def documents_of(path):
    """The documents as the kernels find them, with their blank lines; None where the layout is another."""
    try:
        found = []
        for block in read_blocks(path):
            text, bounds = document_bounds(block)
            assert text.tobytes() == block
            found += [block[a:b] for a, b in pairwise(bounds.tolist())]
        return found
    except OtherLayout:
        return None


def plainly(path):
    """What the general reader makes of the file, where that is the file itself; None elsewhere."""
    try:
        found = [document.text + b"\n" for document in read_documents(path, "blank")]
    except UserError:
        return None
    return found if b"".join(found) == path.read_bytes() else None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 20])
def test_blocks_of_any_size_give_what_the_general_reader_gives(tmp_path, monkeypatch, documents, written, size):
    monkeypatch.setattr(module, "BLOCK", size)
    path = written(tmp_path / "a.txt", documents(40, seed=1))
    assert documents_of(path) == plainly(path) and len(documents_of(path)) == 40


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_random_bytes_are_taken_only_where_the_general_reader_agrees(tmp_path, monkeypatch, size):
    monkeypatch.setattr(module, "BLOCK", size)
    choice = random.Random(size)
    pieces = [b"\n", b"\n\n", b"a\n", b" ", b"\t", b"\r", b"\r\n", "א".encode(), b"\xd7", b"\x90", b"\x0b", b"x\n\n"]
    pieces += [b"\xef\xbb\xbf", b"\xe2\x80\x8f", b"\xf0\x9f\x98\x80", b"\x00", b"y\n\n", b"z\n\n"]
    path = tmp_path / "a.txt"
    taken = 0
    for _ in range(3000):
        path.write_bytes(b"".join(choice.choices(pieces, k=choice.randint(1, 6))) + choice.choice([b"", b"e\n\n"]))
        if has_mark(path):
            assert plainly(path) is None
            continue
        assert documents_of(path) == plainly(path), path.read_bytes()
        taken += documents_of(path) is not None
    assert 200 < taken < 2800


def test_utf8_is_taken_and_refused_as_python_does(tmp_path):
    choice = random.Random(5)
    path = tmp_path / "a.txt"
    valid = 0
    for _ in range(20000):
        lead = choice.choice([0x7F, 0x80, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0xF5, 0xFF])
        rest = bytes(choice.choice([0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]) for _ in range(3))
        text = b"a" + bytes([lead]) + rest[: choice.randint(0, 3)] + choice.choice([b"", b"b"]) + b"\n\n"
        try:
            text.decode()
            valid += 1
            assert len(document_bounds(text)[1]) == 2, text
        except UnicodeDecodeError:
            with pytest.raises(OtherLayout):
                document_bounds(text)
    assert valid > 1000
    path.write_bytes(b"a\xd7")
    assert documents_of(path) is None


def test_no_document_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(module, "LONGEST", 20)
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n" * 20 + b"\n")
    assert documents_of(path) is None


@pytest.mark.parametrize("layout", ["blank", "lines"])
def test_random_bytes_that_are_laid_out_are_taken(tmp_path, layout):
    choice = random.Random(7)
    pieces = [b"\n", b"\n\n", b"a\n", b" ", b"\t", b"\r", b"\r\n", "א".encode(), b"\x0b", b"x\n\n", b"\xef\xbb\xbf"]
    path, made = tmp_path / "a.txt", tmp_path / "b.txt"
    for _ in range(2000):
        path.write_bytes(b"".join(choice.choices(pieces, k=choice.randint(1, 8))))
        lay_out(path, layout, made)
        assert documents_of(made) is not None, path.read_bytes()


def test_any_text_can_be_laid_out(tmp_path):
    path, made = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_bytes(b"\xef\xbb\xbf\n \none\r\ntwo\n\t\n\nthree")
    lay_out(path, "blank", made)
    assert documents_of(made) == [b"one\ntwo\n\n", b"three\n\n"]
    lay_out(path, "lines", made)
    assert documents_of(made) == [b"one\n\n", b"two\n\n", b"three\n\n"]
