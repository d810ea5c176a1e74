"""Where documents begin and end, and where long ones are cut."""

import numpy as np
import pytest

from fairseq_hebrew.data.documents import Documents, cut_documents, find_documents
from fairseq_hebrew.data.token_file import TokenStream, open_stream
from tests.data.corpora import EOS, hostile_lines, stream, write, write_cached

DOT, QUESTION = 3, 4  # ids that end a sentence here


def ids(source: TokenStream, documents: Documents) -> list[list[int]]:
    made = []
    for start, size in zip(documents.starts, documents.sizes):
        out = np.empty(size, dtype=np.int64)
        source.read(int(start), out)
        made.append(out.tolist())
    return made


def found(source: TokenStream) -> list[list[int]]:
    return ids(source, find_documents(source))


def plainly(lines: list[list[int]]) -> list[list[int]]:
    """The documents of lines that have their `</s>`."""
    if [EOS] not in lines:
        return [line for line in lines if line]
    documents = [[]]
    for line in lines:
        if line == [EOS]:
            documents.append([])
        else:
            documents[-1] += line
    return [document for document in documents if document]


@pytest.mark.parametrize(
    ("lines", "documents"),
    [
        ([[10, 11], [12], [], [13], []], [[10, 11, 2, 12, 2], [13, 2]]),
        ([[10, 11], [12], [], [13]], [[10, 11, 2, 12, 2], [13, 2]]),  # the last is not ended
        ([[], [], [10], [], [], [], [11], [], []], [[10, 2], [11, 2]]),  # runs
        ([[10, 11], [12]], [[10, 11, 2], [12, 2]]),  # no separator: a line is a document
        ([[10]], [[10, 2]]),
        ([[]], []),
        ([[], []], []),
    ],
)
def test_documents(tmp_path, lines, documents):
    assert found(stream(tmp_path, lines)) == documents


def test_documents_of_random_lines(tmp_path):
    rng = np.random.default_rng(11)
    for _ in range(200):
        lines = [[*line, EOS] for line in hostile_lines(rng, 12)]
        if rng.random() < 0.3:
            lines = [line for line in lines if len(line) > 1] or [[5, EOS]]
        lines.insert(int(rng.integers(len(lines) + 1)), [])  # fairseq's format has lines without even a `</s>`
        write(tmp_path / "train", lines)
        assert found(open_stream(tmp_path / "train")) == plainly(lines)


def test_a_files_end_ends_a_document(tmp_path):
    write(tmp_path / "train", [[10, 2], [2], [11, 2]])
    write_cached(tmp_path / "train1", [[12, 2], [13, 2]])  # a separator in one file speaks for all
    write(tmp_path / "train2", [[2], [14, 2]])
    source = open_stream(tmp_path / "train", combine=True)
    assert found(source) == [[10, 2], [11, 2], [12, 2, 13, 2], [14, 2]]
    assert cut(source, 3) == [[10, 2], [11, 2], [12, 2], [13, 2], [14, 2]]


def test_documents_of_at_least_so_many_tokens(tmp_path):
    source = stream(tmp_path, [[10], [11, 12], [13, 14, 15]])
    assert ids(source, find_documents(source).of_at_least(3)) == [[11, 12, 2], [13, 14, 15, 2]]


def cut(source: TokenStream, room: int, ends: list[int] | None = None) -> list[list[int]]:
    table = None
    if ends is not None:
        table = np.zeros(100, dtype=bool)
        table[ends] = True
    return ids(source, cut_documents(source, find_documents(source), room, EOS, table))


def words(number: int, first: int = 10) -> list[int]:
    return list(range(first, first + number))


