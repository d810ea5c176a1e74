"""Cleaning on one core, against the same rules written with the `regex` package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import measure
from .measure import Comparison

GOAL = 3


def compare(text: Path, megabytes: float, folder: Path) -> Iterator[Comparison]:
    options = ["--input", text, "--output", folder / "clean.txt", "--documents", "blank", "--workers", 1]
    ours = measure.best(lambda: measure.run(measure.stage("clean", *options)), 3)
    peer = measure.python("benchmarks.peers.regex_clean", text, folder / "regex.txt")
    theirs = measure.best(lambda: measure.run(peer), 2)
    yield Comparison("cleaning, one core (ours filters and counts reasons too)", "regex", megabytes, ours, theirs, GOAL)
