"""Buckets: every document lands in the one its key says, with its key and its bytes."""

from itertools import pairwise

import pytest

from fairseq_hebrew.preprocess.ordering.blocks import packed
from fairseq_hebrew.preprocess.ordering.buckets import Scatter, divided, measure, read_runs
from fairseq_hebrew.preprocess.ordering.order import random_keys


def test_keys_are_divided_evenly_and_wholly():
    assert divided(0, 1 << 64, 4) == [0, 1 << 62, 1 << 63, 3 << 62, 1 << 64]
    for low, high, parts in ((5, 8, 7), (0, 1 << 64, 200), (123, 1 << 63, 3)):
        bounds = divided(low, high, parts)
        widths = [end - begin for begin, end in pairwise(bounds)]
        assert bounds[0] == low and bounds[-1] == high and max(widths) - min(widths) <= 1


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_what_is_thrown_in_is_read_back(tmp_path, documents, parts):
    made = ["\n".join(lines).encode() + b"\n" for lines in documents(200, seed=1)]
    keys = random_keys(1, 0, 200)
    keys[:2] = 0, (1 << 64) - 1
    paths = [tmp_path / str(number) for number in range(parts)]
    with Scatter(paths) as scatter:
        for begin in range(0, 200, 30):
            scatter.add(packed(made[begin : begin + 30]), keys[begin : begin + 30])
    bounds = divided(0, 1 << 64, parts)
    for path, low, high in zip(paths, bounds, bounds[1:]):
        wanted = [(int(key), text) for key, text in zip(keys, made) if low <= int(key) < high]
        read = [
            (int(key), block.text[start : start + size].tobytes())
            for block, block_keys in read_runs(path)
            for key, start, size in zip(block_keys, block.starts, block.sizes)
        ]
        assert read == wanted
        assert measure(path) == (len(wanted), sum(len(text) + 1 for _, text in wanted))


def test_a_run_of_many_pieces(tmp_path):
    """More text at once than is copied at a time: no piece is written over before it is in the bucket."""
    made = [bytes([number]) * 600_000 + b"\n" for number in range(97, 122)]
    for _ in range(3):
        with Scatter([tmp_path / "a"]) as scatter:
            scatter.add(packed(made), random_keys(1, 0, len(made)))
        ((block, _),) = read_runs(tmp_path / "a")
        read = [block.text[start : start + size].tobytes() for start, size in zip(block.starts, block.sizes)]
        assert read == made


def test_an_empty_bucket(tmp_path):
    with Scatter([tmp_path / "a"]):
        pass
    assert measure(tmp_path / "a") == (0, 0) and list(read_runs(tmp_path / "a")) == []
