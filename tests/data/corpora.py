"""Small corpora on disk, as fairseq writes them."""

from pathlib import Path

import numpy as np
import torch
from fairseq.data.indexed_dataset import IndexedDatasetBuilder, MMapIndexedDatasetBuilder

from fairseq_hebrew.data.token_file import TokenStream, open_stream

EOS = 2


def write(path: Path, lines: list[list[int]], dtype=np.uint16, builder=MMapIndexedDatasetBuilder) -> None:
    """`path`.bin and `path`.idx of the lines, each with the `</s>` it is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = builder(f"{path}.bin", dtype=dtype)
    for line in lines:
        writer.add_item(torch.tensor(line, dtype=torch.int64))
    writer.finalize(f"{path}.idx")


def write_cached(path: Path, lines: list[list[int]], dtype=np.int32) -> None:
    """The same in the format of fairseq's `cached` and `lazy` datasets."""
    write(path, lines, dtype, IndexedDatasetBuilder)


def stream(folder: Path, lines: list[list[int]]) -> TokenStream:
    """The stream of the lines of ids, `</s>` added to each."""
    write(folder / "train", [[*line, EOS] for line in lines])
    return open_stream(folder / "train")


def hostile_lines(rng: np.random.Generator, longest: int) -> list[list[int]]:
    """Lines without their `</s>`: some empty, some of them in runs, some longer than `longest`; at least one line."""
    kinds = rng.choice(4, rng.integers(1, 40), p=[0.3, 0.1, 0.5, 0.1])
    lines = []
    for kind in kinds:
        if kind == 0:
            lines += [[]] * int(rng.integers(1, 4))
        else:
            least, most = ((1, 2), (2, longest), (longest - 2, 4 * longest))[kind - 1]
            lines.append(rng.integers(4, 90, rng.integers(max(least, 1), max(most, 2) + 1)).tolist())
    return lines
