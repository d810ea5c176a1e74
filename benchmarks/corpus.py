"""`make bench-corpus`: the corpus stages against their peers, side by side in one run.

Usage: python -m benchmarks.corpus [--megabytes 110] [--vocab-size 52000] [--growth 10 100 1000] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import cleaning, growth, measure, near_duplicates, near_quality, shuffling, text, text_to_binaries, train_bpe
from .growth import Growth
from .measure import Comparison, table
from .near_quality import Quality

QUESTIONS = ("cleaning", "near-duplicates", "near-quality", "shuffling", "train-bpe", "binaries", "growth")
HEAD = ("work", "MB", "ours s", "MB/s", "peak MB", "peer", "its s", "its peak MB", "ratio", "goal", "")
GROWTH_HEAD = ("stage", "seconds", "ms for each further MB", "last / first", "", "peak MB", "last / first", "")

THRESHOLDS = (0.75, 0.5)
QUALITY_HEAD = (
    *("words replaced of 200", "Jaccard", "pairs that reach the threshold", "found of these (recall)"),
    *("removed of all", "datatrove removed", "precision"),
)


def row(found: Comparison) -> tuple[str, ...]:
    ours, theirs = found.ours, found.theirs
    return (
        found.work,
        f"{found.megabytes:.0f}",
        f"{ours.seconds:.2f}",
        f"{found.megabytes / ours.seconds:.1f}",
        f"{ours.peak / 1e6:.0f}",
        found.peer,
        f"{theirs.seconds:.2f}",
        f"{theirs.peak / 1e6:.0f}",
        f"{found.ratio:.2f} x",
        f"{found.goal:.2f} x",
        "met" if found.met else "MISSED",
    )


def growth_row(found: Growth) -> tuple[str, ...]:
    def verdict(ratio: float) -> tuple[str, str]:
        return f"{ratio:.2f}", "met" if ratio <= growth.GOAL else "MISSED"

    return (
        found.stage,
        ", ".join(f"{size:g} MB: {taken.seconds:.2f}" for size, taken in found.sizes.items()),
        ", ".join(f"{1000 * rate:.1f}" for rate in found.further()),
        *verdict(found.time_ratio),
        ", ".join(f"{taken.peak / 1e6:.0f}" for taken in found.sizes.values()),
        *verdict(found.memory_ratio),
    )


def quality_row(found: Quality) -> tuple[str, ...]:
    return (
        str(found.replaced),
        f"{found.jaccard:.2f}",
        f"{found.reach} of {found.pairs}",
        f"{found.found / found.reach:.3f}" if found.reach else "none reaches it",
        f"{found.removed / found.pairs:.3f}",
        f"{found.theirs / found.pairs:.3f}",
        f"{1 - found.wrong / found.removed:.3f}" if found.removed else "nothing removed",
    )


def comparisons(options: argparse.Namespace, folder: Path) -> Iterator[Comparison]:
    source = folder / "text.txt"
    megabytes = text.write(source, options.megabytes)
    asked, workers = options.questions, options.workers
    if "cleaning" in asked:
        yield from cleaning.compare(source, megabytes, folder)
    if "near-duplicates" in asked:
        yield from near_duplicates.compare(source, megabytes, folder, workers)
    if "shuffling" in asked:
        lines = folder / "lines.txt"
        size = text.write(lines, 198, lines_only=True)
        yield from shuffling.compare(lines, size, folder)
    if "train-bpe" in asked:
        yield from train_bpe.compare(source, megabytes, folder, options.vocab_size, workers)
    if "binaries" in asked:
        tokenizer = _tokenizer(source, folder, options.vocab_size, workers)
        yield from text_to_binaries.compare(source, megabytes, folder, tokenizer, workers)


def _tokenizer(source: Path, folder: Path, size: int, workers: int) -> Path:
    tokenizer = folder / "tokenizer"
    if not tokenizer.exists():
        options = ["--input", source, "--output", tokenizer, "--vocab-size", size, "--workers", workers]
        measure.run(measure.stage("train-bpe", *options))
    return tokenizer


def warm_up(folder: Path, workers: int) -> None:
    """Run every stage once on a little text: kernels are compiled when they are first called, and kept."""
    source = folder / "warm.txt"
    text.write(source, 1)
    options = ["--input", source, "--output", folder / "warm-tokenizer", "--vocab-size", 4000]
    measure.run(measure.stage("train-bpe", *options))
    for name, command in growth.stages(source, folder, folder / "warm-tokenizer", 4000, workers).items():
        measure.run([*command, *(["--valid-bytes", 20_000] if name == "split" else [])])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--megabytes", type=float, default=110, help="text for the comparisons")
    options.add_argument("--vocab-size", type=int, default=52_000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--growth", type=float, nargs="+", default=[10, 100, 1000], help="sizes in MB")
    options.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    options.add_argument("--output", type=Path, help="also write the figures as JSON")
    asked = options.parse_args()
    print(f"{text.sources()[0]}; {os.cpu_count()} cores, Python {platform.python_version()}; best of several runs\n")
    with tempfile.TemporaryDirectory(prefix="bench-corpus-") as name:
        folder = Path(name)
        warm_up(folder, asked.workers)
        compared = []
        for found in comparisons(asked, folder):
            print(f"  {found.work}: {found.ratio:.2f} x {found.peer}", flush=True)
            compared.append(found)
        quality: dict[float, list[Quality]] = {}
        if "near-quality" in asked.questions:
            for threshold in THRESHOLDS:
                quality[threshold] = list(near_quality.rows(folder, 1000, threshold))
        grown = []
        if "growth" in asked.questions:
            for stage in growth.grow(asked.growth, folder, folder / "warm-tokenizer", asked.workers):
                print(f"  {stage.stage}: time a MB {stage.time_ratio:.2f}, peak {stage.memory_ratio:.2f}", flush=True)
                grown.append(stage)
    if compared:
        print(f"\n{table(HEAD, [row(found) for found in compared])}")
    for threshold, found in quality.items():
        print(f"\nNear-duplicates at Jaccard {threshold} (datatrove: 14 x 8)\n")
        print(table(QUALITY_HEAD, [quality_row(line) for line in found]))
    if grown:
        print(f"\n{table(GROWTH_HEAD, [growth_row(stage) for stage in grown])}")
    if asked.output:
        figures = {
            "compared": [dataclasses.asdict(c) for c in compared],
            "grown": [dataclasses.asdict(g) for g in grown],
        }
        asked.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
