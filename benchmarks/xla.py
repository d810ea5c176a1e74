"""`fairseq-train --tpu`, ours against stock fairseq's masked_lm, on XLA's CPU backend: `make bench-xla`.

Same shape, data and rows. Stock is given all cures of `fairseq_hebrew/xla/table.py`, more than it needs to start: its
batches too are sent in the background, and its logs make no graphs. Two questions: tokens a second
with samples of one length, where neither compiles anew; and how many graphs are compiled with samples of any length.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.modules.flops import training_flops

from . import measure

TOKENS, PREDICTED, VOCABULARY = 512, 77, 52009  # 77: 15 % of 512, the most of a row
WARM_UP = 3  # updates that are not timed: they compile


@dataclass(frozen=True)
class Shape:
    """`rows` of a batch: what two cores make in some seconds. `goal`: how many times stock's tokens a second."""

    name: str
    layers: int
    width: int
    rows: int
    goal: float

    @property
    def config(self) -> EncoderConfig:
        return EncoderConfig(
            vocab_size=VOCABULARY, padding_idx=1, layers=self.layers, width=self.width, heads=self.width // 64,
            feed_forward_width=4 * self.width, max_positions=TOKENS,
        )  # fmt: skip

    @property
    def bound(self) -> float:
        """How many times as many operations stock's step has, which projects every position on the vocabulary."""
        all_of_it, gathered = (training_flops(self.config, [TOKENS], n) for n in (TOKENS, PREDICTED))
        return all_of_it / gathered


SHAPES = {"small": Shape("small", 4, 256, 4, 2.3), "base": Shape("base", 12, 768, 2, 1.25)}
OURS = ("--task", "hebrew_masked_lm", "--criterion", "hebrew_masked_lm", "--arch", "hallelubert_base")
STOCK = ("--task", "masked_lm", "--criterion", "masked_lm", "--arch", "roberta_base")


def corpus(folder: Path, lines: int) -> Path:
    """Binaries of random lines of 20 to 300 tokens, with the published vocabulary."""
    folder.mkdir()
    (folder / "dict.txt").write_text("".join(f"t{n} 1\n" for n in range(VOCABULARY - 5)), encoding="utf-8")
    chance = np.random.default_rng(1)
    for split, count in (("train", lines), ("valid", 12)):
        builder = MMapIndexedDatasetBuilder(str(folder / f"{split}.bin"), dtype=np.uint16)
        for _ in range(count):
            line = chance.integers(4, VOCABULARY - 1, chance.integers(20, 300))
            builder.add_item(torch.from_numpy(np.append(line, 2)))
        builder.finalize(str(folder / f"{split}.idx"))
    return folder


@dataclass(frozen=True)
class Run:
    """Median tokens a second after the warm-up, and the graphs compiled by each update that compiled some."""

    rate: float
    compiled: list[tuple[str, int]]


def train(which: tuple[str, ...], data: Path, shape: Shape, updates: int, mode: str) -> Run:
    """Raises RuntimeError with the end of its output when the run fails."""
    with tempfile.TemporaryDirectory() as save:
        command = [
            Path(sys.executable).parent / "fairseq-train", data, "--user-dir", measure.ROOT / "fairseq_hebrew", *which,
            "--encoder-layers", shape.layers, "--encoder-embed-dim", shape.width, "--encoder-ffn-embed-dim",
            4 * shape.width, "--encoder-attention-heads", shape.width // 64, "--max-positions", TOKENS,
            "--tokens-per-sample", TOKENS, "--sample-break-mode", mode, "--batch-size", shape.rows, "--mask-prob", 0.15,
            "--optimizer", "adam", "--adam-betas", "(0.9, 0.98)", "--lr", 1e-4, "--lr-scheduler", "polynomial_decay",
            "--total-num-update", 1000, "--max-update", updates, "--save-dir", save, "--no-save", "--tpu",
            "--log-format", "json", "--log-interval", 1, "--num-workers", 0, "--validate-interval-updates", updates,
            "--max-valid-steps", 1, "--required-batch-size-multiple", 1,
        ]  # fmt: skip
        environment = {**os.environ, "PJRT_DEVICE": "CPU"}
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode:
        raise RuntimeError(said[-3000:])
    rows = [json.loads(row) for row in re.findall(r"\| train_inner \| (\{.*\})", said)]
    found = re.findall(r"\| ([a-z]+(?: \d+)?): XLA compiled (\d+) graphs?", said)
    rates = [float(row["wps"]) for row in rows[WARM_UP:]]
    return Run(statistics.median(rates) if rates else 0.0, [(step, int(count)) for step, count in found])


def speed(data: Path, shape: Shape, updates: int, rounds: int) -> list[str]:
    """A row of the table: the best of some rounds of each in turn, for other work only slows a run down."""
    pairs = [[train(which, data, shape, updates, "none").rate for which in (OURS, STOCK)] for _ in range(rounds)]
    ours, stock = (max(rates) for rates in zip(*pairs))
    ratio = ours / stock
    met = "met" if ratio >= shape.goal else "MISSED"
    work = f"{shape.name}, {shape.layers} x {shape.width}, {shape.rows} x {TOKENS}"
    goal = f"{shape.goal} x {met}"
    return [work, f"{ours:,.0f}", f"{stock:,.0f}", f"{ratio:.2f} x", f"{shape.bound:.2f} x", goal]


def graphs(data: Path, updates: int) -> list[list[str]]:
    """Graphs compiled with samples of whole lines (`complete`), each of a length of its own."""
    tiny, made = Shape("tiny", 1, 64, 4, 0), []
    for name, which in (("ours", OURS), ("stock", STOCK)):
        run = train(which, data, tiny, updates, "complete")
        first = sum(count for step, count in run.compiled if step == "update 1")
        later = sum(count for step, count in run.compiled if step not in ("update 1", "validation"))
        validation = sum(count for step, count in run.compiled if step == "validation")
        made.append([name, str(first), str(later), str(validation)])
    return made


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.xla", description=__doc__)
    options.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    options.add_argument("--updates", type=int, default=10, help=f"of a run; the first {WARM_UP} are not timed")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--graph-updates", type=int, default=12, help="of the runs whose graphs are counted")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = corpus(Path(folder) / "data", 800)
        head = ("shape", "ours, tokens/s", "stock, tokens/s", "ratio", "bound of the gather", "goal")
        speeds = [speed(data, SHAPES[name], asked.updates, asked.rounds) for name in asked.shapes]
        print(measure.table(head, speeds))
        print(f"\nGraphs compiled in {asked.graph_updates} updates with samples of any length, tiny:\n")
        head = ("", "first update", "later updates", "validation")
        print(measure.table(head, graphs(data, asked.graph_updates)))


if __name__ == "__main__":
    main()