@pytest.mark.parametrize("kind", [write, write_cached])
def test_long_documents_are_cut_at_the_last_sentence_end_that_fits(tmp_path, kind):
    document = [*words(3), DOT, *words(3), QUESTION, *words(5), DOT, *words(1), EOS]
    kind(tmp_path / "train", [document])
    source = open_stream(tmp_path / "train")
    assert cut(source, 16, [DOT, QUESTION]) == [document]
    assert cut(source, 15, [DOT, QUESTION]) == [document[:14], document[14:]]
    assert cut(source, 10, [DOT, QUESTION]) == [document[:8], document[8:]]
    assert cut(source, 7, [DOT, QUESTION]) == [document[:4], document[4:8], document[8:14], document[14:]]
    assert cut(source, 10) == [document[:10], document[10:]]  # its only line is longer than that
    assert cut(source, 10, [QUESTION]) == [document[:8], document[8:]]


def test_without_sentences_they_are_cut_where_lines_end(tmp_path):
    source = stream(tmp_path, [words(4), words(2), words(6), [], words(3), []])
    first, second, third = ([*words(n), EOS] for n in (4, 2, 6))
    last = [*words(3), EOS]
    assert cut(source, 9) == [first + second, third, last]
    assert cut(source, 9, [DOT]) == [first + second, third, last]  # `</s>` ends a sentence anyhow
    assert cut(source, 7) == [first, second, third, last]


def test_a_line_end_is_not_parted_from_its_last_sentence(tmp_path):
    """A row could end right before the `</s>`, at the full stop: the next one would begin with it."""
    document = [*words(3), DOT, *words(3), DOT, EOS, *words(8), EOS]
    write(tmp_path / "train", [document[:9], document[9:], [EOS]])
    source = open_stream(tmp_path / "train")
    assert cut(source, 8, [DOT]) == [document[:4], document[4:9], document[9:17], document[17:]]


def test_no_piece_is_tiny(tmp_path):
    """An eighth of the room is the least, at the beginning and at the end; else the row is filled."""
    document = [*words(2), DOT, *words(45), EOS]  # its only sentence ends within the first eighth of 32
    source = stream(tmp_path, [document[:-1], []])
    assert list(map(len, cut(source, 32, [DOT]))) == [32, 17]
    source = stream(tmp_path, [words(32), []])  # 33 tokens: one too many
    assert list(map(len, cut(source, 32, [DOT]))) == [29, 4]
    source = stream(tmp_path, [[*words(26), DOT, *words(4), DOT], []])
    assert list(map(len, cut(source, 32, [DOT]))) == [27, 6]  # not at 32, before the `</s>`


def cut_plainly(document: list[int], room: int, ends: set[int]) -> list[list[int]]:
    least, pieces = max(1, room // 8), []
    while len(document) > room:
        sizes = range(least, min(room, len(document) - least) + 1)
        at_ends = [size for size in sizes if document[size - 1] in ends and document[size] != EOS]
        size = max(at_ends, default=sizes[-1])
        pieces.append(document[:size])
        document = document[size:]
    return [*pieces, document]


@pytest.mark.parametrize("seed", range(3))
def test_pieces_of_random_documents(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        lines = [[*line, EOS] for line in hostile_lines(rng, 30)]
        (write, write_cached)[int(rng.integers(2))](tmp_path / "train", lines)
        source, room = open_stream(tmp_path / "train"), int(rng.integers(1, 40))
        table = rng.random(int(rng.integers(50, 100))) < rng.choice([0.02, 0.2])  # ids beyond it end nothing
        ends = {EOS, *np.flatnonzero(table).tolist()}
        documents = find_documents(source)
        pieces = ids(source, cut_documents(source, documents, room, EOS, table))
        assert pieces == [piece for document in found(source) for piece in cut_plainly(document, room, ends)]
        assert [token for piece in pieces for token in piece] == [token for line in found(source) for token in line]
        whole = {size for size in documents.sizes.tolist() if size <= room}
        assert all(room // 8 <= len(piece) <= room or len(piece) in whole for piece in pieces)


def test_documents_that_fit_are_not_read(tmp_path, monkeypatch):
    source = stream(tmp_path, [words(3), [], words(5), []])
    monkeypatch.setattr(source.files[0], "tokens", None)
    documents = find_documents(source)
    assert cut_documents(source, documents, 6, EOS) is documents
