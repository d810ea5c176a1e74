"""Peer: datatrove's MinHash deduplication with its defaults for Hebrew (14 x 8, 5-grams of spaCy's words).

Usage: python -m benchmarks.peers.datatrove_minhash INPUT FOLDER WORKERS

INPUT is text with a blank line after each document; what is kept stands in FOLDER/kept as JSON lines.
"""

import sys
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.typeshelper import Languages


class Reader(PipelineStep):
    """Documents of the text, dealt to the tasks in turn."""

    name = "documents"

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def run(self, data, rank: int = 0, world_size: int = 1):
        blocks = Path(self.path).read_text(encoding="utf-8").split("\n\n")
        for number, text in enumerate(block for block in blocks if block.strip()):
            if number % world_size == rank:
                yield Document(text=text, id=str(number))


def main(source: str, folder: str, workers: str) -> None:
    config = MinhashConfig()
    count = int(workers)

    def run(name: str, tasks: int, *steps) -> None:
        LocalPipelineExecutor(
            pipeline=list(steps), tasks=tasks, workers=min(tasks, count), logging_dir=f"{folder}/logs/{name}"
        ).run()

    signatures, buckets, remove = (f"{folder}/{name}" for name in ("signatures", "buckets", "remove"))
    run("1", count, Reader(source), MinhashDedupSignature(signatures, config, language=Languages.hebrew))
    run("2", config.num_buckets, MinhashDedupBuckets(signatures, buckets, config=config))
    run("3", 1, MinhashDedupCluster(buckets, remove, config=config))
    run("4", count, Reader(source), MinhashDedupFilter(remove), JsonlWriter(f"{folder}/kept", compression=None))


if __name__ == "__main__":
    main(*sys.argv[1:])
