"""The reader of fairseq's binaries: fairseq's own numbers, nothing read before it is asked for."""

import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
from fairseq.data import data_utils
from torch.utils.data import DataLoader

from fairseq_hebrew.data.token_file import TokenFile, TokenStream, open_stream
from fairseq_hebrew.stage.errors import UserError
from tests.data.corpora import write, write_cached

LINES = [[4, 5, 6, 2], [2], [7, 2], [2], [2], [100, 101, 102, 103, 2], []]


def flat(lists: list[list]) -> list:
    return [value for inner in lists for value in inner]


def everything(stream: TokenStream) -> list[int]:
    out = np.empty(stream.tokens, dtype=np.int64)
    stream.read(0, out)
    return out.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64, np.uint16, np.uint32, np.uint64])
def test_every_dtype_of_fairseqs_mmap_format(tmp_path, dtype):
    write(tmp_path / "train", LINES, dtype)
    stream, stock = open_stream(tmp_path / "train"), data_utils.load_indexed_dataset(str(tmp_path / "train"))
    assert stream.sizes.tolist() == stock.sizes.tolist() == [len(line) for line in LINES]
    assert everything(stream) == np.concatenate([stock[i] for i in range(len(stock))]).tolist() == flat(LINES)
    assert stream.files[0].tokens.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64])
def test_the_format_of_cached_and_lazy_datasets(tmp_path, dtype):
    write_cached(tmp_path / "train", LINES, dtype)
    stream = open_stream(tmp_path / "train")
    stock = data_utils.load_indexed_dataset(str(tmp_path / "train"), dataset_impl="lazy")
    assert everything(stream) == np.concatenate([stock[i] for i in range(len(stock))]).tolist() == flat(LINES)
    assert stream.sizes.tolist() == [len(line) for line in LINES]


def test_ids_that_fill_their_dtype(tmp_path):
    for name, dtype, largest in (("a", np.uint16, 65_499), ("b", np.uint32, 4_000_000_000)):
        write(tmp_path / name, [[largest, 2]], dtype)
        assert everything(open_stream(tmp_path / name)) == [largest, 2]


def test_several_files_are_one_stream(tmp_path):
    pieces = [[[4, 5, 2], [2]], [[6, 2]], [[7, 2], [8, 9, 10, 2]]]
    for number, lines in enumerate(pieces):
        (write, write_cached, write)[number](tmp_path / f"train{number or ''}", lines)
    stream = open_stream(tmp_path / "train", combine=True)
    stock = data_utils.load_indexed_dataset(str(tmp_path / "train"), combine=True)
    assert stream.sizes.tolist() == stock.sizes.tolist() and stream.starts.tolist() == [0, 4, 6, 12]
    whole = everything(stream)
    assert whole == flat(flat(pieces))
    for start in range(stream.tokens):
        for stop in range(start, stream.tokens + 1):
            out = np.empty(stop - start, dtype=np.int64)
            stream.read(start, out)
            assert out.tolist() == whole[start:stop]
    for start, size in ((-1, 1), (0, 13), (12, 1)):
        with pytest.raises(ValueError, match="of a stream of 12"):
            stream.read(start, np.empty(size, dtype=np.int64))
    assert open_stream(tmp_path / "train").tokens == 4


def test_a_stream_travels_between_processes(tmp_path):
    write(tmp_path / "train", LINES)
    stream = open_stream(tmp_path / "train")
    kept = pickle.dumps(stream)
    assert len(kept) < 1000 and everything(pickle.loads(kept)) == everything(stream)
    for way, workers in (("fork", 2), ("spawn", 1)):
        loader = DataLoader(
            Windows(stream), batch_size=None, num_workers=workers, collate_fn=list, multiprocessing_context=way
        )
        assert [window for batch in loader for window in batch] == everything(stream)[:12]


class Windows:
    def __init__(self, stream: TokenStream):
        self.stream = stream

    def __len__(self) -> int:
        return self.stream.tokens // 4

    def __getitem__(self, index: int) -> list[int]:
        out = np.empty(4, dtype=np.int64)
        self.stream.read(4 * index, out)
        return out.tolist()


READS = """
import resource, sys, time
from fairseq_hebrew.data.blocks import Blocks
from fairseq_hebrew.data.token_file import open_stream
def seen():
    io = dict(line.split(": ") for line in open("/proc/self/io").read().splitlines())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int(io["rchar"]), usage.ru_minflt + usage.ru_majflt, usage.ru_maxrss
before = seen()
stream = open_stream(sys.argv[1])
samples = Blocks(stream, 511, "none", bos=0)
assert len(samples) > 9_000_000 and samples[len(samples) - 1].tokens.sum() == 0
print(*(b - a for a, b in zip(before, seen())))
"""


def test_nothing_is_read_when_a_large_file_is_opened(tmp_path):
    """10 GB of tokens (and 1.2 GB of index), none of which are on any disk: the files are holes."""
    lines, size = 100_000_000, 50
    with open(tmp_path / "train.bin", "wb") as file:
        file.truncate(lines * size * 2)
    with open(tmp_path / "train.idx", "wb") as file:
        file.write(struct.pack("<9sQBQ", b"MMIDIDX\0\0", 1, 8, lines))
        file.seek(26 + 4 * (lines - 1))  # the last line's size, and where it begins
        file.write(struct.pack("<i", size))
        file.seek(26 + 4 * lines + 8 * (lines - 1))
        file.write(struct.pack("<q", (lines - 1) * size * 2))
    run = subprocess.run(
        [sys.executable, "-c", READS, tmp_path / "train"], capture_output=True, text=True, check=True, timeout=100
    )
    read, faults, kilobytes = map(int, run.stdout.split())
    # What is touched is the blocks' own arrays, 8 + 8 bytes each.
    assert read < 10_000 and faults < 50_000 and kilobytes < 250_000


def test_damaged_files_are_refused_in_one_line(tmp_path):
    def refused(line: str) -> None:
        with pytest.raises(UserError, match=line) as caught:
            TokenFile(tmp_path / "train")
        assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)

    for writer in (write, write_cached):
        writer(tmp_path / "train", LINES)
        index, data = ((tmp_path / f"train.{suffix}").read_bytes() for suffix in ("idx", "bin"))
        for kept in range(len(index)):
            (tmp_path / "train.idx").write_bytes(index[:kept])
            refused(r"train\.idx: (cut short|cannot be read)")
        (tmp_path / "train.idx").write_bytes(index)
        (tmp_path / "train.bin").write_bytes(data[:-1])
        refused(r"train\.bin: shorter than its index says; copy it again or binarize again")
        (tmp_path / "train.bin").write_bytes(data + b"\0\0")
        refused(r"train\.bin: \d+ bytes, its index says \d+; copy it again")
    write(tmp_path / "train", LINES, np.float64)
    refused(r"train\.idx: cannot be read as fairseq binaries; binarize")
    (tmp_path / "train.idx").write_bytes(b"HUFFIDX\0\0" + bytes(50))
    refused(r"train\.idx: has Huffman codes, not tokens; binarize with --dataset-impl mmap")
    (tmp_path / "train.idx").unlink()
    refused(r"train\.idx: no such file; name a folder and a split")


def test_a_stream_without_a_token_is_refused(tmp_path):
    for lines in ([], [[]]):
        write(tmp_path / "train", lines)
        with pytest.raises(UserError, match=r"train\.bin: holds no tokens; binarize a text that is not empty"):
            open_stream(tmp_path / "train")
