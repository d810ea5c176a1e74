"""The size of each document of a text in bytes, words or tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.text.tokenizer import Tokenizer, open_tokenizer

from .blocks import Block, read_blocks
from .selection import write_sizes

UNITS = ("bytes", "words", "tokens")

_tokenizer: Tokenizer | None = None


def measure_part(
    text: Path, layout: str, unit: str, tokenizer: Path | None, output: Path, workers: int = 1
) -> tuple[int, int]:
    """Write the size of each document, int64 back to back; (documents, sum of their sizes).

    Bytes are those between the stages, the blank line included; words stand between the white space of ASCII; tokens
    are those of the document's lines, without `</s>`. `workers` processes count tokens.
    """
    return write_sizes(_sizes(read_blocks(text, layout), unit, tokenizer, workers), output)


def _sizes(blocks: Iterator[Block], unit: str, tokenizer: Path | None, workers: int) -> Iterator[np.ndarray]:
    if unit == "bytes":
        return (block.written for block in blocks)
    if unit == "words":
        return map(_words, blocks)
    parts = (part for block in blocks for part in _texts(block))
    return ordered_map(_tokens, parts, workers, _open, (tokenizer,))


def _words(block: Block) -> np.ndarray:
    from .block_kernels import count_words

    counts = np.empty(len(block), np.int64)
    count_words(block.text, block.starts, block.sizes, counts)
    return counts


def _texts(block: Block, size: int = 1 << 18) -> Iterator[list[bytes]]:
    """The documents of a block, about `size` bytes at a time."""
    ends = np.cumsum(block.sizes)
    begin = 0
    while begin < len(block):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + size, side="right")))
        places = zip(block.starts[begin:end].tolist(), block.sizes[begin:end].tolist())
        yield [block.text[start : start + length].tobytes() for start, length in places]
        begin = end


def _open(folder: Path) -> None:
    global _tokenizer
    _tokenizer = open_tokenizer(folder)


def _tokens(texts: list[bytes]) -> np.ndarray:
    paragraphs = [text.decode("utf-8").split("\n")[:-1] for text in texts]
    encoded = _tokenizer.encode_batch([line for lines in paragraphs for line in lines])
    counts = np.cumsum([0, *map(len, encoded)])
    ends = np.cumsum([0, *map(len, paragraphs)])
    return np.diff(counts[ends])
