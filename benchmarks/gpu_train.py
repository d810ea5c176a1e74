"""Training on one CUDA GPU in bf16 with fp32 weights: tokens a second and MFU, beside stock fairseq and transformers.

Usage: python -m benchmarks.gpu_train [--models base large neodictabert] [--lengths 512 1024 4096] [--dropout 0]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from fairseq_hebrew.modules.flops import FORMULA, peak, training_flops

from .contenders import CONTENDERS, MODELS, Setting
from .measure import table
from .train_batch import document_lengths
from .train_process import Job, Result, run

# name here: family and size
SIZES = {
    "base": ("hallelubert", "base"),
    "large": ("hallelubert", "large"),
    "neodictabert": ("neodictabert", "base"),
}
PEERS = {"hallelubert": ("fairseq", "roberta"), "neodictabert": ("modernbert",)}
BACKENDS = ("varlen", "sdpa", "flex")
WITHOUT_DROPOUT = ("varlen", "flex")
GOAL = 0.5  # of the peak of an H200
GOALS = (("base", 512), ("neodictabert", 1024))
HEAD = (
    *("model", "tokens a document", "program", "attention", "compiled", "tokens a batch"),
    *("tokens/s, forward + backward", "whole step", "MFU", "MFU without spared products", "peak GB"),
)


@dataclass(frozen=True)
class Trained:
    """`model` of SIZES; `found` is None where not even one document fits, or it failed for `reason`."""

    model: str
    length: int
    job: Job
    found: Result | None
    reason: str = ""

    def mfu(self, device: str, spare_last: bool = False) -> float | None:
        """The share of the device's dense bf16 peak in whole steps; None for a device whose peak is not known."""
        limit = peak(device)
        if limit is None or self.found is None:
            return None
        lengths = document_lengths(self.job.lengths, self.job.documents, self.length)
        work = training_flops(self.job.setting.config, lengths, self.found.masked, spare_last)
        return work / self.found.step / limit


def jobs(asked: argparse.Namespace) -> Iterator[tuple[str, int, Job]]:
    """The model's name, the length of its documents, what is to be run."""
    for model in asked.models:
        family, size = SIZES[model]
        layers, width = MODELS[family].family.sizes[size]
        for length in asked.lengths:
            of = Setting(
                *(family, asked.layers or layers, asked.width or width, asked.vocab_size, length, asked.dropout),
                autocast=True,
            )
            contenders = [("ours", {"attention_backend": name}) for name in asked.backends]
            contenders += [(name, {}) for name in PEERS[family]]
            for contender, options in contenders:
                if asked.dropout and options.get("attention_backend") in WITHOUT_DROPOUT:
                    continue
                for compiled in (False, True):
                    if compiled and contender == "fairseq":
                        continue  # nobody trains it so
                    setting = dataclasses.replace(of, compiled=compiled, options=options)
                    documents = max(1, asked.tokens // length)
                    yield model, length, Job(
                        *(contender, setting, asked.documents, documents, length),
                        *(asked.steps, asked.warm_up, os.cpu_count() or 1, asked.device),
                    )  # fmt: skip


def largest(job: Job) -> tuple[Job, Result | None]:
    """The job with as many documents as fit, halved until they do, and what came of it; None: not even one fits."""
    found = run(job)
    while found is None and job.documents > 1:
        job = dataclasses.replace(job, documents=job.documents // 2)
        found = run(job)
    return job, found


def train(asked: argparse.Namespace) -> Iterator[Trained]:
    for model, length, job in jobs(asked):
        try:
            job, found = largest(job)
            reason = "" if found else "not one document fits the memory"
        except RuntimeError as error:
            found, reason = None, str(error).strip().splitlines()[-1]
        yield Trained(model, length, job, found, reason)


def row(trained: Trained, device: str) -> tuple[str, ...]:
    job, found = trained.job, trained.found
    ours = job.contender == "ours"
    attention = (
        job.setting.options["attention_backend"] if ours else "sdpa" if job.contender != "fairseq" else "its own"
    )
    cells = (
        *(trained.model, f"{trained.length:,}", CONTENDERS[job.contender].label.split(",")[0], attention),
        *("yes" if job.setting.compiled else "no", f"{found.tokens:,}" if found else ""),
    )
    if found is None:
        return (*cells, f"did not run: {trained.reason}", *("",) * 4)
    rates = (f"{found.tokens / seconds:,.0f}" for seconds in (found.forward_backward, found.step))
    spared = _percent(trained.mfu(device, spare_last=True)) if ours else ""
    return (*cells, *rates, _percent(trained.mfu(device)), spared, f"{found.peak / 1e9:.1f}")


def goals(trained: list[Trained], device: str) -> list[str]:
    """What became of the goals, a line for each that was measured."""
    told = []
    for model, length in GOALS:
        reached = [
            share
            for found in trained
            if (found.model, found.length, found.job.contender) == (model, length, "ours")
            and (share := found.mfu(device)) is not None
        ]
        if reached:
            verdict = "met" if max(reached) >= GOAL else "MISSED"
            told.append(
                f"{model} at {length:,}: {_percent(max(reached))} MFU, goal {100 * GOAL:.0f} % on an H200: {verdict}"
            )
    return told


def _percent(share: float | None) -> str:
    return "peak unknown" if share is None else f"{100 * share:.1f} %"


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--models", nargs="+", choices=SIZES, default=list(SIZES))
    options.add_argument("--lengths", nargs="+", type=int, default=[512, 1024, 4096], help="tokens of a document")
    options.add_argument(
        "--documents", choices=("full", "uniform", "short"), default="full", help="all of that length, or up to it"
    )
    options.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    options.add_argument("--dropout", type=float, default=0.0, help="of everything; above 0 sdpa alone serves")
    options.add_argument("--tokens", type=int, default=65_536, help="of a batch; halved until it fits")
    options.add_argument("--steps", type=int, default=10, help="measured steps of each process")
    options.add_argument("--warm-up", type=int, default=5, help="steps before them")
    options.add_argument("--vocab-size", type=int, default=52_009)
    options.add_argument("--layers", type=int, help="of every model, instead of its own")
    options.add_argument("--width", type=int, help="of every model, instead of its own; a multiple of 64")
    options.add_argument("--output", type=Path, help="also write the figures as JSON")
    asked = options.parse_args()
    asked.device = "cuda"
    return asked


def main() -> None:
    asked = arguments()
    if not torch.cuda.is_available():
        raise SystemExit("error: no CUDA GPU here; run this on a machine with one, or make bench-train on a CPU")
    device = torch.cuda.get_device_name()
    limit = peak(device)
    print(
        f"{device}, dense bf16 peak {f'{limit / 1e12:.0f} TFLOP/s' if limit else 'unknown'}; Python "
        f"{platform.python_version()}, torch {torch.__version__}; bf16 autocast, fp32 weights, AdamW (fused), dropout "
        f"{asked.dropout:g}, {asked.vocab_size:,} entries; best of {asked.steps} steps\n\n{FORMULA}\n"
        "Without spared products: the last layer's after attention, which ours makes for the masked tokens alone.\n"
    )
    trained = []
    for found in train(asked):
        print(f"  {' | '.join(row(found, device))}", flush=True)
        trained.append(found)
    print(f"\n{table(HEAD, [row(found, device) for found in trained])}\n")
    print("\n".join(goals(trained, device)))
    if asked.output:
        figures = [{**dataclasses.asdict(found), "mfu": found.mfu(device)} for found in trained]
        told = {"device": device, "trained": figures}
        asked.output.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
