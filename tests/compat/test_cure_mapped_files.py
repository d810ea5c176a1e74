"""A dataset that cannot be opened is told of once: nothing is printed when what is left of it is deleted."""

import numpy
import pytest
import torch

SCRIPT = """
import gc, sys, torch
from fairseq.data.indexed_dataset import MMapIndexedDataset
from fairseq.data.huffman import HuffmanMMapIndexedDataset
for kind in (MMapIndexedDataset, HuffmanMMapIndexedDataset):
    try:
        kind(sys.argv[1])
    except Exception as error:
        print(type(error).__name__)
    gc.collect()
"""


@pytest.fixture
def dataset(tmp_path):
    """The path of a dataset of two sentences, without its ending."""
    from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder

    builder = MMapIndexedDatasetBuilder(str(tmp_path / "a.bin"), dtype=numpy.uint16)
    for sentence in ([4, 5, 2], [6, 2]):
        builder.add_item(torch.tensor(sentence))
    builder.finalize(str(tmp_path / "a.idx"))
    return tmp_path / "a"


@pytest.mark.parametrize("damage", [0, 12, 20, 30, 45, "garbage", "no .bin"])
def test_nothing_is_printed_when_it_is_deleted(python, dataset, damage):
    index = dataset.with_suffix(".idx")
    if damage == "no .bin":
        dataset.with_suffix(".bin").unlink()
    else:
        index.write_bytes(b"nothing of the kind" if damage == "garbage" else index.read_bytes()[:damage])
    done = python(SCRIPT, dataset, cwd=dataset.parent)
    assert done.returncode == 0 and len(done.stdout.split()) == 2, done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr


def test_a_dataset_that_was_opened_is_closed(dataset):
    from fairseq.data.indexed_dataset import MMapIndexedDataset

    data = MMapIndexedDataset(str(dataset))
    assert data[1].tolist() == [6, 2]
    maps = [data._bin_buffer_mmap._mmap, data._index._bin_buffer_mmap._mmap]
    data.__del__()
    MMapIndexedDataset.__getitem__.cache_clear()
    assert maps[0].closed
