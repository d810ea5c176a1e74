"""What stock fairseq makes of the binaries: every break mode, files past 2 GiB, shards of both layouts."""

import re
import shlex

import numpy as np
import pytest
import torch
from fairseq.data import TokenBlockDataset, data_utils
from fairseq.data.indexed_dataset import MMapIndexedDataset

from fairseq_hebrew.preprocess.binaries.indexed import write_index
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask
from tests.conftest import run

SHARDS = 3
TRAIN = shlex.split(
    "--cpu --task masked_lm --criterion masked_lm --arch roberta_base --encoder-layers 1 --encoder-embed-dim 16 "
    "--encoder-ffn-embed-dim 16 --encoder-attention-heads 2 --max-positions 64 --tokens-per-sample 64 --optimizer adam "
    "--lr 1e-3 --lr-scheduler fixed --batch-size 16 --log-format simple --num-workers 0 --no-save --max-epoch 3"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory, tokenizer, documents, written):
    """A text binarized whole, as shards in one folder, and as shards in folders with a validation set in the first."""
    root = tmp_path_factory.mktemp("made")
    source = written(root / "a.txt", documents(120, seed=3))
    valid = written(root / "b.txt", documents(10, seed=4))
    layouts = {
        "whole": {},
        "files": {"shards": SHARDS},
        "folders": {"shards": SHARDS, "shard_layout": "folders"},
    }
    for name, options in layouts.items():
        binarize(Settings(input=[source], tokenizer=tokenizer, output=root / name, **options))
        layout = {"shard_layout": "folders"} if name == "folders" else {}
        binarize(Settings(input=[valid], tokenizer=tokenizer, output=root / name, split="valid", **layout))
    return root


def items(dataset):
    return [dataset[i].tolist() for i in range(len(dataset))]


def tokens_of(items):
    return [token for item in items for token in item]


@pytest.fixture
def stored(made):
    return items(MMapIndexedDataset(str(made / "whole" / "train")))


@pytest.mark.parametrize("mode", ["none", "complete", "complete_doc", "eos"])
def test_break_modes(made, stored, mode):
    data = MMapIndexedDataset(str(made / "whole" / "train"))
    size = None if mode == "eos" else 100
    blocks = items(TokenBlockDataset(data, data.sizes, size, pad=1, eos=2, break_mode=mode))
    documents, current = [], []
    for item in stored:
        if item == [2]:
            documents.append(current)
            current = []
        else:
            current += item
    assert len(documents) == 120 and not current
    if mode == "eos":
        assert blocks == stored
    elif mode == "complete_doc":
        # Blocks of one document each; the lone </s> between documents is in none of them.
        assert tokens_of(blocks) == tokens_of(documents) and max(map(len, blocks)) <= 100
        ends = set(np.cumsum([len(document) for document in documents]).tolist())
        assert ends <= set(np.cumsum([len(block) for block in blocks]).tolist())
    else:
        assert tokens_of(blocks) == tokens_of(stored) and max(map(len, blocks)) <= 100
        if mode == "none":
            assert {len(block) for block in blocks[:-1]} == {100}
        else:
            assert all(block[-1] == 2 for block in blocks)


def test_shards_in_one_folder_are_combined(made, stored):
    data = data_utils.load_indexed_dataset(str(made / "files" / "train"), combine=True)
    assert len(data.datasets) == SHARDS and items(data) == stored
    assert not (made / "files" / "valid1.bin").exists()


def test_shards_in_folders_are_read_in_turn(made, stored):
    folders = [made / "folders" / f"shard{number}" for number in range(SHARDS)]
    options = {"tokens_per_sample": 64, "sample_break_mode": "none", "seed": 1}
    config = HebrewMaskedLMConfig(data=":".join(map(str, folders)), **options)
    task = HebrewMaskedLMTask.setup_task(config)
    read = []
    for epoch in range(1, 2 * SHARDS + 1):
        task.load_dataset("train", epoch=epoch)
        samples = task.dataset("train").samples
        read.append([int(token) for i in range(len(samples)) for token in samples[i].tokens[1:]])  # without <s>
    assert read[:SHARDS] == read[SHARDS:]
    assert [token for shard in read[:SHARDS] for token in shard] == tokens_of(stored)
    task.load_dataset("valid")
    assert len(task.dataset("valid"))


@pytest.mark.parametrize("layout", ["files", "folders"])
def test_fairseq_train_reads_shards_over_epochs(made, tmp_path, layout):
    folders = [made / "folders" / f"shard{number}" for number in range(SHARDS)]
    data = made / "files" if layout == "files" else ":".join(map(str, folders))
    done = run("fairseq-train", data, *TRAIN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    said = done.stdout + done.stderr
    names = re.findall(r"loaded [\d,]+ examples from: (\S+)", said)
    if layout == "files":
        parts = ["train", *(f"train{number}" for number in range(1, SHARDS))]
        assert [name for name in names if "train" in name][:SHARDS] == [str(made / "files" / part) for part in parts]
    else:
        read = list(dict.fromkeys(name for name in names if name.endswith("/train")))
        assert read == [str(folder / "train") for folder in folders]
    assert len(re.findall(r"valid on 'valid' subset", said)) == 3


def test_past_2_gib(tmp_path):
    """Items whose bytes lie past 2 ** 31: the .bin file has holes where nobody looks."""
    sizes = np.array([1 << 29, (1 << 29) + 7, 5, 3], np.int32)
    last = np.array([4, 5, 6, 7, 2, 8, 9, 2], np.uint16)
    (tmp_path / "sizes").write_bytes(sizes.tobytes())
    with open(tmp_path / "a.idx", "wb") as file:
        write_index(file, tmp_path / "sizes", np.dtype(np.uint16))
    with open(tmp_path / "a.bin", "wb") as file:
        file.seek(2 * int(sizes[:2].astype(np.int64).sum()))
        file.write(last.tobytes())
    assert (tmp_path / "a.bin").stat().st_size > 1 << 31
    if (tmp_path / "a.bin").stat().st_blocks * 512 > 1 << 24:
        (tmp_path / "a.bin").unlink()
        pytest.skip("this file system keeps no holes")
    data = MMapIndexedDataset(str(tmp_path / "a"))
    assert data._index._pointers.tolist() == [0, 1 << 30, (1 << 31) + 14, (1 << 31) + 24]
    assert data[2].tolist() == [4, 5, 6, 7, 2] and data[3].tolist() == [8, 9, 2]
    assert data[2].dtype == torch.int64
