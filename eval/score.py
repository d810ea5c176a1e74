"""`score`: judge a file of predictions, without any model.

NER by seqeval (strict mode: an entity counts when its words and type are all right and its tags well formed), texts
by scikit-learn (macro F1 over the labels of the task, accuracy), answers as SQuAD 2.0's evaluation (exact match, F1).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at, parser, run_command
from fairseq_hebrew.stage.options import finite
from fairseq_hebrew.stage.output import write_text

from .scores import KINDS

# What may be asked of a kind's scorer, and its option.
OPTIONS = {"threshold": "--threshold", "tune": "--tune-threshold", "particles": "--particles"}
REMEDY = "write it again with `fairseq-hebrew predict`"


def read_predictions(path: Path) -> list[dict]:
    """The records `predict` wrote; raises UserError naming the line that is no such record, or of another task."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; write it with `fairseq-hebrew predict`")
    records: list[dict] = []
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, UnicodeDecodeError):
                raise at(path, number, "not a JSON record", REMEDY) from None
            if problem := _problem(record):
                raise at(path, number, problem, REMEDY)
            for name in ("kind", "task", "scheme", "labels"):
                if records and record.get(name) != records[0].get(name):
                    raise at(path, number, f"another {name} than on the first line", "score one task at a time")
            records.append(record)
    if not records:
        raise UserError(f"{path}: no predictions in the file; {REMEDY}")
    return records


def _problem(record: object) -> str | None:
    """What is wrong with one record; None where nothing is."""
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind not in KINDS:
        return f"kind {kind!r} is none of {', '.join(KINDS)}"
    for name, wanted in KINDS[kind].FIELDS.items():
        if not isinstance(record.get(name), wanted):
            return f"the field {name!r} is missing or no {wanted.__name__}"
    return KINDS[kind].problem(record)


def score(path: Path, **asked) -> dict:
    """The scores of a file of predictions, with the task and the scorer's name.

    `asked`: what a kind's `score` takes beside the records. Raises UserError for what it does not.
    """
    records = read_predictions(path)
    kind = records[0]["kind"]
    known = inspect.signature(KINDS[kind].score).parameters
    for name in asked:
        if name not in known:
            raise UserError(f"{path}: holds predictions of {kind}; leave {OPTIONS[name]} out")
    return {"task": records[0].get("task", ""), "kind": kind, **KINDS[kind].score(records, **asked)}


def read_threshold(given: str) -> float:
    """A number, or the `null_threshold` of a file that `score --output` wrote."""
    try:
        return finite(given)
    except ValueError:
        pass
    try:
        found = json.loads(Path(given).read_text(encoding="utf-8"))["null_threshold"]
        return finite(str(found))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"--threshold {given}: no number, and no file of scores with a null_threshold; write one with "
            "`fairseq-hebrew score DEV.jsonl --tune-threshold --output DEV.json`"
        ) from None


def table(scores: dict) -> str:
    """The scores as lines a person reads."""
    lines = [f"task       {scores['task']} ({scores['kind']}), {scores['scorer']}"]
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    width = max(10, *map(len, numbers))
    lines += [f"{name:<{width}} {value:>8}" for name, value in numbers.items()]
    for name, row in {**scores.get("by_type", {}), **scores.get("by_label", {})}.items():
        count = row.get("mentions", row.get("texts", row.get("questions")))
        lines.append(f"  {name:<12} F1 {row['f1']:>6.2f}   of {count}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew score", "Score a file of predictions written by `fairseq-hebrew predict`.")
    options.add_argument("predictions", type=Path, help="JSON lines written by predict")
    options.add_argument("--output", type=Path, help="write the scores as JSON too")
    options.add_argument(
        OPTIONS["threshold"],
        help="of questions: decide anew between the best answer and none, by this number or by the file of scores that "
        "--tune-threshold wrote",
    )
    options.add_argument(
        OPTIONS["tune"],
        action="store_true",
        help="of questions: find the threshold with the best F1 on these, and write it into --output",
    )
    options.add_argument(
        OPTIONS["particles"],
        action="store_true",
        help="of questions: compare words also without the one-letter particles before them",
    )
    parsed = options.parse_args(arguments)
    if parsed.tune_threshold and parsed.threshold is not None:
        options.error("--tune-threshold finds what --threshold gives; leave one of them out")

    def work() -> None:
        asked = {
            "threshold": None if parsed.threshold is None else read_threshold(parsed.threshold),
            "tune": parsed.tune_threshold or None,
            "particles": parsed.particles or None,
        }
        scores = score(parsed.predictions, **{name: value for name, value in asked.items() if value is not None})
        if parsed.output:
            write_text(
                parsed.output, json.dumps(scores, ensure_ascii=False, indent=1) + "\n", inputs=[parsed.predictions]
            )
        print(table(scores))

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
