"""`compare`: the predictions of two models on one test set, each metric with its interval, and whether they differ.

The intervals tell of the test set: what other examples of its kind would have given. They tell nothing of other seeds
of the training than those whose predictions are given.
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


def compare(
    first: Sequence[Path], second: Sequence[Path], resamples: int = 10_000, confidence: float = 0.95, seed: int = 1
) -> dict:
    """Each metric of two models, percent: value and interval of both, of their difference (first less second), and p.

    A model has a file, or one for each seed of its training; its metric is then the mean over them. All are judged on
    the same resamples, and the answers of all seeds to an example are exchanged together. Raises UserError, naming the
    first line, where the examples of the files are not the same in the same order, and where one model has more files.
    """
    if len(first) != len(second):
        raise UserError(
            f"{len(first)} files of one model and {len(second)} of the other; give as many seeds of both, since their "
            "answers are exchanged"
        )
    sides = [[read_predictions(path) for path in side] for side in (first, second)]
    records = sides[0][0]
    kind = records[0]["kind"]
    judge = KINDS[kind]
    for path, others in [*zip([*first, *second], [*sides[0], *sides[1]])][1:]:
        _require_same(first[0], records, path, others, judge.EXAMPLE)
    # (2, seeds, examples, numbers) -> a row an example, for each model the numbers of all its seeds.
    counts = np.array([[[judge.counts(record) for record in one] for one in side] for side in sides])
    seeds, width = counts.shape[1], counts.shape[3]
    rows = counts.transpose(0, 2, 1, 3).reshape(2, len(records), seeds * width)

    def by_seed(totals: np.ndarray) -> dict[str, np.ndarray]:
        """Metrics (..., seeds) of totals (..., seeds * width)."""
        return judge.metrics(totals.reshape(*totals.shape[:-1], seeds, width))

    def means(totals: np.ndarray) -> dict[str, np.ndarray]:
        return {name: values.mean(-1) for name, values in by_seed(totals).items()}

    observed = [by_seed(one.sum(0)) for one in rows]
    drawn = bootstrap_totals(np.concatenate(list(rows), axis=1), resamples, seed)
    resampled = [means(drawn[:, : seeds * width]), means(drawn[:, seeds * width :])]
    exchanged = [means(totals) for totals in swapped_totals(*rows, resamples, seed)]
    names = [name for name in observed[0] if name in observed[1]]
    if not names:
        raise UserError(f"{second[0]}: no measure is told by both models; predict rankings again with --top 10 or more")
    found = {}
    for name in names:
        difference = float(observed[0][name].mean() - observed[1][name].mean())
        found[name] = {
            "first": _model(observed[0][name], resampled[0][name], confidence),
            "second": _model(observed[1][name], resampled[1][name], confidence),
            "difference": {
                **_estimate(difference, resampled[0][name] - resampled[1][name], confidence),
                "p": p_value(difference, exchanged[0][name] - exchanged[1][name]),
            },
        }
    pairs = [zip(*its) for its in zip(*sides)]
    return {
        "task": records[0].get("task", ""),
        "kind": kind,
        "first": [str(path) for path in first],
        "second": [str(path) for path in second],
        "examples": len(records),
        "answered_differently": sum(any(_answer(a) != _answer(b) for a, b in answers) for answers in zip(*pairs)),
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


def _model(by_seed: np.ndarray, resampled: np.ndarray, confidence: float) -> dict:
    """The estimate of the mean over seeds; of several also how far these lie from one another (n - 1)."""
    told = _estimate(float(by_seed.mean()), resampled, confidence)
    return told if len(by_seed) == 1 else {**told, "deviation": round(float(by_seed.std(ddof=1)), 2)}


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
        f"first      {', '.join(found['first'])}",
        f"second     {', '.join(found['second'])}",
        f"{'':<22}value   {percent} interval ({found['resamples']:,} resamples)",
    ]
    for name, rows in found["metrics"].items():
        for which in ("first", "second", "difference"):
            row = rows[which]
            told = f"   p = {row['p']:.4f}" if which == "difference" else ""
            told += f"   seeds ± {row['deviation']:.2f}" if "deviation" in row else ""
            lines.append(f"{name:<10} {which:<10} {row['value']:>6.2f}   {row['low']:.2f} to {row['high']:.2f}{told}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew compare", "Compare the predictions of two models on the same test set.")
    options.add_argument(
        "predictions",
        type=Path,
        nargs="+",
        help="JSON lines written by predict: one file of each model; or, with --against, one of each seed of the first",
    )
    options.add_argument("--against", type=Path, nargs="+", help="those of the second model, where each has several")
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

    if parsed.against is None and len(parsed.predictions) != 2:
        options.error("two files, FIRST SECOND; or the files of each seed: FIRST... --against SECOND...")
    first, second = (parsed.predictions, parsed.against) if parsed.against else ([path] for path in parsed.predictions)

    def work() -> None:
        found = compare(first, second, parsed.resamples, parsed.confidence, parsed.seed)
        if parsed.output:
            inputs = [*first, *second]
            write_text(parsed.output, json.dumps(found, ensure_ascii=False, indent=1) + "\n", inputs=inputs)
        print(table(found))

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
