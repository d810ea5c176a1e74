"""How many tokens a second one core masks, and how many it makes into batches from memory-mapped binaries.

Against stock fairseq's MaskTokensDataset in the same run, on the same rows: `make bench-loader`.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from fairseq_hebrew.data.draws import sample_keys
from fairseq_hebrew.data.masking import UNITS, mask_rows
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask
from fairseq_hebrew.text.pieces import Kind

from . import measure, text
from .peers import stock_masking

LENGTHS = (128, 512, 1024, 4096)
# Tokens a second a core: the loader is never what training waits for.
GOAL = 3e6
# Share of the length from which on a row counts as full: packed ones have a little room.
FULL = 0.9


@dataclass(frozen=True)
class Rate:
    """Tokens a second of one core, ours and stock fairseq's (None: it has no such thing)."""

    work: str
    unit: str
    length: int
    ours: float
    theirs: float | None

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.ours / self.theirs


def main(given: list[str] | None = None) -> int:
    asked = arguments(given)
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="bench-loader-") as folder:
        print(
            f"{text.sources()[0]}, {asked.megabytes} MB, {asked.vocab_size:,} entries; one core; best of {asked.rounds}"
        )
        tokenizer, data = prepared(Path(folder), asked.megabytes, asked.vocab_size)
        rates = [
            rate
            for length in asked.lengths
            for unit in asked.units
            for rate in (*masking(asked, tokenizer, data, unit, length), *loading(asked, tokenizer, data, unit, length))
        ]
    print(
        measure.table(("work", "unit", "tokens a row", "ours", "fairseq's", "ratio", "goal"), [row(r) for r in rates])
    )
    if asked.output:
        asked.output.write_text(json.dumps([asdict(rate) for rate in rates], indent=1) + "\n", encoding="utf-8")
    return 0


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loader", description=__doc__)
    parser.add_argument("--megabytes", type=float, default=20, help="text to make binaries of")
    parser.add_argument("--vocab-size", type=int, default=52_000, help="entries of the byte-level BPE")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="tokens a row")
    parser.add_argument("--units", nargs="+", choices=UNITS, default=UNITS, help="what is masked together")
    parser.add_argument("--break-modes", nargs="+", default=["none", "packed"], help="of our loader; stock's is none")
    parser.add_argument("--batch-tokens", type=int, default=32_768, help="tokens of a batch")
    parser.add_argument("--batches", type=int, default=8, help="batches of a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, in each of which all run once")
    parser.add_argument("--output", type=Path, help="also write the figures here, as JSON")
    return parser.parse_args(given)


def prepared(folder: Path, megabytes: float, vocab_size: int) -> tuple[Path, Path]:
    """A tokenizer and binaries of the text, made by the project's own stages."""
    corpus, tokenizer, data = folder / "text.txt", folder / "tokenizer", folder / "data"
    text.write(corpus, megabytes)
    measure.run(measure.stage("train-bpe", "--input", corpus, "--output", tokenizer, "--vocab-size", vocab_size))
    measure.run(measure.stage("binarize", "--input", corpus, "--tokenizer", tokenizer, "--output", data))
    return tokenizer, data


def our_task(tokenizer: Path, data: Path, unit: str, length: int, mode: str) -> HebrewMaskedLMTask:
    options = {"sample_break_mode": mode, "mask_unit": unit, "tokenizer_dir": str(tokenizer), "seed": 1}
    task = HebrewMaskedLMTask.setup_task(HebrewMaskedLMConfig(data=str(data), tokens_per_sample=length, **options))
    task.load_dataset("train")
    return task


def masking(asked: argparse.Namespace, tokenizer: Path, data: Path, unit: str, length: int) -> Iterator[Rate]:
    """Masking alone: rows in memory to inputs and targets."""
    task = our_task(tokenizer, data, unit, length, "none")
    batches = batches_of(asked, task.dataset("train").sizes, length)
    flat = [np.concatenate([task.dataset("train")[i]["tokens"] for i in batch]) for batch in batches]
    most = task.masking.most(length)

    def ours(epoch: int) -> None:
        for batch, tokens in zip(batches, flat):
            mask_rows(tokens, np.full(len(batch), length), sample_keys(1, epoch, batch), task.masking, most)

    inputs, targets = stock_masking.masked(
        np.concatenate(flat).reshape(-1, length), task.dictionary, unit, word_starts(task)
    )

    def theirs(epoch: int) -> None:
        for part in (inputs, targets):
            part.set_epoch(epoch)
        for i in range(len(inputs)):
            inputs[i], targets[i]

    yield faced(asked, "masking alone", unit, length, ours, theirs, sum(map(len, flat)))


def loading(asked: argparse.Namespace, tokenizer: Path, data: Path, unit: str, length: int) -> Iterator[Rate]:
    """From the memory map to a batch of tensors."""
    for mode in asked.break_modes:
        task = our_task(tokenizer, data, unit, length, mode)
        sizes = task.dataset("train").sizes
        batches, theirs = batches_of(asked, sizes, length), None
        ours = collating(task.dataset("train"), batches)
        if mode == "none":
            stock = stock_masking.loader(data, unit, length, word_starts(task))
            theirs = collating(stock, batches_of(asked, stock.sizes, length))
        tokens = int(sum(sizes[batch].sum() for batch in batches))
        yield faced(asked, f"loader, {mode}", unit, length, ours, theirs, tokens)


def collating(dataset, batches: list[np.ndarray]) -> Callable[[int], None]:
    def run(epoch: int) -> None:
        dataset.set_epoch(epoch)
        for batch in batches:
            dataset.collater([dataset[int(i)] for i in batch])

    return run


def batches_of(asked: argparse.Namespace, sizes: np.ndarray, length: int) -> list[np.ndarray]:
    """Indices of full rows (stock and ours have the same in the mode none), drawn at random as training draws them."""
    rows = max(1, asked.batch_tokens // length)
    full = np.flatnonzero(np.asarray(sizes) > FULL * length)
    if len(full) < rows:
        raise SystemExit(f"{len(full)} rows of {length} tokens, a batch has {rows}: give more --megabytes")
    return np.split(np.random.default_rng(1).choice(full, rows * asked.batches), asked.batches)


def word_starts(task: HebrewMaskedLMTask) -> np.ndarray:
    """bool (V,): what stock fairseq takes for the start of a word, punctuation and white space too."""
    return task.pieces.kinds != Kind.CONTINUES


def faced(
    asked: argparse.Namespace,
    work: str,
    unit: str,
    length: int,
    ours: Callable[[int], None],
    theirs: Callable[[int], None] | None,
    tokens: int,
) -> Rate:
    """The best of several rounds in each of which both run once, each time as another epoch."""
    runs = [run for run in (ours, theirs) if run is not None]
    best = [float("inf")] * len(runs)
    for run in runs:
        run(1)  # compiles, and maps the file
    for epoch in range(2, asked.rounds + 2):
        for number, run in enumerate(runs):
            started = time.perf_counter()
            run(epoch)
            best[number] = min(best[number], time.perf_counter() - started)
    return Rate(work, unit, length, tokens / best[0], tokens / best[1] if theirs else None)


def row(rate: Rate) -> tuple[str, ...]:
    shown = ("-", "-") if rate.theirs is None else (f"{rate.theirs / 1e6:.2f} M/s", f"{rate.ratio:.0f} x")
    met = "met" if rate.ours >= GOAL else "MISSED"
    return (rate.work, rate.unit, f"{rate.length:,}", f"{rate.ours / 1e6:.1f} M/s", *shown, met)


if __name__ == "__main__":
    raise SystemExit(main())
