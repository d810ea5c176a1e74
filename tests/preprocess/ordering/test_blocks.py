"""Documents found by kernels, against the plain reader on hostile and random files."""

import random
import re

import numpy as np
import pytest

from fairseq_hebrew.preprocess import documents as plain
from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.ordering import blocks as module
from fairseq_hebrew.preprocess.ordering.block_kernels import find_documents, last_break
from fairseq_hebrew.preprocess.ordering.blocks import Gathered, packed, read_blocks, written
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import ROOT
from tests.preprocess.test_documents import FILES

# Of every length UTF-8 has, the first and the last of each and the ones next to what is forbidden.
CHARACTERS = "\x00a\x7f\x80א\u05ff\u07ff\u0800\u20aa\ud7ff\ue000\ufeff\uffff😀\U00010000\U0010ffff"
# Sequences that are no UTF-8: lone or too many continuations, too long, surrogates, beyond U+10FFFF, no lead at all.
BROKEN = [
    *(bytes([byte]) for byte in (0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xD7, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF)),
    *(b"\xc0\x80", b"\xc1\xbf", b"\xd7\x90\x80", b"\xd7\xd7\x90", b"\xe2\x82", b"\xe2\xe2\x82\xac", b"\xfb\xbf\xbf"),
    *(b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x9f\x98"),
    *(b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80"),
]


def texts(block):
    return [block.text[start : start + size].tobytes() for start, size in zip(block.starts, block.sizes)]


def found(path, layout):
    return [text for block in read_blocks(path, layout) for text in texts(block)]


def same_as_plain(path, layout):
    assert found(path, layout) == [document.text for document in read_documents(path, layout)]


@pytest.mark.parametrize("layout", ["blank", "lines"])
@pytest.mark.parametrize("content", FILES)
def test_files_that_are_odd(tmp_path, monkeypatch, content, layout):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    for block in (1, 2, 3, 5, 8, 13, 64, 1 << 20):
        monkeypatch.setattr(module, "BLOCK", block)
        same_as_plain(path, layout)


@pytest.mark.parametrize("ends", [[b"\n"], [b"\n", b"\r\n", b"\r"]])
def test_random_files(tmp_path, monkeypatch, ends):
    choice = random.Random(1)
    path = tmp_path / "a.txt"
    pieces = [*ends, b"\n", b" ", b"\t", b"\x0b", b"\x0c", b"word", *(c.encode() for c in CHARACTERS)]
    for _ in range(300):
        path.write_bytes(b"".join(choice.choices(pieces, k=choice.randint(0, 60))))
        for layout in ("blank", "lines"):
            for block in (1, 3, choice.randint(4, 60), 1 << 20):
                monkeypatch.setattr(module, "BLOCK", block)
                same_as_plain(path, layout)


def sound(content, before=b""):
    """What the kernel says of bytes, which it is given with a line end, between others that are no UTF-8."""
    text = np.full((len(before) + len(content) + 8) // 8 * 8 + 8, 0xF5, np.uint8)
    begin, end = len(before), len(before) + len(content) + 1
    text[:end] = np.frombuffer(before + content + b"\n", np.uint8)
    starts, sizes = np.empty(len(text), np.int64), np.empty(len(text), np.int64)
    return find_documents(text.view(np.uint64), text, begin, end, True, starts, sizes)[1]


def is_utf8(content):
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_what_is_utf8():
    for place in range(17):
        for character in CHARACTERS:
            assert sound(b"x" * place + character.encode()), hex(ord(character))
            assert sound(character.encode(), before=b"\xe2" * place), "what stands before the text does not count"
        for broken in BROKEN:
            assert not sound(b"x" * place + broken), (place, broken)
            assert not sound(b"x" * place + broken + b"x" * 9), (place, broken)
    choice = random.Random(1)
    good = [character.encode() for character in CHARACTERS]
    for _ in range(5000):
        content = b"".join(choice.choices(good, k=choice.randint(0, 20)))
        if choice.random() < 0.8:
            place = choice.randrange(len(content) + 1)
            content = content[:place] + choice.choice([b"", *BROKEN]) + content[place + choice.randint(0, 2) :]
        assert sound(content) == is_utf8(content), content


def test_all_pairs_and_random_bytes():
    """Two bytes of every kind, alone and after a lead of three or four."""
    for before in (b"", b"\xe2", b"\xf0", b"\xf4\x8f"):
        for first in range(0x7F, 0x100):
            for second in range(0x7F, 0x100, 1):
                content = before + bytes([first, second])
                assert sound(content) == is_utf8(content), content
    choice = random.Random(2)
    for _ in range(3000):
        content = bytes(choice.choices(range(0x70, 0x100), k=choice.randint(1, 6))).replace(b"\r", b"")
        assert sound(content) == is_utf8(content), content


@pytest.mark.parametrize("layout", ["blank", "lines"])
@pytest.mark.parametrize("bad", [b"\xff", b"\xd7", b"\xed\xa0\x80"])
def test_invalid_utf8_names_the_line(tmp_path, monkeypatch, layout, bad):
    path = tmp_path / "a.txt"
    path.write_bytes("שורה\n\n".encode() * 40 + b"x " + bad + b"\nend\n" + "שורה\n\n".encode() * 40)
    for block in (3, 50, 1 << 20):
        monkeypatch.setattr(module, "BLOCK", block)
        with pytest.raises(UserError, match=re.escape(f"{path}:81: invalid UTF-8 (byte 0x{bad[0]:02x})")):
            found(path, layout)
    path.write_bytes("שורה\n\nא".encode()[:-1])
    with pytest.raises(UserError, match=r"a\.txt:3: invalid UTF-8"):
        found(path, layout)


def test_a_document_without_end_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"some words\n" * 1000)
    for room in (module, plain):
        monkeypatch.setattr(room, "BLOCK", 100)
    monkeypatch.setattr(plain, "LONGEST", 500)
    with pytest.raises(UserError, match="is it --documents lines"):
        found(path, "blank")
    assert len(found(path, "lines")) == 1000


def test_the_last_break():
    def plainly(content, by_line):
        if by_line:
            return content.rfind(b"\n") + 1
        return plain._after_last_blank(content)

    choice = random.Random(1)
    for _ in range(2000):
        content = bytes(choice.choices(b"\n\n \t\x0ca", k=choice.randint(0, 12)))
        for by_line in (False, True):
            text = np.frombuffer(bytearray(content + b"\n\n\n"), np.uint8)
            assert last_break(text, 0, len(content), by_line) == plainly(content, by_line), content
            begin = choice.randint(0, len(content))
            assert last_break(text, begin, len(content), by_line) == begin + plainly(content[begin:], by_line)


def test_tokens_and_the_layout_that_is_looked_for(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("הוא O\nאמר\tO\n: O\n\nכן O\n! O\n", encoding="utf-8")
    assert [text.decode() for text in found(path, "tokens")] == ["הוא אמר:\n", "כן!\n"]
    assert len(found(path, "auto")) == 2
    path.write_bytes(b"a\nb\n")
    with pytest.raises(UserError, match="say --documents lines"):
        found(path, "auto")


@pytest.mark.parametrize("size", [1, 10, 100, 1 << 20])
def test_documents_in_any_order(documents, size):
    made = ["\n".join(lines).encode() + b"\n" for lines in documents(100, seed=1)]
    order = np.random.default_rng(1).permutation(100)[:70]
    pieces = [bytes(piece) for piece in written(packed(made), order, size)]
    assert b"".join(pieces) == b"".join(made[number] + b"\n" for number in order)
    assert max(map(len, pieces)) <= max(size, max(map(len, made)) + 1)
    assert list(written(packed(made), order[:0], size)) == []


@pytest.mark.parametrize("room", [1, 100, 1 << 20])
def test_blocks_gathered_into_one(documents, room):
    made = ["\n".join(lines).encode() + b"\n" for lines in documents(50, seed=1)]
    gathered = Gathered(room)
    for begin in range(0, 50, 7):
        gathered.add(packed(made[begin : begin + 7]))
    assert gathered.documents == 50 and gathered.bytes == sum(map(len, made))
    assert texts(gathered.block()) == made
    assert len(Gathered(room).block()) == 0


def test_more_documents_than_expected(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n\n" * 5000 + b"b\n" * 7)
    for layout in ("blank", "lines"):
        same_as_plain(path, layout)


@pytest.mark.parametrize("layout", ["blank", "lines"])
def test_files_read_to_where_they_are_gathered(tmp_path, monkeypatch, documents, written, layout):
    """Whatever does not go there, and a file that is longer than it was, is copied there."""
    made = documents(60, seed=1)
    paths = [written(tmp_path / f"{number}.txt", made[number * 20 : number * 20 + 20]) for number in range(3)]
    paths[1].write_bytes(paths[1].read_bytes().replace(b"\n", b"\r\n", 9))
    paths.insert(1, tmp_path / "short.txt")
    paths[1].write_bytes(b"\xef\xbb\xbfa\n\nb")
    wanted = [document.text for path in paths for document in read_documents(path, layout)]
    sizes = [path.stat().st_size for path in paths]
    for block in (50, 1000, 1 << 20):
        monkeypatch.setattr(module, "BLOCK", block)
        for given in (sizes, [0, 0, 0, 0], [sizes[0] - 100, 2, 3, sizes[3] // 2]):
            gathered = Gathered(Gathered.room_of(given))
            for path, size in zip(paths, given):
                for found in read_blocks(path, layout, gathered.room(size)):
                    gathered.add(found)
            assert gathered.documents == len(wanted)
            assert texts(gathered.block()) == wanted


@pytest.mark.skipif(not (ROOT.parent / "shared" / "data" / "text").exists(), reason="no real Hebrew text here")
def test_real_text(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 300_000)
    folder = ROOT.parent / "shared" / "data" / "text"
    for name in ("architecture", "bible", "wikipedia_articles"):
        for layout in ("blank", "lines"):
            same_as_plain(folder / f"{name}.txt", layout)
