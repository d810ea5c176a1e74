"""Long documents cut so that their pieces fill rows."""

import numpy as np
import pytest

from fairseq_hebrew.data.documents import Cuts, Documents
from fairseq_hebrew.data.filling import OPEN, SHORTEST, fill_rows
from fairseq_hebrew.data.filling_kernels import fill
from fairseq_hebrew.data.plain_filling import fill_plainly


def filled(room, capacity: int, ends: list[list[int]], queue, least: int = 1, widest: int = 4):
    """(pieces as (document, first token, length, row), number of rows) of the compiled way."""
    firsts = np.cumsum([0, *map(len, ends)])
    made = np.empty((sum(part[-1] for part in ends) + 1, 4), dtype=np.int64)
    bounds = np.array([end for part in ends for end in part], dtype=np.int64)
    given = np.array(room, dtype=np.int64), capacity, firsts, bounds, np.array(queue, dtype=np.int64)
    count, rows = fill(*given, least, widest, made)
    return [tuple(piece) for piece in made[:count].tolist()], rows


def test_rows_that_are_there_are_filled_first():
    # 6 places: 5 tokens and `<s>`, which the second document's first sentence has.
    pieces, rows = filled([6], 10, [[3, 12], [5, 14]], [0, 1])
    assert pieces[0] == (1, 0, 5, 0) and rows == 1 + len({row for *_, row in pieces} - {0})


def test_a_row_is_begun_late_and_another_document_fills_it():
    # The first is cut after 56 of 63 tokens; 7 places are left, 6 tokens of the second.
    pieces, _ = filled([], 64, [[20, 56, 100], [6, 90]], [0, 1], least=2)
    assert pieces[:2] == [(0, 0, 56, 0), (1, 0, 6, 0)]
    # Of two ends in the last eighth the later one, where both leave as little.
    pieces, _ = filled([], 64, [[56, 58, 130], [4, 6, 110]], [0, 1], least=2)
    assert pieces[:2] == [(0, 0, 58, 0), (1, 0, 4, 0)]
    # One that fills the row stands alone.
    pieces, _ = filled([], 64, [[56, 63, 130], [6, 90]], [0, 1], least=2)
    assert pieces[0] == (0, 0, 63, 0) and pieces[1][3] == 1


def test_where_no_sentence_ends_late_it_is_as_long_as_it_can_be():
    pieces, _ = filled([], 64, [[10, 30, 100]], [0])
    assert [piece[2] for piece in pieces] == [30, 63, 7]  # then none ends at all: the row's length
    pieces, _ = filled([], 64, [[64]], [0], least=2)
    assert [piece[2] for piece in pieces] == [62, 2]  # no piece is shorter than `least`


def drawn(rng: np.random.Generator, capacity: int) -> list[list[int]]:
    """Ends of sentences of documents that are longer than a row, some without any."""
    made = []
    for _ in range(int(rng.integers(1, 12))):
        size = int(rng.integers(capacity, 6 * capacity + 1))
        share = rng.choice([0, 0.02, 0.1, 0.5])
        made.append([*(np.flatnonzero(rng.random(size - 1) < share) + 1).tolist(), size])
    return made


@pytest.mark.parametrize("seed", range(4))
def test_the_compiled_way_is_the_plain_one(seed):
    rng = np.random.default_rng(seed)
    for _ in range(80):
        capacity = int(rng.choice([2, 3, 5, 16, 40, 128, 300]))
        ends = drawn(rng, capacity)
        room = rng.integers(0, capacity, rng.integers(0, 20)).tolist()
        queue, widest = rng.permutation(len(ends)).tolist(), int(rng.choice([1, 2, 5, 32]))
        least = int(rng.integers(1, max(capacity // 8, 1) + 1))
        given = room, capacity, ends, queue, least, widest
        assert filled(*given) == fill_plainly(*given)


@pytest.mark.parametrize("seed", range(3))
def test_pieces_follow_one_another_and_end_where_they_may(seed):
    rng = np.random.default_rng(50 + seed)
    for _ in range(60):
        capacity = int(rng.integers(2, 400))
        ends = drawn(rng, capacity)
        sizes = np.array([part[-1] for part in ends])
        documents = Documents(1000 + sizes.cumsum() - sizes, sizes)
        cuts = Cuts(np.cumsum([0, *map(len, ends)]), np.array([end for part in ends for end in part]))
        room = rng.integers(0, capacity, rng.integers(0, 20))
        pieces, row_of, rows = fill_rows(documents, cuts, rng.permutation(len(ends)), room.copy(), capacity)
        order, least = np.argsort(pieces.starts), max(1, capacity // SHORTEST)
        assert pieces.sizes.min() >= least and pieces.starts[order[0]] == 1000
        follows = pieces.starts[order] + pieces.sizes[order]
        assert follows[:-1].tolist() == pieces.starts[order][1:].tolist() and follows[-1] == 1000 + sizes.sum()
        used = np.bincount(row_of, pieces.sizes + 1, minlength=rows)
        places = np.concatenate((room, np.full(rows - len(room), capacity)))
        assert (used <= places).all() and (used[len(room) :] > 0).all()
        number = np.searchsorted(documents.starts, pieces.starts, side="right") - 1
        for document, start, size in zip(number, pieces.starts - documents.starts[number], pieces.sizes):
            end = start + size
            if end not in ends[document]:  # then no sentence could have ended this piece
                possible = [e for e in ends[document] if start + least <= e < start + capacity]
                assert not [e for e in possible if sizes[document] - e >= least]
                assert size == min(capacity - 1, sizes[document] - start - least)


@pytest.mark.parametrize(("capacity", "least"), [(512, 0.995), (1024, 0.997), (4096, 0.99)])
def test_how_full_rows_of_nothing_but_long_documents_are(capacity, least):
    """Sentences of about 20 tokens, as real ones: pieces that each took what fits would leave 2 % of 512 empty."""
    rng = np.random.default_rng(1)
    ends = []
    for _ in range(400):
        lengths = np.maximum(np.exp(rng.normal(2.8, 0.6, 800)), 2).astype(int)
        part = lengths.cumsum()
        ends.append(part[: np.searchsorted(part, rng.integers(capacity, 8000)) + 1].tolist())
    sizes = np.array([part[-1] for part in ends])
    documents = Documents(sizes.cumsum() - sizes, sizes)
    cuts = Cuts(np.cumsum([0, *map(len, ends)]), np.concatenate(ends))
    nothing = np.empty(0, dtype=np.int64)
    pieces, _, rows = fill_rows(documents, cuts, rng.permutation(400), nothing, capacity)
    assert (sizes.sum() + len(pieces.sizes)) / (rows * capacity) > least
    assert (pieces.sizes**2).sum() / pieces.sizes.sum() > 0.75 * capacity  # most tokens stand in long pieces


def test_a_document_that_fits_no_gap_does_not_stand_in_the_way():
    """More documents without an end of a sentence than can be open, then those that fill rows."""
    blocking = [[5000]] * (2 * OPEN)
    good = [list(range(7, 5000, 13)) for _ in range(200)]
    ends = blocking + good
    sizes = np.array([part[-1] for part in ends])
    cuts = Cuts(np.cumsum([0, *map(len, ends)]), np.concatenate(ends))
    documents = Documents(sizes.cumsum() - sizes, sizes)
    pieces, _, rows = fill_rows(documents, cuts, np.arange(len(ends)), np.empty(0, dtype=np.int64), 512)
    assert (sizes.sum() + len(pieces.sizes)) / (rows * 512) > 0.985
