"""Samples as fairseq's break modes cut them: its own blocks, made by the plain path."""

import logging

import numpy as np
import pytest
from fairseq.data import TokenBlockDataset, data_utils

from fairseq_hebrew.data.blocks import BREAK_MODES, Blocks
from fairseq_hebrew.data.token_file import open_stream
from tests.data.corpora import hostile_lines, stream, write

BOS, PAD, EOS = 0, 1, 2


def blocks(source, size: int, mode: str) -> list[list[int]]:
    """The blocks without the `<s>` each begins with."""
    made = Blocks(source, size, mode, bos=BOS)
    samples = [made[i] for i in range(len(made))]
    assert [sample.lengths for sample in samples] == [(size,) for size in made.sizes.tolist()]
    assert all(sample.tokens[0] == BOS and sample.tokens.dtype == np.int64 for sample in samples)
    assert [len(sample.tokens) for sample in samples] == made.sizes.tolist() and made.sizes.dtype == np.int64
    return [sample.tokens[1:].tolist() for sample in samples]


def plainly(path, size: int, mode: str, combine: bool = False) -> list[list[int]]:
    """What stock fairseq makes of the same lines, long ones then cut, lone `</s>` left out."""
    lines = data_utils.load_indexed_dataset(str(path), combine=combine)
    if mode == "complete_doc" and max(lines.sizes) < 2:
        return []  # stock fails where there is no block at all
    stock = TokenBlockDataset(lines, lines.sizes, size, PAD, EOS, break_mode=mode)
    made = [stock[i].tolist() for i in range(len(stock))]
    if mode == "none":
        return made
    pieces = [block[start : start + size] for block in made for start in range(0, len(block), size)]
    return [piece for piece in pieces if len(piece) > 1]


@pytest.fixture
def small(tmp_path):
    """Two documents: lines of 3 and 2 tokens, a separator, a line of 9 tokens and one of 1."""
    return stream(tmp_path, [[10, 11, 12], [20, 21], [], list(range(30, 39)), [40]])


def test_break_modes(small):
    assert blocks(small, 6, "none") == [
        [10, 11, 12, 2, 20, 21], [2, 2, 30, 31, 32, 33], [34, 35, 36, 37, 38, 2], [40, 2],
    ]  # fmt: skip
    long = [[30, 31, 32, 33, 34, 35], [36, 37, 38, 2]]
    assert blocks(small, 6, "complete") == [[10, 11, 12, 2], [20, 21, 2, 2], *long, [40, 2]]
    assert blocks(small, 6, "complete_doc") == [[10, 11, 12, 2], [20, 21, 2], *long, [40, 2]]
    assert blocks(small, 6, "eos") == [[10, 11, 12, 2], [20, 21, 2], *long, [40, 2]]
    assert blocks(small, 64, "complete_doc") == [[10, 11, 12, 2, 20, 21, 2], [*range(30, 39), 2, 40, 2]]
    with pytest.raises(ValueError, match="'doc' is none of none, complete, complete_doc, eos"):
        Blocks(small, 6, "doc", bos=BOS)


@pytest.mark.parametrize("mode", BREAK_MODES)
@pytest.mark.parametrize(
    "lines",
    [
        [[]], [[], [], []], [[4]], [list(range(4, 80))], [[], [4, 5], [], [], [6]], [[4, 5], [6], []],
        [[4] * 5] * 7, [[4] * 6] * 3, [[4] * 7] * 3, [[], [4] * 20, []], [[4], [], [5], [], []],
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 2, 6, 7, 1000])
def test_the_blocks_of_stock_fairseq(tmp_path, mode, lines, size):
    assert blocks(stream(tmp_path, lines), size, mode) == plainly(tmp_path / "train", size, mode)


@pytest.mark.parametrize("mode", BREAK_MODES)
def test_the_blocks_of_stock_fairseq_on_random_lines(tmp_path, mode):
    rng = np.random.default_rng(5)
    for _ in range(40):
        size = int(rng.integers(1, 30))
        lines = hostile_lines(rng, size)
        assert blocks(stream(tmp_path, lines), size, mode) == plainly(tmp_path / "train", size, mode)


@pytest.mark.parametrize("mode", BREAK_MODES)
def test_blocks_go_on_from_one_file_to_the_next(tmp_path, mode):
    rng = np.random.default_rng(6)
    for round_ in range(10):
        for number in range(3):
            lines = [[*line, EOS] for line in hostile_lines(rng, 12)]
            write(tmp_path / str(round_) / f"train{number or ''}", lines)
        path = tmp_path / str(round_) / "train"
        assert blocks(open_stream(path, combine=True), 12, mode) == plainly(path, 12, mode, combine=True)


def test_lines_without_a_token_are_in_no_block(tmp_path):
    write(tmp_path / "train", [[], [4, 2], [], [], [5, 2], []])
    for mode in ("complete", "complete_doc"):
        assert blocks(open_stream(tmp_path / "train"), 9, mode) == [[4, 2, 5, 2]]
    assert blocks(open_stream(tmp_path / "train"), 9, "eos") == [[4, 2], [5, 2]]


@pytest.mark.parametrize("mode", ["complete", "complete_doc", "eos"])
def test_no_token_is_lost_when_lines_are_cut(tmp_path, mode, caplog):
    rng = np.random.default_rng(0)
    lines = [rng.integers(4, 90, n).tolist() for n in (70_000, 3, 511, 510, 1022, 1, 512)]
    with caplog.at_level(logging.INFO):
        made = blocks(stream(tmp_path, lines), 511, mode)
    assert max(len(block) for block in made) <= 511
    assert [t for block in made for t in block if t != EOS] == [t for line in lines for t in line]
    assert "cut 4 lines longer than 511 tokens" in caplog.text and "left out 2 blocks of a single" in caplog.text
