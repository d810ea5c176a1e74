"""`shuffle`: a uniform permutation of the documents of a corpus that may be larger than memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress

from .dedup import all_documents
from .documents import LAYOUT_HELP, LAYOUTS
from .order import random_key, stable_order

# Python's objects around a document and the copy that is written: memory taken per byte of text, measured as 2.3.
OVERHEAD = 3
# Files open at once; a corpus that needs more buckets than this at the given memory is refused by the system anyway.
MOST_BUCKETS = 500
_HEAD = struct.Struct("<QQ")


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

    Every document gets a random key; documents are thrown into buckets by the top bits of their keys, and each
    bucket is sorted by key in memory: the order is that of the keys, whatever the number of buckets.
    """
    inputs = expand(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        total = sum(path.stat().st_size for path in inputs)
        buckets = min(MOST_BUCKETS, max(1, -(-total * OVERHEAD // (settings.memory << 20))))
        counts = {"documents": 0, "buckets": buckets}
        with (
            scratch_folder(settings.output) as scratch,
            outputs.open(settings.output) as file,
            Progress("shuffle", total) as progress,
        ):
            documents = enumerate(all_documents(inputs, settings.documents, progress))
            keyed = ((random_key(settings.seed, index), document.text) for index, document in documents)
            parts = [keyed] if buckets == 1 else _buckets(keyed, scratch, buckets)
            for part in parts:
                keys, texts = [], []
                for key, text in part:
                    keys.append(key)
                    texts.append(text)
                counts["documents"] += len(keys)
                for position in stable_order(keys):
                    file.write(texts[position])
                    file.write(b"\n")
        return [settings.output], counts

    return run_stage("shuffle", settings.output, inputs, recorded(settings), work, force)


def _buckets(keyed: Iterator[tuple[int, bytes]], scratch: Path, buckets: int) -> Iterator[Iterator[tuple[int, bytes]]]:
    paths = [scratch / f"bucket{number:03d}" for number in range(buckets)]
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "wb")) for path in paths]
        for key, text in keyed:
            file = files[key * buckets >> 64]
            file.write(_HEAD.pack(key, len(text)))
            file.write(text)
    for path in paths:
        yield _read_bucket(path)
        path.unlink()


def _read_bucket(path: Path) -> Iterator[tuple[int, bytes]]:
    with open(path, "rb") as file:
        while head := file.read(_HEAD.size):
            key, size = _HEAD.unpack(head)
            yield key, file.read(size)


COMMAND = StageCommand("shuffle", "Put the documents into a seeded random order.", Settings, shuffle)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
