"""Short lines that stand in too many documents: found through files of hashes, then dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.text.fast_measures import Measured, measure_documents

from ..documents import Document, read_documents
from .batches import Cleaned, batches_of, joined
from .filters import per_document, short_line_keys
from .removed import EXCERPT, Example, Removed
from .settings import BOILERPLATE_CHARACTERS, Settings

KEY_BYTES = 8
# Keys read at a time, and copies of a pass's keys that finding the repeated ones makes.
BLOCK, COPIES = 1 << 20, 4


def _measured(batch: Sequence[Document]) -> tuple[np.ndarray, Measured]:
    """Text between stages as one buffer, each document followed by its blank line, and its measures."""
    text, offsets = joined(batch, after=b"\n")
    return text, measure_documents(text, offsets[1:])


def _keys(batch: Sequence[Document]) -> np.ndarray:
    _, measured = _measured(batch)
    return short_line_keys(measured, np.ones(len(batch), dtype=bool))


def count_lines_part(text: Path, keys: Path, workers: int = 1) -> None:
    """Write the hashes of the short lines of a cleaned text, uint64, each once for a document it stands in.

    `clean_part` writes the same while it cleans.
    """
    with Outputs([text]) as outputs, outputs.open(keys) as file:
        for made in ordered_map(_keys, batches_of(read_documents(text)), workers, threads=True):
            file.write(made.data)


def repeated_lines_part(keys: Sequence[Path], repeated: Path, more_than: int, memory: int) -> None:
    """Write the hashes that stand in files of them more than `more_than` times in all: uint64, ascending.

    A pass looks at a range of hashes, as many of them as fit `memory` MB.
    """
    total = sum(path.stat().st_size for path in keys)
    passes = max(1, -(-total * COPIES // (memory << 20)))
    width = -(-(1 << 64) // passes)
    with Outputs(keys) as outputs, outputs.open(repeated) as file:
        for number in range(passes):
            low, high = np.uint64(number * width), np.uint64(min((number + 1) * width, 1 << 64) - 1)
            found = np.concatenate([np.empty(0, dtype=np.uint64), *_between(keys, low, high)])
            found.sort()
            starts = np.flatnonzero(np.diff(found, prepend=~found[:1]))
            counts = np.diff(starts, append=len(found))
            file.write(found[starts[counts > more_than]].data)


def _between(keys: Sequence[Path], low: np.uint64, high: np.uint64) -> Iterator[np.ndarray]:
    for path in keys:
        with open(path, "rb") as file:
            while len(block := np.fromfile(file, dtype=np.uint64, count=BLOCK)):
                yield block[(block >= low) & (block <= high)]


def drop_lines(
    batch: Sequence[Document], repeated: np.ndarray, file: str, settings: Settings, removed: Removed
) -> Cleaned:
    """Drop the short lines whose hashes are among `repeated`, and the documents that are too short without them."""
    text, measured = _measured(batch)
    places = np.searchsorted(repeated, measured.lines)
    known = repeated[np.minimum(places, len(repeated) - 1)] == measured.lines if len(repeated) else places > 0
    dropped = known & (measured.line_sizes <= BOILERPLATE_CHARACTERS)
    ends = measured.line_ends
    left = per_document(~dropped, ends)
    size = per_document(measured.line_sizes * ~dropped, ends) + np.maximum(left - 1, 0)
    kept = (left > 0) & (size >= settings.min_characters)
    keep_lines = ~dropped & np.repeat(kept, measured.lines_of)
    line_ends = np.flatnonzero(text == 10) + 1
    lengths = np.diff(line_ends, prepend=0)
    keep = np.empty(len(lengths), dtype=bool)
    keep[lengths > 1], keep[lengths == 1] = keep_lines, kept
    counts = Counter(
        documents_out=int(kept.sum()),
        lines_out=int(keep_lines.sum()),
        lines_dropped_boilerplate=int(dropped.sum()),
        dropped_boilerplate=int((~kept).sum()),
    )
    starts = np.array([document.line for document in batch], dtype=np.int64)
    where = np.flatnonzero(dropped)
    of = np.searchsorted(ends, where, side="right")
    paragraphs = where - (ends - measured.lines_of)[of] + 1
    examples = []
    for at in removed.candidates(file, "boilerplate_line", starts[of], paragraphs):
        line = batch[of[at]].paragraphs[paragraphs[at] - 1].decode("utf-8")
        examples.append(
            Example("boilerplate_line", file, int(starts[of[at]]), int(paragraphs[at]), line[:EXCERPT], None)
        )
    made = text if keep.all() else text[np.repeat(keep, lengths)]
    return Cleaned(made, np.empty(0, dtype=np.uint64), counts, examples)
