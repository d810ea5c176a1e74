"""The long documents of a corpus."""

import numpy as np
import pytest

from fairseq_hebrew.data.long_documents import LongDocuments

EOS = 2


class Stream:
    """Lines of these sizes: line i is 10 + i, again and again, and `</s>`."""

    def __init__(self, *sizes: int):
        self.sizes = np.array(sizes, dtype=np.int32)
        self.ids = np.concatenate([[10 + i] * (size - 1) + [EOS] for i, size in enumerate(sizes)])
        self.tokens = len(self.ids)

    def read(self, start, out):
        assert start >= 0 and start + len(out) <= self.tokens
        out[:] = self.ids[start : start + len(out)]


def read(made: LongDocuments, start: int, count: int) -> list[int]:
    out = np.empty(count, dtype=np.int64)
    made.read(start, out)
    return out.tolist()


def kept(stream: Stream, least: int) -> list[int]:
    """Which lines are left, by their first token; lone `</s>` are -1."""
    made = LongDocuments(stream, least)
    ids = read(made, 0, made.tokens)
    assert made.tokens == made.sizes.sum() and ids == [read(made, at, 1)[0] for at in range(made.tokens)]
    firsts = np.cumsum([0, *made.sizes])[:-1]
    assert all(ids[at + size - 1] == EOS for at, size in zip(firsts, made.sizes))
    return [-1 if ids[at] == EOS else ids[at] - 10 for at in firsts]


@pytest.mark.parametrize(("least", "lines"), [(1, [0, 1, -1, 3, -1, 5]), (6, [0, 1, -1, 5]), (8, [0, 1, -1]), (9, [])])
def test_documents_end_with_a_lone_eos(least, lines):
    """Documents of 8, 5 and 6 tokens; the last one without its end."""
    assert kept(Stream(4, 4, 1, 5, 1, 6), least) == lines


def test_without_a_lone_eos_a_line_is_a_document():
    assert kept(Stream(4, 9, 2, 7), 5) == [1, 3]


def test_an_empty_document_is_never_long():
    assert kept(Stream(1, 4, 1, 1, 3, 1), 3) == [1, -1, 4, -1]


def test_any_piece_is_that_of_the_whole():
    made = LongDocuments(Stream(7, 1, 2, 1, 9, 1, 2, 1, 6, 5, 1), 5)
    whole = read(made, 0, made.tokens)
    for start in range(made.tokens):
        for count in range(made.tokens - start + 1):
            assert read(made, start, count) == whole[start : start + count]


@pytest.mark.parametrize(("start", "count"), [(-1, 1), (0, 9), (8, 1)])
def test_nothing_beyond_the_end(start, count):
    made = LongDocuments(Stream(7, 1, 2), 5)
    with pytest.raises(ValueError, match=f"tokens {start} to {start + count} of a stream of 8"):
        read(made, start, count)
