"""Paragraphs that stand in a corpus more than once: one place keeps each.

The place depends on contents alone: the document with the least hash, and in it the first one. Short paragraphs
("yes.", a date, a name before a speech) belong to their documents and are never removed. A document that loses all
its paragraphs is gone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.parallel import ordered_map

from .exact import gather
from .layout import document_bounds, read_blocks
from .signatures import FIRST_BAND, KEY_BYTES, KEY_HIGH, KEY_LOW, LENGTH, Signatures, SignatureWriter

# A row for each line, the blank ones too. The document's hash stands where documents have their grams; the keys of a
# line that is never removed are 0.
OWNER = FIRST_BAND - 1
_BYTES_A_KEY = 112


def paragraph_part(
    text: Path, output: Path, characters: int, workers: int = 1, add: Callable[[int], None] | None = None
) -> None:
    """The hashes of the lines of a text that have at least `characters`, as columns of a signature file."""
    with SignatureWriter(output, FIRST_BAND) as writer:
        work = functools.partial(_keys_of, characters=characters)
        for rows, size in ordered_map(work, read_blocks(text), workers, threads=True):
            writer.add(rows)
            if add is not None:
                add(size)


def _keys_of(block: bytes, characters: int) -> tuple[np.ndarray, int]:
    _, bounds = document_bounds(block)
    lengths: list[int] = []
    keys: list[bytes] = []
    none = bytes(KEY_BYTES + 8)
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist()):
        document = block[start:end]
        owner = blake2b(document, digest_size=8).digest()
        for line in document.split(b"\n")[:-1]:
            lengths.append(len(line) + 1)
            long = len(line) >= characters and len(line.decode("utf-8")) >= characters
            keys.append(blake2b(line, digest_size=KEY_BYTES).digest() + owner if line and long else none)
    rows = np.empty((FIRST_BAND, len(lengths)), dtype=np.uint64)
    rows[LENGTH] = lengths
    rows[KEY_HIGH], rows[KEY_LOW], rows[OWNER] = np.frombuffer(b"".join(keys), dtype=">u8").reshape(-1, 3).T
    return rows, len(block)


def repeated_part(keys: Sequence[Path], outputs: Sequence[Path], memory: int) -> dict[str, int]:
    """Write which lines of each text are kept: uint8, one file a text, for `filter_part`; the counts.

    `memory`: bytes for the keys of one pass over the files, which takes about 112 a line; a byte a line comes on top.
    """
    files = [Signatures(path) for path in keys]
    rows = sum(file.documents for file in files)
    kept = np.ones(rows, dtype=np.uint8)
    passes = max(1, -(-rows * _BYTES_A_KEY // memory))
    for number in range(passes):
        # Without the lines that are never removed: most lines are short, and all of these would fall to one pass.
        columns = (KEY_HIGH, KEY_LOW, OWNER)
        highs, lows, owners, positions = gather(files, columns, number, passes, with_zero=False)
        order = np.lexsort((positions, owners, lows, highs))
        highs, lows = highs[order], lows[order]
        again = (highs[1:] == highs[:-1]) & (lows[1:] == lows[:-1])
        kept[positions[order[1:][again]]] = 0
    removed = rows - int(kept.sum())
    gone = start = 0
    for file, output in zip(files, outputs):
        mine = kept[start : start + file.documents]
        start += file.documents
        gone += _drop_empty(file, mine)
        with open(output, "wb") as flags:
            flags.write(mine.data)
    return {"paragraphs_removed": removed, "documents_without_paragraphs": gone}


def _drop_empty(file: Signatures, kept: np.ndarray) -> int:
    """Drop the blank lines of documents that have no line left, in place; the number of these documents."""
    gone = held = 0
    for first, (lengths,) in file.groups(LENGTH):
        mine = kept[first : first + len(lengths)]
        blank = np.flatnonzero(lengths == 1)
        # Lines kept up to each blank line, those of a document that began in the group before among them.
        total = np.cumsum(np.where(lengths == 1, 0, mine), dtype=np.int64)
        left = np.diff(total[blank], prepend=-held)
        mine[blank[left == 0]] = 0
        gone += int((left == 0).sum())
        held = int(total[-1] - total[blank[-1]]) if len(blank) else held + int(total[-1])
    return gone
