"""Samples as fairseq's break modes cut them."""

import numpy as np
import pytest
import torch
from fairseq.data.indexed_dataset import MMapIndexedDataset, MMapIndexedDatasetBuilder

from fairseq_hebrew.data.blocks import Blocks

BOS, PAD, EOS = 0, 1, 2


def corpus(folder, *lines: list[int]) -> MMapIndexedDataset:
    """Lines of ids, `</s>` added to each, as a corpus on disk."""
    builder = MMapIndexedDatasetBuilder(str(folder / "train.bin"), dtype=np.uint16)
    for line in lines:
        builder.add_item(torch.tensor([*line, EOS]))
    builder.finalize(str(folder / "train.idx"))
    return MMapIndexedDataset(str(folder / "train"))


def blocks(dataset, size: int, mode: str) -> list[list[int]]:
    """The blocks without the `<s>` each begins with."""
    made = Blocks(dataset, size, mode, bos=BOS, pad=PAD, eos=EOS)
    samples = [made[i] for i in range(len(made))]
    assert [sample.lengths for sample in samples] == [(size,) for size in made.sizes.tolist()]
    assert all(sample.tokens[0] == BOS and sample.tokens.dtype == np.int64 for sample in samples)
    assert [len(sample.tokens) for sample in samples] == made.sizes.tolist()
    return [sample.tokens[1:].tolist() for sample in samples]


@pytest.fixture
def small(tmp_path):
    """Two documents: lines of 3 and 2 tokens, a separator, a line of 9 tokens and one of 1."""
    return corpus(tmp_path, [10, 11, 12], [20, 21], [], list(range(30, 39)), [40])


def test_break_modes(small):
    assert blocks(small, 6, "none") == [
        [10, 11, 12, 2, 20, 21], [2, 2, 30, 31, 32, 33], [34, 35, 36, 37, 38, 2], [40, 2],
    ]  # fmt: skip
    long = [[30, 31, 32, 33, 34, 35], [36, 37, 38, 2]]
    assert blocks(small, 6, "complete") == [[10, 11, 12, 2], [20, 21, 2, 2], *long, [40, 2]]
    assert blocks(small, 6, "complete_doc") == [[10, 11, 12, 2], [20, 21, 2], *long, [40, 2]]
    assert blocks(small, 6, "eos") == [[10, 11, 12, 2], [20, 21, 2], *long, [40, 2]]
    assert blocks(small, 64, "complete_doc") == [[10, 11, 12, 2, 20, 21, 2], [*range(30, 39), 2, 40, 2]]


@pytest.mark.parametrize("mode", ["complete", "complete_doc", "eos"])
def test_no_token_is_lost_when_lines_are_cut(tmp_path, mode):
    rng = np.random.default_rng(0)
    lines = [rng.integers(4, 90, n).tolist() for n in (70_000, 3, 511, 510, 1022, 1, 512)]
    made = blocks(corpus(tmp_path, *lines), 511, mode)
    assert max(len(block) for block in made) <= 511
    assert [t for block in made for t in block if t != EOS] == [t for line in lines for t in line]
