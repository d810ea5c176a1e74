"""`compare`: two files of predictions of one test set, each metric with its interval, and whether they differ.

The intervals tell of the test set: what other examples of its kind would have given. They tell nothing of other seeds
of the training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError, at, parser, run_command
from fairseq_hebrew.stage.output import write_text

from .score import read_predictions
from .scores import KINDS
from .significance import bootstrap_totals, interval, p_value, swapped_totals


def compare(first: Path, second: Path, resamples: int = 10_000, confidence: float = 0.95, seed: int = 1) -> dict:
    """Each metric of two files, percent: value and interval of both, of their difference (first less second), and p.

    Raises UserError, naming the first line, where the examples of the files are not the same in the same order.
    """
    records, others = read_predictions(first), read_predictions(second)
    kind = records[0]["kind"]
    judge = KINDS[kind]
    if not hasattr(judge, "counts"):
        known = ", ".join(name for name, module in KINDS.items() if hasattr(module, "counts"))
        raise UserError(f"{first}: predictions of {kind} are not compared yet; compared are {known}")
    _require_same(first, records, second, others, judge.EXAMPLE)
    counts = np.array([[judge.counts(record) for record in one] for one in (records, others)])
    width = counts.shape[2]
    observed = [{name: float(value) for name, value in judge.metrics(one.sum(0)).items()} for one in counts]
    drawn = bootstrap_totals(np.concatenate(list(counts), axis=1), resamples, seed)
    resampled = [judge.metrics(drawn[:, :width]), judge.metrics(drawn[:, width:])]
    exchanged = [judge.metrics(totals) for totals in swapped_totals(*counts, resamples, seed)]
    found = {}
    for name in observed[0]:
        difference = observed[0][name] - observed[1][name]
        found[name] = {
            "first": _estimate(observed[0][name], resampled[0][name], confidence),
            "second": _estimate(observed[1][name], resampled[1][name], confidence),
            "difference": {
                **_estimate(difference, resampled[0][name] - resampled[1][name], confidence),
                "p": p_value(difference, exchanged[0][name] - exchanged[1][name]),
            },
        }
    return {
        "task": records[0].get("task", ""),
        "kind": kind,
        "first": str(first),
        "second": str(second),
        "examples": len(records),
        "answered_differently": sum(_answer(a) != _answer(b) for a, b in zip(records, others)),
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
        "interval": "bootstrap over examples, percentile",
        "test": "paired approximate randomization, two-sided",
        "metrics": found,
    }


def _answer(record: dict) -> object:
    """What was answered: a label or tags, or which passages in which order."""
    return [item["id"] for item in record["ranking"]] if "ranking" in record else record.get("predicted")


def _estimate(value: float, resampled: np.ndarray, confidence: float) -> dict:
    low, high = interval(resampled, confidence)
    return {"value": round(value, 2), "low": round(low, 2), "high": round(high, 2)}


def _require_same(first: Path, records: list, second: Path, others: list, fields: Sequence[str]) -> None:
    for name in ("kind", "scheme", "labels"):
        if records[0].get(name) != others[0].get(name):
            raise at(second, 1, f"another {name} than in {first}", "give predictions of the same test set")
    for number, (record, other) in enumerate(zip(records, others), start=1):
        for name in fields:
            if record.get(name) != other.get(name):
                problem = f"another example than on line {number} of {first} ({name} differs)"
                raise at(second, number, problem, "give predictions of the same test set, in its order")
    if len(records) != len(others):
        short, long = (first, second) if len(records) < len(others) else (second, first)
        number = min(len(records), len(others)) + 1
        raise at(long, number, f"has no partner: {short} ends before it", "give predictions of the same test set")


def table(found: dict) -> str:
    """The figures as lines a person reads."""
    percent = f"{100 * found['confidence']:g} %"
    lines = [
        f"task       {found['task']} ({found['kind']}), {found['examples']} examples, "
        f"{found['answered_differently']} answered differently",
        f"first      {found['first']}",
        f"second     {found['second']}",
        f"{'':<22}value   {percent} interval ({found['resamples']:,} resamples)",
    ]
    for name, rows in found["metrics"].items():
        for which in ("first", "second", "difference"):
            row = rows[which]
            told = f"   p = {row['p']:.4f}" if which == "difference" else ""
            lines.append(f"{name:<10} {which:<10} {row['value']:>6.2f}   {row['low']:.2f} to {row['high']:.2f}{told}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew compare", "Compare two files of predictions of the same test set.")
    options.add_argument("first", type=Path, help="JSON lines written by predict")
    options.add_argument("second", type=Path, help="those of another model, of the same examples")
    options.add_argument("--output", type=Path, help="write the figures as JSON too")
    options.add_argument("--resamples", type=int, default=10_000, help="resamples of the interval and of the test")
    options.add_argument("--confidence", type=float, default=0.95, help="of the intervals, a share of 1")
    options.add_argument("--seed", type=int, default=1, help="of the resamples")
    parsed = options.parse_args(arguments)
    if parsed.resamples < 1:
        options.error("--resamples: at least 1")
    if not 0 < parsed.confidence < 1:
        options.error("--confidence: between 0 and 1")
    if parsed.seed < 0:
        options.error("--seed: at least 0")

    def work() -> None:
        found = compare(parsed.first, parsed.second, parsed.resamples, parsed.confidence, parsed.seed)
        if parsed.output:
            inputs = [parsed.first, parsed.second]
            write_text(parsed.output, json.dumps(found, ensure_ascii=False, indent=1) + "\n", inputs=inputs)
        print(table(found))

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
