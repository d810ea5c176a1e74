"""The index of fairseq's memory-mapped format."""

import io
import struct

import numpy as np
import pytest

from fairseq_hebrew.preprocess.binaries import indexed
from fairseq_hebrew.preprocess.binaries.indexed import token_dtype, write_index


@pytest.mark.parametrize("symbols, dtype", [(8, "uint16"), (65_499, "uint16"), (65_500, "uint32"), (128_000, "uint32")])
def test_the_dtype_is_fairseqs(symbols, dtype):
    assert token_dtype(symbols).name == dtype


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_the_layout(tmp_path, monkeypatch, block):
    monkeypatch.setattr(indexed, "BLOCK", block)
    sizes = [3, 1, 2_000_000_000, 2_000_000_000, 5, 1]
    (tmp_path / "sizes").write_bytes(np.array(sizes, np.int32).tobytes())
    file = io.BytesIO()
    assert write_index(file, tmp_path / "sizes", np.dtype(np.uint32)) == 6
    made = file.getvalue()
    assert made[:26] == b"MMIDIDX\x00\x00" + struct.pack("<QBQ", 1, 9, 6)
    assert np.frombuffer(made, np.int32, 6, 26).tolist() == sizes
    pointers = np.frombuffer(made, np.int64, 6, 26 + 24).tolist()
    assert pointers == [4 * sum(sizes[:i]) for i in range(6)], "past 4 GiB"
    assert len(made) == 26 + 24 + 48


def test_no_items(tmp_path):
    (tmp_path / "sizes").touch()
    file = io.BytesIO()
    assert write_index(file, tmp_path / "sizes", np.dtype(np.uint16)) == 0
    assert file.getvalue() == b"MMIDIDX\x00\x00" + struct.pack("<QBQ", 1, 8, 0)
