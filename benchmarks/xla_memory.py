"""What of a TPU's 32 GB the published batches fill, and what the plugin lets in: `make bench-xla-memory`.

The bytes are those of XLA's buffer assignment, of its compiler for the CPU: a TPU's pads and fuses otherwise, and
recomputes of its own accord what does not fit. Weights and optimizer state are exact.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable

from .xla_step import Memory, Step, analyse

GB = 10**9
ROOM = 32 * GB  # of a chip of TPUv4
# (layers, width, a chip's batch): HalleluBERT's, 64 x 2 x 64 and 32 x 4 x 64 for the published 8,192.
PUBLISHED = {"base": (12, 768, 64), "large": (24, 1024, 32)}
WAYS = {
    "all positions projected (stock --tpu)": {"predicted": 0, "chunked": False},
    "77 of 512 gathered": {"chunked": False},
    "gathered, cross-entropy in chunks (the plugin)": {},
    "the same, --checkpoint-activations": {"checkpoint": True},
}
HEAD = ("way", "weights", "Adam", "logits", "all that lives in the step", "total", "of 32 GB", "largest batch in 32 GB")


def largest(step: Step, at_rows: Memory, analysed: Callable[[Step], Memory]) -> int:
    """The most rows that fit, from a line through two batches, checked by compiling that one; 0 where none does."""
    half = dataclasses.replace(step, rows=max(1, step.rows // 2))
    at_half = analysed(half)
    a_row = (at_rows.temporary - at_half.temporary) / (step.rows - half.rows)
    rows = int((ROOM - at_half.total) / a_row + half.rows)
    while rows > 0 and analysed(dataclasses.replace(step, rows=rows)).total > ROOM:
        rows -= max(1, rows // 50)
    return max(rows, 0)


def row(name: str, step: Step, analysed: Callable[[Step], Memory] = analyse) -> list[str]:
    memory = analysed(step)
    sizes = (memory.weights, memory.optimizer, memory.logits, memory.temporary, memory.total)
    told = [f"{size / GB:.2f} GB" for size in sizes]
    return [name, *told, f"{100 * memory.total / ROOM:.0f} %", str(largest(step, memory, analysed))]


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.xla_memory", description=__doc__)
    options.add_argument("--sizes", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    for size in options.parse_args().sizes:
        layers, width, rows = PUBLISHED[size]
        print(f"\nHalleluBERT {size}, {layers} x {width}, {rows} sequences of 512 tokens a chip, 52,009 tokens, fp32\n")
        print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
        for name, choices in WAYS.items():
            print("| " + " | ".join(row(name, Step(layers, width, rows, **choices))) + " |", flush=True)


if __name__ == "__main__":
    main()
