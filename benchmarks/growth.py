"""How time and memory grow with the text: seconds a MB should stay flat, and the peak memory too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import measure, text
from .measure import Measured

# Flat within 15 %.
GOAL = 1.15


@dataclass(frozen=True)
class Growth:
    """What one stage took at each size (MB)."""

    stage: str
    sizes: dict[float, Measured]

    def further(self) -> list[float]:
        """Seconds for each further MB, from one size to the next: what it takes to start is in none of them."""
        return [
            (after.seconds - before.seconds) / (larger - smaller)
            for (smaller, before), (larger, after) in itertools.pairwise(self.sizes.items())
        ]

    @property
    def time_ratio(self) -> float:
        """The last of `further` over the first."""
        rates = self.further()
        return rates[-1] / rates[0]

    @property
    def memory_ratio(self) -> float:
        """Peak at the largest size over that at the first: 10 MB are gone before every buffer is full once."""
        peaks = [taken.peak for taken in self.sizes.values()]
        return peaks[-1] / peaks[0]


def stages(source: Path, folder: Path, tokenizer: Path, size: int, workers: int) -> dict[str, list[object]]:
    """The commands; each reads the raw text, so that each is measured on the same amount of it."""
    bounds, many = ["--memory", 500], ["--workers", workers]
    document = ["--input", source, "--documents", "blank", "--output"]
    return {
        "clean": measure.stage("clean", *document, folder / "clean.txt", *bounds, *many),
        "dedup": measure.stage("dedup", *document, folder / "dedup.txt", *bounds),
        "dedup --near": measure.stage("dedup", *document, folder / "near.txt", "--near", *bounds, *many),
        "shuffle": measure.stage("shuffle", *document, folder / "shuffled.txt", *bounds),
        "split": measure.stage("split", *document, folder / "split"),
        "train-bpe": measure.stage(
            "train-bpe", "--input", source, "--output", folder / "tokenizer", "--vocab-size", size, *bounds, *many
        ),
        "binarize": measure.stage(
            "binarize", "--input", source, "--tokenizer", tokenizer, "--output", folder / "data", *many
        ),
    }


def grow(sizes: list[float], folder: Path, tokenizer: Path, workers: int) -> Iterator[Growth]:
    """The stages at each size (MB), one stage after the other; a BPE of as few entries as 1 MB gives everywhere."""
    made: dict[float, Path] = {}
    for size in sizes:
        made[size] = folder / f"text{size:g}.txt"
        text.write(made[size], size)
    for name in stages(folder, folder, tokenizer, 4000, workers):
        taken: dict[float, Measured] = {}
        for size, path in made.items():
            command = stages(path, folder, tokenizer, 4000, workers)[name]
            if name == "split":
                command += ["--valid-bytes", int(size * 1e6 / 50)]
            taken[size] = measure.best(lambda command=command: measure.run(command), 5 if size <= 100 else 2)
        yield Growth(name, taken)
