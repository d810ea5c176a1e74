"""The long documents of a corpus."""

from pathlib import Path

import numpy as np
import pytest

from fairseq_hebrew.data.documents import find_documents
from fairseq_hebrew.data.long_documents import LongDocuments
from fairseq_hebrew.data.token_file import TokenStream, open_stream
from tests.data.corpora import EOS, hostile_lines, stream, write


def lines(*sizes: int) -> list[list[int]]:
    """Line i, of so many tokens with its `</s>`, is 10 + i, again and again."""
    return [[10 + i] * (size - 1) for i, size in enumerate(sizes)]


def read(made: LongDocuments | TokenStream, start: int, count: int) -> list[int]:
    out = np.empty(count, dtype=np.int64)
    made.read(start, out)
    return out.tolist()


def kept(source: TokenStream, least: int) -> list[int]:
    """Which lines are left, by their first token; lone `</s>` are -1."""
    made = LongDocuments(source, least)
    ids = read(made, 0, made.tokens)
    assert made.tokens == made.sizes.sum()
    firsts = np.cumsum([0, *made.sizes])[:-1]
    assert all(ids[at + size - 1] == EOS for at, size in zip(firsts, made.sizes))
    return [-1 if ids[at] == EOS else ids[at] - 10 for at in firsts]


@pytest.mark.parametrize(("least", "left"), [(1, [0, 1, -1, 3, -1, 5]), (6, [0, 1, -1, 5]), (8, [0, 1, -1]), (9, [])])
def test_documents_end_with_a_lone_eos(tmp_path, least, left):
    """Documents of 8, 5 and 6 tokens; the last one without its end."""
    assert kept(stream(tmp_path, lines(4, 4, 1, 5, 1, 6)), least) == left


def test_without_a_lone_eos_a_line_is_a_document(tmp_path):
    assert kept(stream(tmp_path, lines(4, 9, 2, 7)), 5) == [1, 3]


def test_empty_documents_are_left_out(tmp_path):
    assert kept(stream(tmp_path, lines(1, 4, 1, 1, 3, 1)), 3) == [1, -1, 4, -1]


def test_a_document_ends_with_its_file(tmp_path):
    write(tmp_path / "train", [[10, 10, EOS], [EOS], [11, EOS]])
    write(tmp_path / "train1", [[12, EOS], [13, 13, 13, EOS]])
    source = open_stream(tmp_path / "train", combine=True)
    assert kept(source, 3) == [0, -1, 2, 3] and kept(source, 2) == [0, -1, 1, 2, 3]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_is_what_packing_would_take(tmp_path: Path, seed):
    """And any piece of it is a piece of the whole."""
    rng = np.random.default_rng(seed)
    source = stream(tmp_path, hostile_lines(rng, 12))
    made = LongDocuments(source, 9)
    whole = read(made, 0, made.tokens)
    long = find_documents(source).of_at_least(9)
    wanted = [token for start, size in zip(*long) for token in read(source, int(start), int(size))]
    alone = [token for token, before in zip(whole, [EOS, *whole]) if (token, before) != (EOS, EOS)]
    assert alone == wanted
    for start in range(made.tokens):
        count = int(rng.integers(0, made.tokens - start + 1))
        assert read(made, start, count) == whole[start : start + count]


@pytest.mark.parametrize(("start", "count"), [(-1, 1), (0, 9), (8, 1)])
def test_nothing_beyond_the_end(tmp_path, start, count):
    made = LongDocuments(stream(tmp_path, lines(7, 1, 2)), 5)
    with pytest.raises(ValueError, match=f"tokens {start} to {start + count} of a stream of 8"):
        read(made, start, count)
