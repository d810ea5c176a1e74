"""Text read in chunks: whole lines, whatever the size of a chunk, and what a line and a blank line are."""

import random

import pytest

from fairseq_hebrew.preprocess.binaries import chunks as module
from fairseq_hebrew.preprocess.binaries.chunks import Piece, lines_of, read_chunks, whole
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.lines import read_lines

WHITE = " \t\n\r\f\v"


def lines_by_chunks(*pieces):
    made = []
    for chunk in read_chunks(list(pieces)):
        starts, ends = lines_of(chunk)
        made.append([chunk.data[start:end].tobytes().decode() for start, end in zip(starts, ends)])
    return made


def plain(path):
    """The lines as they are read in text mode: no line ends, blank ones empty, a run of them one."""
    lines = []
    for line, _ in read_lines(path):
        line = line.rstrip("\r\n") if line.strip(WHITE) else ""
        if line or not lines or lines[-1]:
            lines.append(line)
    return lines


def joined(made):
    """The lines of chunks, with a run of blank lines across chunks as one."""
    lines = []
    for line in (line for chunk in made for line in chunk):
        if line or not lines or lines[-1]:
            lines.append(line)
    return lines


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1 << 20])
@pytest.mark.parametrize("seed", range(8))
def test_lines_are_those_of_the_plain_reader(tmp_path, monkeypatch, size, seed):
    monkeypatch.setattr(module, "CHUNK", size)
    choice = random.Random(seed)
    path = tmp_path / "a.txt"
    signs = [
        "\n",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "\f",
        "\v",
        "\x1c",
        "\u2028",
        "\u0085",
        "\u00a0",
        "א",
        "ab",
        "😀",
    ]
    text = "".join(choice.choices(signs, k=choice.randint(1, 120)))
    path.write_bytes(("\ufeff" * choice.randrange(2) + text).encode())
    assert joined(lines_by_chunks(whole(path))) == plain(path)


@pytest.mark.parametrize("content", ["\ufeff", "\ufeff\n", "\ufeffא", "\n", " ", "א\r\r\n", "\ufeff\ufeffא"])
def test_the_smallest_texts(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    assert joined(lines_by_chunks(whole(path))) == plain(path)


def test_chunks_are_whole_lines_and_a_long_line_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 16)
    path = tmp_path / "a.txt"
    path.write_text("aaaa\nbbbb\ncccc\ndddd\n" + "e" * 100 + "\nffff\ngggg", encoding="utf-8")
    made = lines_by_chunks(whole(path))
    assert len(made) > 3 and [line for chunk in made for line in chunk] == path.read_text().split("\n")
    assert max(map(len, made)) < 5 and any("e" * 100 in chunk for chunk in made)


def test_pieces_tell_where_their_bytes_stand(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\ntwo\nthree\n")
    pieces = [Piece(path, 7, 11), Piece(path, 0, 7)]
    made = [(chunk.piece, chunk.offset, chunk.begin, chunk.end) for chunk in read_chunks(pieces)]
    assert made == [(0, 7, 0, 4), (1, 0, 3, 7)]
    assert lines_by_chunks(*pieces) == [["two"], ["one"]]


def test_a_line_without_an_end_and_a_file_that_shrinks_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n" + b"b" * 5000)
    monkeypatch.setattr(module, "CHUNK", 64)
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    with pytest.raises(UserError, match=r"a\.txt: a line of more than 0 MB begins at byte 2; give text that has line"):
        list(read_chunks([whole(path)]))
    monkeypatch.setattr(module, "LONGEST_LINE", 10_000)
    with pytest.raises(UserError, match=r"a\.txt: became shorter while it was read"):
        list(read_chunks([Piece(path, 0, 6000)]))
