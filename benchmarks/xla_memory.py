"""What one update of HalleluBERT needs on an XLA device, as its compiler says: weights to activations, and logits.

The update's last batch is compiled, at full size, and not run: forward, backward, the gradients of the batches before,
their norm, and AdamW. With the masked gather (the most positions that masking ever takes of a row) and with every
position projected on the vocabulary, as stock fairseq's masked_lm does on a TPU. Also the largest batch that fits:
from two batches and the line through them, then compiled at that batch.

Usage: make bench-xla-memory, or PJRT_DEVICE=CPU .venv-xla/bin/python -m benchmarks.xla_memory --help
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import measure
from .contenders import MODELS, Setting
from .xla_step import STEPS, compile_step

GB = 1e9
PUBLISHED_DROPOUT = 0.1
# The published batches of a device, in rows of 512 tokens (GottBERT's pipeline, which HalleluBERT's run came from).
PUBLISHED = {"base": 64, "large": 32}
MASKED = 77  # of 512 positions at 15 %: the most that masking takes of a row
LIMIT = 32 * 2**30  # a TPU v4 chip's
NOTE = """\
The numbers are of XLA's compiler for the CPU, from its own buffer assignment, for one device. A TPU's compiler makes
other graphs of the same program: it pads the last two axes of a tensor to tiles of 8 x 128, fuses more (random bits of
dropout need not be kept), schedules for little memory, and where a program does not fit it computes values again
instead of keeping them. So these rows say what each part costs and what the gather saves, not where a TPU stops."""


@dataclass(frozen=True)
class Asked:
    """One graph to compile: a setting, `rows` of its length, a step of xla_step.STEPS."""

    setting: Setting
    rows: int
    step: str
    masked: int


@dataclass(frozen=True)
class Needed:
    """Bytes of one device. `logits`: the most that stands at once as wide as the vocabulary; of `temporaries`, but for
    what finds room in an output that is not there yet.
    """

    weights: int
    gradients: int
    optimizer: int
    batch: int
    temporaries: int
    logits: int
    peak: dict[str, int]  # of what is made, at the fullest moment, by kind and shape

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.batch + self.temporaries


def analysed(asked: Asked) -> Needed:
    """Compile in a process of its own, whose memory is free again after it. Raises RuntimeError when it fails."""
    with tempfile.TemporaryDirectory(prefix="xla-memory-") as folder:
        from fairseq_hebrew.xla.memory import flags

        environment = {**os.environ, "PJRT_DEVICE": "CPU", "XLA_FLAGS": flags(Path(folder))}
        command = measure.python("benchmarks.xla_memory", "--one", json.dumps(dataclasses.asdict(asked)), folder)
        done = subprocess.run(command, cwd=measure.ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{asked}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return Needed(**json.loads(done.stdout.splitlines()[-1]))


def one(asked: Asked, folder: Path) -> Needed:
    """In this process, which has XLA write its reports to the folder."""
    from fairseq_hebrew.xla.memory import last_report

    weights = compile_step(asked.setting, asked.rows, asked.step, asked.masked)
    report = last_report(folder)
    each = report.taken(weights, 4) // 4
    return Needed(
        weights=each,
        gradients=each,
        optimizer=2 * each,
        batch=sum(size for _, size in report.parameters) - 4 * each + report.rest,
        temporaries=report.temporaries,
        logits=report.most_with_axis(asked.setting.vocab_size, weights),
        peak={f"{kind}{list(shape)}": size for (kind, shape), size in report.at_peak().most_common(8)},
    )


def largest(ask: Callable[[int], Needed], rows: int, limit: int) -> tuple[int, int, int]:
    """(the most rows that fit the limit, bytes at them, bytes at one more), each compiled; (0, 0, bytes of one row)
    where none fits.

    The line through `rows` and half of them says where to look; then the line through the nearest on either side of the
    limit and the middle between them take turns, until one number fits and the next does not.
    """
    known = {count: ask(count).total for count in (max(rows // 2, 1), max(rows, 2))}
    while True:
        fits = max((count for count, size in known.items() if size <= limit), default=0)
        beyond = min((count for count, size in known.items() if size > limit), default=None)
        if beyond == fits + 1:
            return fits, known.get(fits, 0), known[beyond]
        few, many = sorted(known)[-2:] if beyond is None else (fits, beyond) if fits else sorted(known)[:2]
        guess = many + (limit - known[many]) * (many - few) // max(known[many] - known[few], 1)
        if beyond is not None and len(known) % 2:
            guess = (fits + beyond) // 2
        guess = max(guess, fits + 1) if beyond is None else min(max(guess, fits + 1), beyond - 1)
        known[guess] = ask(guess).total


def main(given: list[str] | None = None) -> None:
    asked = arguments(given)
    if asked.one:
        told = json.loads(asked.one[0])
        made = one(Asked(**{**told, "setting": Setting(**told["setting"])}), Path(asked.one[1]))
        print(json.dumps(dataclasses.asdict(made)))
        return
    print(
        f"{asked.vocab_size:,} entries, rows of {asked.length} tokens, {asked.masked} of them predicted, fp32, "
        f"dropout {asked.dropout:g}; GB are 10^9 bytes, a device has {asked.limit / GB:.2f}\n\n{NOTE}\n"
    )
    rows = []
    for size in asked.sizes:
        for recomputed in asked.recomputed:
            for step in asked.steps:
                rows.append(row(asked, size, recomputed == "yes", step))
                print("  " + " | ".join(rows[-1]), file=sys.stderr, flush=True)
    print(measure.table(HEAD, rows))


HEAD = (
    "model", "activations computed again", "projected", "rows", "weights", "gradients", "optimizer",
    "temporaries", "of them logits", "in all, GB", "most rows that fit", "GB at these", "GB at one more",
)  # fmt: skip


def row(asked: argparse.Namespace, size: str, recomputed: bool, step: str) -> tuple[str, ...]:
    layers, width = MODELS["hallelubert"].family.sizes[size]
    options = {"checkpoint_activations": True} if recomputed else {}
    setting = Setting(
        "hallelubert", asked.layers or layers, asked.width or width, asked.vocab_size, asked.length, asked.dropout,
        options=options,
    )  # fmt: skip
    known: dict[int, Needed] = {}

    def ask(rows: int) -> Needed:
        if rows not in known:
            known[rows] = analysed(Asked(setting, rows, step, asked.masked))
            told = ", ".join(f"{name} {size / GB:.2f}" for name, size in known[rows].peak.items())
            print(
                f"  {size}, {step}, {rows} rows: {known[rows].total / GB:.2f} GB; {told}", file=sys.stderr, flush=True
            )
        return known[rows]

    published = asked.rows or PUBLISHED[size]
    found = ask(published)
    most, at_most, beyond = largest(ask, published, asked.limit)
    bytes_of = (
        *(found.weights, found.gradients, found.optimizer, found.temporaries, found.logits),
        found.total,
    )
    return (
        *(size, "yes" if recomputed else "no", STEPS[step].what, str(published)),
        *(f"{size / GB:.2f}" for size in bytes_of),
        *(str(most), f"{at_most / GB:.2f}", f"{beyond / GB:.2f}"),
    )


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.xla_memory", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="what is projected")
    parser.add_argument("--recomputed", nargs="+", choices=("no", "yes"), default=["no", "yes"])
    parser.add_argument("--rows", type=int, help="of a device's batch, instead of the published")
    parser.add_argument("--limit", type=int, default=LIMIT, help="bytes of a device")
    parser.add_argument("--vocab-size", type=int, default=52_009)
    parser.add_argument("--length", type=int, default=512, help="tokens of a row")
    parser.add_argument("--masked", type=int, default=MASKED, help="positions predicted of a row")
    parser.add_argument("--dropout", type=float, default=PUBLISHED_DROPOUT)
    parser.add_argument("--layers", type=int, help="of every model, instead of its own")
    parser.add_argument("--width", type=int, help="of every model, instead of its own; a multiple of 64")
    parser.add_argument("--one", nargs=2, metavar=("JSON", "FOLDER"), help=argparse.SUPPRESS)
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
