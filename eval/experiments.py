"""The table of runs that differ in one thing each, from the files that train_scripts/experiments.sh left.

A run stands in RUNS/VARIANT/SEED: validation.json with `own` and `common`, the validation losses in bits a masked
token, under the variant's own masks and under those that all variants share; nemo/scores.json with `f1`; and, for all
seeds, RUNS/VARIANT/variant.json with its `title` and the `bytes_per_token` of its tokenizer on the validation text.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at, parser, run_command
from fairseq_hebrew.stage.output import write_text

HEAD = (
    "variant", "seeds", "updates", "own loss, bits a masked token", "common loss", "common loss, bits a byte", "NEMO F1"
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """The results of one setting, a number a seed in every list; missing results are left out."""

    title: str
    updates: int
    own: list[float]
    common: list[float]
    per_byte: list[float]
    f1: list[float]

    def row(self) -> list[str]:
        figures = (spread(self.own, 3), spread(self.common, 3), spread(self.per_byte, 3), spread(self.f1, 2))
        return [self.title, str(len(self.common)), str(self.updates), *figures]


def spread(values: Sequence[float], digits: int) -> str:
    """Mean and, from two values on, the standard deviation of the sample (n - 1): "10.512 ± 0.031"."""
    if not values:
        return "not run"
    mean = f"{statistics.fmean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def read_variants(runs: Path) -> list[Variant]:
    """The variants of a folder in the order of their names; raises UserError where there is none or a file is damaged.

    A masked-LM loss is no likelihood of the text; times the tokens a byte of text makes it is still the one figure
    that compares tokenizers (a tokenizer with longer pieces predicts fewer and harder ones).
    """
    found = [_read_variant(path.parent) for path in sorted(runs.glob("*/variant.json"))]
    if not found:
        raise UserError(f"{runs}: no variant.json in any folder here; give the folder runs of experiments.sh")
    return found


def _read_variant(folder: Path) -> Variant:
    about = _read(folder / "variant.json", ("title", "updates", "bytes_per_token"))
    losses = [
        _read(path, ("own", "common")) for path in sorted(folder.glob("*/validation.json"), key=lambda p: p.parent.name)
    ]
    scores = [_read(path, ("f1",)) for path in sorted(folder.glob("*/nemo/scores.json"))]
    return Variant(
        about["title"],
        int(about["updates"]),
        [loss["own"] for loss in losses],
        [loss["common"] for loss in losses],
        [loss["common"] / about["bytes_per_token"] for loss in losses],
        [score["f1"] for score in scores],
    )


def _read(path: Path, wanted: tuple[str, ...]) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: found[name] for name in wanted}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise at(path, None, f"does not tell {', '.join(wanted)}", "remove it and run its step again") from error


def table(variants: Sequence[Variant]) -> str:
    """Markdown."""
    rows = [HEAD, ["---"] * len(HEAD), *(variant.row() for variant in variants)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("python -m fairseq_hebrew.eval.experiments", "The table of runs that differ in one thing each.")
    options.add_argument("runs", type=Path, help="the folder runs that train_scripts/experiments.sh made")
    options.add_argument("--output", type=Path, help="write the table here too")
    parsed = options.parse_args(arguments)

    def work() -> None:
        text = table(read_variants(parsed.runs))
        if parsed.output:
            write_text(parsed.output, text)
        print(text, end="")

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
