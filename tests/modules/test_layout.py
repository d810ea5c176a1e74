"""Positions, boundaries and masks of a batch, against the slow way of counting them."""

import itertools

import pytest
import torch

from fairseq_hebrew.modules.layout import band, from_segments, padded_rows, unpadded, whole_rows

CPU = torch.device("cpu")

ROWS = {
    "packed": [[1, 1, 1, 2, 2, 3], [1, 2, 2, 2, 2, 2]],
    "same ids in neighbouring rows": [[1, 1, 1], [1, 1, 1], [1, 1, 2]],
    "ids that are not consecutive": [[7, 7, 3, 3, 3, 900], [5, 9, 9, 2, 2, 2]],
    "padding at the end": [[1, 1, 2, 0, 0], [1, 1, 1, 1, 1]],
    "padding in front": [[0, 0, 1, 1, 2], [0, 1, 1, 1, 1]],
    "a row of padding": [[1, 1, 2], [0, 0, 0], [1, 2, 2]],
    "padding alone": [[0, 0, 0], [0, 0, 0]],
    "one token": [[1]],
}


def slow_positions(rows: list[list[int]]) -> list[int]:
    made = []
    for ids in rows:
        for number, group in itertools.groupby(ids):
            made += [-1 if number == 0 else at for at, _ in enumerate(group)]
    return made


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("case", ROWS)
def test_positions_of_packed_rows(case, dtype):
    layout = from_segments(torch.tensor(ROWS[case], dtype=dtype))
    assert layout.positions.dtype == torch.int64 and layout.positions.tolist() == slow_positions(ROWS[case])
    assert (layout.rows, layout.length) == (len(ROWS[case]), len(ROWS[case][0]))


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("case", ROWS)
def test_masks_of_packed_rows(case, window):
    """A query reads what has its own id in its own row, near enough; always at least itself."""
    mask = from_segments(torch.tensor(ROWS[case])).mask(window)
    for ids, made in zip(ROWS[case], mask[:, 0].tolist()):
        for at, line in enumerate(made):
            wanted = [other == ids[at] and (not window or abs(i - at) <= window) for i, other in enumerate(ids)]
            assert line == wanted and line[at]


@pytest.mark.parametrize(
    ("real", "positions"),
    [
        ([[1, 1, 1], [1, 1, 0]], [0, 1, 2, 0, 1, -1]),
        ([[0, 1, 1], [0, 0, 1]], [-1, 0, 1, -1, -1, 0]),
        ([[0, 0, 0], [1, 1, 1]], [-1, -1, -1, 0, 1, 2]),
    ],
)
def test_positions_of_padded_rows(real, positions):
    layout = padded_rows(torch.tensor(real, dtype=torch.bool))
    assert layout.positions.tolist() == positions
    assert torch.equal(layout.segments, torch.tensor(real, dtype=torch.int32))
    with pytest.raises(ValueError, match="unpad them first"):
        print(layout.known_lengths)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("lengths", [[3], [1, 1, 1], [2, 5, 1], [4, 4], [1], []])
def test_unpadded(lengths, told, dtype):
    ends = torch.tensor([0, *itertools.accumulate(lengths)], dtype=dtype)
    layout = unpadded(ends, sum(lengths), lengths if told else None)
    assert layout.positions.tolist() == [at for length in lengths for at in range(length)]
    assert layout.known_lengths == tuple(lengths)
    assert layout.cu_seqlens.dtype == torch.int32 and torch.equal(layout.cu_seqlens, ends.int())
    if len(lengths) > 1:
        numbers = [number for number, length in enumerate(lengths) for _ in range(length)]
        wanted = [[a == b for b in numbers] for a in numbers]
        assert layout.mask(0)[0, 0].tolist() == wanted


def test_whole_rows():
    layout = whole_rows(3, 4, CPU)
    assert layout.positions.tolist() == [0, 1, 2, 3] * 3
    assert layout.known_lengths == (4, 4, 4) and layout.cu_seqlens.tolist() == [0, 4, 8, 12]
    assert layout.mask(0) is None and torch.equal(layout.mask(1), band(4, 1, CPU))


def test_a_band():
    assert band(4, 1, CPU).int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert band(3, 5, CPU).all()
