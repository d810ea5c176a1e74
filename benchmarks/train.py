"""`make bench-train`: a step of masked-LM training against its peers, on the CPU, in fp32, side by side in one run.

Usage: python -m benchmarks.train [--questions roberta documents modernbert variants] [--rounds 3] [--output FILE.json]
A quick look: --layers 2 --width 128 --vocab-size 1000 --length 64 --rounds 1 --steps 1
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from .measure import table
from .train_equal import GRADIENT_WITHIN, LOSS_WITHIN, Same
from .train_process import Result
from .train_questions import FACED, VARIANTS, Faced, Varied, same_work, variants

QUESTIONS = (*FACED, "variants")
HEAD = (
    *("work", "peer", "ours: tokens/s, forward + backward", "whole step", "peak MB"),
    *("peer: tokens/s, forward + backward", "whole step", "peak MB"),
    *("ratio, forward + backward", "ratio, whole step", "goal", "", "peak / its peak", "goal", ""),
)
VARIANT_HEAD = (
    *("model", "variant", "tokens/s, forward + backward", "whole step", "peak MB"),
    *("speed / plain", "peak / plain"),
)
SAME_HEAD = ("beside ours", "our loss a position", "apart", "gradient of the embedding apart", "")


def rates(found: Result) -> tuple[str, ...]:
    """Real tokens a second, and the peak."""
    speeds = (found.tokens / found.forward_backward, found.tokens / found.step)
    return (*(f"{speed:.0f}" if speed >= 10 else f"{speed:.2f}" for speed in speeds), f"{found.peak / 1e6:.0f}")


def row(found: Faced) -> tuple[str, ...]:
    memory = ("", "")
    if found.memory_goal is not None:
        memory = (f"{found.memory_goal:.2f}", _verdict(found.memory <= found.memory_goal))
    return (
        *(found.work, found.peer, *rates(found.ours), *rates(found.theirs)),
        *(f"{found.first_ratio:.2f} x", f"{found.ratio:.2f} x"),
        *(f"{found.goal:.2f} x", _verdict(found.ratio >= found.goal)),
        *(f"{found.memory:.2f}", *memory),
    )


def variant_row(found: Varied) -> tuple[str, ...]:
    speed, memory = found.plain.step / found.found.step, found.found.peak / found.plain.peak
    return (found.model, found.variant, *rates(found.found), f"{speed:.2f} x", f"{memory:.2f}")


def same_row(found: Same) -> tuple[str, ...]:
    return (
        *(found.peer, f"{found.ours:.5f}", f"{found.loss:.1e}", f"{found.gradient:.1e}"),
        "same" if found.holds else "DIFFERS",
    )


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    options.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    options.add_argument("--layers", type=int, help="of every model, instead of its own")
    options.add_argument("--width", type=int, help="of every model, instead of its own; a multiple of 64")
    options.add_argument("--vocab-size", type=int, default=52_009)
    options.add_argument("--rows", type=int, default=4, help="documents of the full-length batch")
    options.add_argument("--documents", type=int, default=8, help="documents of the batch of many lengths")
    options.add_argument("--length", type=int, default=512, help="tokens of the longest document")
    options.add_argument("--rounds", type=int, default=3, help="processes of each contender")
    options.add_argument("--steps", type=int, default=2, help="measured steps of each process")
    options.add_argument("--warm-up", type=int, default=1, help="steps before them")
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--output", type=Path, help="also write the figures as JSON")
    return options.parse_args()


def proved(asked: argparse.Namespace) -> list[Same]:
    """`same_work`, in a process that takes its gigabytes along when it ends."""
    begin = {"initializer": torch.set_num_threads, "initargs": (asked.threads,)}
    with ProcessPoolExecutor(1, get_context("spawn"), **begin) as pool:
        return pool.submit(same_work, asked).result()


def main() -> None:
    asked = arguments()
    print(
        f"fp32, {asked.vocab_size:,} entries, AdamW (fused) for all; {asked.threads} threads, Python "
        f"{platform.python_version()}, torch {torch.__version__}; best of {asked.rounds} x {asked.steps} steps\n"
    )
    same = proved(asked)
    if same:
        print(f"The same weights, no dropout: relative differences ({LOSS_WITHIN:g}, {GRADIENT_WITHIN:g} allowed)\n")
        print(f"{table(SAME_HEAD, [same_row(found) for found in same])}\n", flush=True)
    if not all(found.holds for found in same):
        raise SystemExit("error: the contenders do not do the same work; nothing was timed")
    faced = []
    for question in FACED:
        for found in FACED[question](asked) if question in asked.questions else ():
            print(f"  {found.work}: {found.ratio:.2f} x {found.peer}", flush=True)
            faced.append(found)
    varied = list(variants(asked)) if "variants" in asked.questions else []
    if faced:
        print(f"\n{table(HEAD, [row(found) for found in faced])}")
    if varied:
        print(f"\n{table(VARIANT_HEAD, [variant_row(found) for found in varied])}")
    if asked.output:
        told = {"same": same, "faced": faced, "varied": varied}
        figures = {name: [dataclasses.asdict(found) for found in rows] for name, rows in told.items()}
        asked.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
