"""`shuffle`: a uniform permutation of the documents of a corpus that may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress

from .documents import LAYOUT_HELP, LAYOUTS
from .ordering.blocks import Block, Gathered, nothing_in, read_blocks, written
from .ordering.buckets import ALL_KEYS, Scatter, divided, measure, read_runs
from .ordering.order import random_keys
from .text_files import text_files

# Memory for a document besides its text: start, size, key and place in the order, and a copy while they are made.
DOCUMENT_BYTES = 48
# Files open at once. A bucket that is still larger than memory is divided again.
MOST_BUCKETS = 200

Keyed = tuple[Block, np.ndarray]


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="the same documents in random order", changes_result=False)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    seed: int = setting(1, "the same seed gives the same order")
    memory: int = setting(
        1000, "MB of text held at a time; the order does not depend on it", changes_result=False, least=1
    )


def shuffle(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest.

    Every document gets a random key, and the order is that of the keys. A corpus that fits the memory is sorted
    there; the documents of a larger one are thrown into buckets by the top of their keys, and the buckets sorted in
    memory one after the other.
    """
    inputs = text_files(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        total, memory = sum(path.stat().st_size for path in inputs), settings.memory << 20
        with (
            scratch_folder(settings.output) as scratch,
            outputs.open(settings.output) as file,
            Progress("shuffle", 2 * total) as progress,
        ):

            def write(texts: Iterator[memoryview]) -> None:
                for text in texts:
                    file.write(text)
                    progress.add(len(text))

            # Whether it fits is known when it is read: documents take memory besides their text.
            whole = _whole(inputs, settings, progress, memory) if total <= memory else None
            if whole is not None:
                if not len(whole[0]):
                    raise nothing_in(inputs)
                write(_by_key(*whole))
                return [settings.output], {"documents": len(whole[0]), "buckets": 1}
            buckets = [scratch / f"bucket{number:03d}" for number in range(_divisions(total, memory))]
            documents = scatter_part(inputs, settings.documents, 0, settings.seed, buckets, progress)
            if not documents:
                raise nothing_in(inputs)
            bounds = divided(*ALL_KEYS, len(buckets))
            for bucket, low, high in zip(buckets, bounds, bounds[1:]):
                write(_gather([bucket], low, high, memory, scratch))
                bucket.unlink()
        return [settings.output], {"documents": documents, "buckets": len(buckets)}

    return run_stage("shuffle", settings.output, inputs, recorded(settings), work, force)


def scatter_part(
    inputs: Sequence[Path],
    layout: str,
    first: int,
    seed: int,
    buckets: Sequence[Path],
    progress: Progress | None = None,
) -> int:
    """Throw the documents of some files into buckets by their random keys; how many there were.

    `first` is the number of documents in the files before these. Of all parts, bucket i is made into one text by
    `gather_part`, and these texts in order are the shuffled corpus.
    """
    documents = 0
    with Scatter(buckets) as scatter:
        for block, keys in _keyed(inputs, layout, first, seed, progress):
            scatter.add(block, keys)
            documents += len(block)
    return documents


def gather_part(buckets: Sequence[Path], output: Path, number: int, of: int, memory: int) -> None:
    """Write the documents in bucket `number` of `of`, from the files of all parts, in the order of their keys.

    A bucket larger than `memory` bytes goes through smaller ones, in a scratch folder beside the output.
    """
    low, high = divided(*ALL_KEYS, of)[number : number + 2]
    with scratch_folder(output) as scratch, open(output, "wb") as file:
        for text in _gather(buckets, low, high, memory, scratch):
            file.write(text)


def _keyed(
    inputs: Sequence[Path],
    layout: str,
    first: int,
    seed: int,
    progress: Progress | None = None,
    gathered: Gathered | None = None,
) -> Iterator[Keyed]:
    """The blocks of files with the keys of their documents, read to where they will be gathered."""
    for path in inputs:
        room = None if gathered is None else gathered.room(path.stat().st_size)
        for block in read_blocks(path, layout, room):
            yield block, random_keys(seed, first, len(block))
            first += len(block)
            if progress is not None:
                progress.add(int(block.written.sum()))


def _whole(inputs: Sequence[Path], settings: Settings, progress: Progress, memory: int) -> Keyed | None:
    """All documents of the inputs, read to one place; None, and the place given back, when that takes more memory."""
    gathered = Gathered(Gathered.room_of(path.stat().st_size for path in inputs))
    return _in_memory(_keyed(inputs, settings.documents, 0, settings.seed, progress, gathered), gathered, memory)


def _in_memory(keyed: Iterator[Keyed], gathered: Gathered, memory: int) -> Keyed | None:
    """All documents in one block, and their keys; None when that takes more memory."""
    keys = [np.empty(0, np.uint64)]
    for block, block_keys in keyed:
        gathered.add(block)
        keys.append(block_keys)
        if gathered.bytes + DOCUMENT_BYTES * gathered.documents > memory:
            return None
    return gathered.block(), np.concatenate(keys)


def _by_key(block: Block, keys: np.ndarray) -> Iterator[memoryview]:
    # No two keys are equal: any sort gives the one order.
    return written(block, np.argsort(keys))


def _gather(buckets: Sequence[Path], low: int, high: int, memory: int, scratch: Path) -> Iterator[memoryview]:
    """The documents of buckets that hold `low <= key < high`, in the order of their keys."""
    documents, size = map(sum, zip(*map(measure, buckets)))
    if not documents:
        return
    runs = (run for bucket in buckets for run in read_runs(bucket))
    needed = size + DOCUMENT_BYTES * documents
    # A single document has to fit, whatever the memory.
    if needed <= memory or documents == 1:
        yield from _by_key(*_in_memory(runs, Gathered(size), max(needed, memory)))
        return
    smaller = [scratch / f"{low:x}-{high:x}-{number:03d}" for number in range(_divisions(needed, memory))]
    with Scatter(smaller, low, high) as scatter:
        for block, keys in runs:
            scatter.add(block, keys)
    bounds = divided(low, high, len(smaller))
    for bucket, begin, end in zip(smaller, bounds, bounds[1:]):
        yield from _gather([bucket], begin, end, memory, scratch)
        bucket.unlink()


def _divisions(size: int, memory: int) -> int:
    # Buckets of half the memory: they are not all of one size, and documents take memory besides their text.
    return min(MOST_BUCKETS, max(2, -(-2 * size // memory)))


COMMAND = StageCommand("shuffle", "Put the documents into a seeded random order.", Settings, shuffle)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
