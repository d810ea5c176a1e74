"""Removing near-duplicates, against datatrove."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from . import measure
from .measure import Comparison

GOAL = 50


def compare(text: Path, megabytes: float, folder: Path, workers: int) -> Iterator[Comparison]:
    options = [
        "--input",
        text,
        "--output",
        folder / "dedup.txt",
        "--documents",
        "blank",
        "--near",
        "--workers",
        workers,
    ]
    ours = measure.best(lambda: measure.run(measure.stage("dedup", *options)), 3)
    theirs = measure.run(measure.python("benchmarks.peers.datatrove_minhash", text, folder / "datatrove", workers))
    shutil.rmtree(folder / "datatrove")
    yield Comparison("near-duplicate removal", "datatrove MinHash, 14 x 8", megabytes, ours, theirs, GOAL)
