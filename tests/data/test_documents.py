"""Where documents begin and end, and where long ones are cut."""

import itertools

import numpy as np
import pytest

from fairseq_hebrew.data.documents import Documents, find_cuts, find_documents
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
    assert cuts(source) == [[2], [2], [2, 4], [2]]


def test_documents_of_at_least_so_many_tokens(tmp_path):
    source = stream(tmp_path, [[10], [11, 12], [13, 14, 15]])
    assert ids(source, find_documents(source).of_at_least(3)) == [[11, 12, 2], [13, 14, 15, 2]]


def cuts(source: TokenStream, ends: list[int] | None = None) -> list[list[int]]:
    """After how many of its tokens each document may be cut."""
    table = None
    if ends is not None:
        table = np.zeros(100, dtype=bool)
        table[ends] = True
    made = find_cuts(source, find_documents(source), EOS, table)
    assert made.firsts[-1] == len(made.bounds)
    return [bounds.tolist() for bounds in np.split(made.bounds, made.firsts[1:-1])]


@pytest.mark.parametrize("kind", [write, write_cached])
def test_documents_may_be_cut_where_sentences_end(tmp_path, kind):
    kind(tmp_path / "train", [[10, 11, DOT, 12, QUESTION, 13, EOS], [EOS], [14, DOT, 15, EOS], [EOS]])
    source = open_stream(tmp_path / "train")
    assert cuts(source, [DOT, QUESTION]) == [[3, 5, 7], [2, 4]]
    assert cuts(source, [QUESTION]) == [[5, 7], [4]]
    assert cuts(source) == [[7], [4]]


def test_without_sentences_where_lines_end(tmp_path):
    source = stream(tmp_path, [[10, DOT, 11], [12], [13, 14], [], [15], []])
    assert cuts(source) == [[4, 6, 9], [2]]
    assert cuts(source, [DOT]) == [[2, 4, 6, 9], [2]]  # `</s>` ends a sentence anyhow


def test_a_line_end_is_not_parted_from_its_last_sentence(tmp_path):
    assert cuts(stream(tmp_path, [[10, DOT], [11, DOT], []]), [DOT]) == [[3, 6]]


@pytest.mark.parametrize("seed", range(3))
def test_cuts_of_random_documents(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        files = int(rng.integers(1, 4))
        for number in range(files):
            lines = [[*line, EOS] for line in hostile_lines(rng, 30)]
            (write, write_cached)[int(rng.integers(2))](tmp_path / f"train{number or ''}", lines)
        for number in range(files, 4):
            (tmp_path / f"train{number}.idx").unlink(missing_ok=True)
        source = open_stream(tmp_path / "train", combine=True)
        ends = rng.choice(np.arange(3, 100), rng.integers(0, 20), replace=False)
        table = np.zeros(int(rng.integers(50, 100)), dtype=bool)  # ids beyond it end nothing
        table[ends[ends < len(table)]] = True
        documents = find_documents(source)
        made = find_cuts(source, documents, EOS, table)
        table = np.append(table, np.zeros(100, dtype=bool))
        table[EOS] = True
        for number, document in enumerate(ids(source, documents)):
            pairs = enumerate(itertools.pairwise(document), 1)
            wanted = [after for after, (last, following) in pairs if table[last] and following != EOS]
            assert made.bounds[made.firsts[number] : made.firsts[number + 1]].tolist() == [*wanted, len(document)]
        assert made.firsts[0] == 0 and made.firsts[-1] == len(made.bounds)


def test_documents_are_found_without_reading_a_token(tmp_path, monkeypatch):
    source = stream(tmp_path, [[10, 11, 12], [], [13], []])
    monkeypatch.setattr(source.files[0], "tokens", None)
    assert find_documents(source).sizes.tolist() == [4, 2]
