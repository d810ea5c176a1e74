"""How time and memory grow with the text: seconds a MB should stay flat, and the peak memory too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import measure, text
from .measure import Measured

# Flat within 15 %, from the smallest to the largest text.
GOAL = 1.15


@dataclass(frozen=True)
class Growth:
    """Of one stage: what it took at each size, and at hardly any text (`start`: Python, its packages, the kernels)."""

    stage: str
    start: Measured
    sizes: dict[float, Measured]

    def per_megabyte(self) -> dict[float, float]:
        """Seconds a MB, without the start."""
        return {size: (taken.seconds - self.start.seconds) / size for size, taken in self.sizes.items()}

    @property
    def time_ratio(self) -> float:
        """Seconds a MB at the largest size over those at the smallest."""
        rates = self.per_megabyte()
        return rates[max(rates)] / rates[min(rates)]

    @property
    def memory_ratio(self) -> float:
        return self.sizes[max(self.sizes)].peak / self.sizes[min(self.sizes)].peak


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
    for size in [1, *sizes]:
        made[size] = folder / f"text{size:g}.txt"
        text.write(made[size], size)
    for name in stages(folder, folder, tokenizer, 4000, workers):
        taken: dict[float, Measured] = {}
        for size, path in made.items():
            command = stages(path, folder, tokenizer, 4000, workers)[name]
            if name == "split":
                command += ["--valid-bytes", int(size * 1e6 / 50)]
            taken[size] = measure.best(lambda command=command: measure.run(command), 3 if size <= 100 else 1)
        start = taken.pop(1)
        # One MB is text too: what it took is taken off by the rate of the smallest size.
        smallest = min(taken)
        rate = (taken[smallest].seconds - start.seconds) / (smallest - 1)
        yield Growth(name, Measured(start.seconds - rate, start.peak), taken)
