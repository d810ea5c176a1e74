"""How a text is dealt to shards: runs of whole documents, whose binaries one after the other are those of the whole."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError

from ..documents import WHITE
from .chunks import BOM, Piece, lines_of, read_chunks, whole

# How far past its even share a shard goes to end with a document; then it ends with a line.
LOOK_AHEAD = 16 << 20


@dataclass(frozen=True)
class Shard:
    """Pieces of text that become one .bin and .idx file.

    `after_blank`: the shard before ends with a blank line, or there is none. `file_follows`: it ends with the end of a
    file, and another shard comes after it.
    """

    pieces: tuple[Piece, ...]
    after_blank: bool = True
    file_follows: bool = False


def one_shard(inputs: Sequence[Path]) -> list[Shard]:
    """All files, one after the other, as one shard."""
    return [Shard(tuple(whole(path) for path in inputs))]


def shard_of_file(path: Path, before: Path | None = None, last: bool = True) -> Shard:
    """The shard of a whole file, `before` being that of the shard before it (None: it is the first)."""
    return Shard((whole(path),), before is None or _blank_between(whole(before), path), not last)


def shards_by_file(inputs: Sequence[Path]) -> list[Shard]:
    """A shard a file."""
    return [
        shard_of_file(path, before, path_number == len(inputs))
        for path_number, (before, path) in enumerate(zip([None, *inputs[:-1]], inputs), start=1)
    ]


def even_shards(inputs: Sequence[Path], count: int) -> list[Shard]:
    """`count` shards of about as many bytes. Raises UserError when the text has fewer documents."""
    sizes = [path.stat().st_size for path in inputs]
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    cuts = [(0, 0)]  # a file and a byte of it
    for share in range(1, count):
        goal = int(firsts[-1]) * share // count
        number = int(np.searchsorted(firsts, goal, side="right")) - 1
        byte = goal - int(firsts[number])
        if byte:
            byte = _end_of_document(inputs[number], byte)
        cuts.append((number, byte) if byte < sizes[number] else (number + 1, 0))
        if cuts[-1] <= cuts[-2] or cuts[-1][0] == len(inputs):
            raise UserError(f"--shards {count}: {inputs[0]} and what follows have too few documents; give fewer shards")
    cuts.append((len(inputs), 0))
    shards: list[Shard] = []
    piece: Piece | None = None
    for share, ((first, begin), (last, end)) in enumerate(itertools.pairwise(cuts), start=1):
        pieces: list[Piece] = []
        after_blank = piece is None or begin > 0 or _blank_between(piece, inputs[first])
        for number in range(first, min(last + 1, len(inputs))):
            start, stop = (begin if number == first else 0), (end if number == last else sizes[number])
            if start == stop:
                continue
            piece = Piece(inputs[number], start, stop, bool(start) and _has_blank(piece))
            pieces.append(piece)
        shards.append(Shard(tuple(pieces), after_blank, share < count and not end))
    return shards


def _end_of_document(path: Path, byte: int) -> int:
    """Where the first document ends that ends after `byte` of a file; where a line ends, if none does for long."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(byte - 1)
        file.readline()
        line = file.tell()
    for chunk in read_chunks([Piece(path, line, size)]):
        starts, ends = lines_of(chunk)
        blank = np.flatnonzero(starts == ends)
        if len(blank):
            following = int(blank[0]) + 1
            return chunk.offset + (int(starts[following]) if following < len(starts) else chunk.end)
        if chunk.offset + chunk.end - line > LOOK_AHEAD:
            return line
    # The last document of the file, or a file without blank lines, each line of which is one.
    return size if _has_blank(Piece(path, 0, line)) else line


def _has_blank(piece: Piece) -> bool:
    """Whether a blank line stands in a piece or before it in its file."""
    return piece.blank_before or any(
        bool((starts == ends).any()) for starts, ends in map(lines_of, read_chunks([piece]))
    )


def _blank_between(piece: Piece, following: Path) -> bool:
    """Whether a blank line at the start of the file that follows a piece goes without saying."""
    with open(following, "rb") as file:
        first = file.readline().removeprefix(BOM)
    return bool(first.strip(WHITE.encode())) or _has_blank(piece)
