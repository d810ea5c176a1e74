"""Shuffling a file that fits the memory, against GNU shuf: each line is a document, as shuf knows no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import measure
from .measure import Comparison

# Not slower than shuf by more than half.
GOAL = 1 / 1.5


def compare(lines: Path, megabytes: float, folder: Path) -> Iterator[Comparison]:
    target = folder / "shuffled.txt"
    options = ["--input", lines, "--output", target, "--documents", "lines", "--memory", 4000]
    ours = measure.best(lambda: measure.run(measure.stage("shuffle", *options)), 3)
    shuf = ["shuf", "--random-source", lines, "--output", folder / "shuf.txt", lines]
    theirs = measure.best(lambda: measure.run(shuf), 3)
    yield Comparison("seeded shuffle in memory", "GNU shuf", megabytes, ours, theirs, GOAL)
