"""fairseq's memory-mapped format (`.bin` and `.idx`), written directly.

Layout of the index, as fairseq's MMapIndexedDataset reads it: `MMIDIDX\\0\\0`, `<Q` version 1, `<B` dtype code,
`<Q` number of items, int32 sizes (tokens), int64 byte offsets. The `.bin` file is the items back to back.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

import numpy as np

MAGIC = b"MMIDIDX\x00\x00"
# fairseq's own choice (best_fitting_int_dtype): uint16 while the dictionary has fewer symbols than this.
UINT16_BELOW = 65_500
CODES = {np.dtype(np.uint16): 8, np.dtype(np.uint32): 9}
# Items whose index entries are made at a time: 8 MB.
BLOCK = 1 << 20


def token_dtype(symbols: int) -> np.dtype:
    """The dtype fairseq stores tokens in for a dictionary of so many symbols (specials included, no mask)."""
    return np.dtype(np.uint16 if symbols < UINT16_BELOW else np.uint32)


def write_index(file: IO[bytes], sizes_path: Path, dtype: np.dtype) -> int:
    """Write the index of items whose int32 sizes stand in a file; the number of items."""
    sizes = np.memmap(sizes_path, dtype=np.int32, mode="r") if sizes_path.stat().st_size else np.zeros(0, np.int32)
    file.write(MAGIC + struct.pack("<QBQ", 1, CODES[dtype], len(sizes)))
    for start in range(0, len(sizes), BLOCK):
        file.write(sizes[start : start + BLOCK].tobytes())
    offset = 0
    for start in range(0, len(sizes), BLOCK):
        widths = sizes[start : start + BLOCK].astype(np.int64) * dtype.itemsize
        ends = np.cumsum(widths) + offset
        file.write((ends - widths).tobytes())
        offset = int(ends[-1])
    return len(sizes)
