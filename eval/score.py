"""`score`: judge a file of predictions, without any model.

NER by seqeval (strict mode: an entity counts when its words and type are all right and its tags well formed), by
conlleval's rules and as NEMO's scorer; texts by scikit-learn (macro F1 over the labels of the task, accuracy), numbers
by scipy; answers as SQuAD 2.0's evaluation (exact match, F1); rankings by ir_measures. Several files are judged one by
one, and their mean is what is reported of a task with several splits.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at, parser, run_command
from fairseq_hebrew.stage.options import finite
from fairseq_hebrew.stage.output import write_text

from .scores import KINDS

# What may be asked of a kind's scorer, and its option.
OPTIONS = {"threshold": "--threshold", "tune": "--tune-threshold", "particles": "--particles"}
# What `predict --mark-training-texts` writes into a record, and the scores of those without it.
MARK, NEW = "in_training", "not_in_training"
# The fields that all records of a file share, where they have them.
ALIKE = ("kind", "task", "scheme", "labels", "passages", "top")
REMEDY = "write it again with `fairseq-hebrew predict`"


def read_predictions(path: Path) -> list[dict]:
    """The records `predict` wrote; raises UserError naming the line that is no such record, or of another task."""
    return list(_records(path))


def _records(path: Path) -> Iterator[dict]:
    """Those of `read_predictions`, one in memory at a time."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; write it with `fairseq-hebrew predict`")
    first = None
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):  # also of what is no UTF-8
                raise at(path, number, "not a JSON record", REMEDY) from None
            if problem := _problem(record):
                raise at(path, number, problem, REMEDY)
            first = first or record
            for name in ALIKE:
                if record.get(name) != first.get(name):
                    raise at(path, number, f"another {name} than on the first line", "score one task at a time")
                if name in first:
                    record[name] = first[name]  # one object for all
            if (MARK in record) != (MARK in first):
                raise at(path, number, f"the field {MARK!r} is not on all lines", REMEDY)
            yield record
    if first is None:
        raise UserError(f"{path}: no predictions in the file; {REMEDY}")


def _problem(record: object) -> str | None:
    """What is wrong with one record; None where nothing is."""
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        return f"kind {kind!r} is none of {', '.join(KINDS)}"
    for name, wanted in KINDS[kind].FIELDS.items():
        if not isinstance(record.get(name), wanted):
            return f"the field {name!r} is missing or no {getattr(wanted, '__name__', 'number')}"
    if MARK in record and not isinstance(record[MARK], bool):
        return f"the field {MARK!r} is no bool"
    return KINDS[kind].problem(record)


def score(path: Path, **asked) -> dict:
    """The scores of a file of predictions, with the task and the scorer's name.

    The file is read once, and of each record no more is in memory than its scores need. Of records that tell which
    texts stand in the training file, `not_in_training` holds the scores of the others.
    `asked`: what a kind's `score` takes beside the records. Raises UserError for what it does not.
    """
    records = [_kept(record) for record in _records(path)]
    kind = records[0]["kind"]
    judge = KINDS[kind].score
    known = inspect.signature(judge).parameters
    for name in asked:
        if name not in known:
            raise UserError(f"{path}: holds predictions of {kind}; leave {OPTIONS[name]} out")
    found = {"task": records[0].get("task", ""), "kind": kind, **judge(records, **asked)}
    if MARK not in records[0]:
        return found
    new = [record for record in records if not record[MARK]]
    found[MARK] = len(records) - len(new)
    if 0 < len(new) < len(records):
        if asked.pop("tune", False):
            asked["threshold"] = found["null_threshold"]  # that of all
        found[NEW] = judge(new, **asked)
    return found


def _kept(record: dict) -> dict:
    """What the scores need of a record."""
    general = {name: record[name] for name in (*ALIKE, MARK) if name in record}
    return general | KINDS[record["kind"]].kept(record)


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


def mean(each: Sequence[tuple[str, dict]]) -> dict:
    """The mean of the scores of several files, with their names: of percents, as shown, the mean; of counts the sum.

    A type or a label that not all of them have is the mean over those that do. The scores of each are kept in `each`.
    Raises UserError where the files are of different kinds of task.
    """
    (first_name, first), *rest = each
    for name, scores in rest:
        if scores["kind"] != first["kind"] or scores.get("scorer") != first.get("scorer"):
            kinds = f"{scores['kind']}, but {first_name} of {first['kind']}"
            raise UserError(
                f"{name}: the scores are of {kinds}, or by another scorer; take the mean of one kind of task"
            )
    tasks = list(dict.fromkeys(scores["task"] for _, scores in each))
    made = _mean([scores for _, scores in each])
    return {**made, "task": ", ".join(tasks), "mean_of": len(each), "each": dict(each)}


def _mean(values: Sequence) -> object:
    if isinstance(values[0], dict):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _mean([value[name] for value in values if name in value]) for name in names}
    if isinstance(values[0], float):
        return round(sum(values) / len(values), 2)
    return sum(values) if isinstance(values[0], int) else values[0]


def table(scores: dict) -> str:
    """The scores as lines a person reads."""
    of = f", mean of {scores['mean_of']} files" if "mean_of" in scores else ""
    lines = [f"task       {scores['task']} ({scores['kind']}), {scores['scorer']}{of}", *_numbers(scores)]
    for scorer, other in scores.get("others", {}).items():
        lines.append(f"{scorer}: F1 {other['f1']}, precision {other['precision']}, recall {other['recall']}")
        lines += _rows(other["by_type"])
    if NEW in scores:
        lines += [f"without the {scores[MARK]} whose text stands in the training file:", *_numbers(scores[NEW])]
    for name, its in scores.get("each", {}).items():
        metric, value = next((key, value) for key, value in its.items() if isinstance(value, float))
        lines.append(f"{name}: {metric} {value}")
    return "\n".join(lines)


def _numbers(scores: dict) -> list[str]:
    """The numbers by name, and F1 by type or label."""
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float) and name != "mean_of"}
    width = max(10, *map(len, numbers))
    lines = [f"{name:<{width}} {value:>8}" for name, value in numbers.items()]
    return lines + _rows({**scores.get("by_type", {}), **scores.get("by_label", {})})


def _rows(by_name: dict) -> list[str]:
    return [
        f"  {name:<12} F1 {row['f1']:>6.2f}   of {row.get('mentions', row.get('texts', row.get('questions')))}"
        for name, row in by_name.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew score", "Score a file of predictions written by `fairseq-hebrew predict`.")
    options.add_argument("predictions", type=Path, nargs="+", help="JSON lines written by predict")
    options.add_argument("--mean", action="store_true", help="the mean of several files, as of BMC's three splits")
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
    if len(parsed.predictions) > 1 and not parsed.mean:
        options.error("several files: add --mean for their mean, or score them one by one")
    if len({path.resolve() for path in parsed.predictions}) < len(parsed.predictions):
        options.error("--mean: a file is given twice")
    if parsed.tune_threshold and parsed.threshold is not None:
        options.error("--tune-threshold finds what --threshold gives; leave one of them out")

    def work() -> None:
        asked = {
            "threshold": None if parsed.threshold is None else read_threshold(parsed.threshold),
            "tune": parsed.tune_threshold or None,
            "particles": parsed.particles or None,
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        scores = [score(path, **asked) for path in parsed.predictions]
        found = mean([*zip(map(str, parsed.predictions), scores)]) if parsed.mean else scores[0]
        if parsed.output:
            write_text(parsed.output, json.dumps(found, ensure_ascii=False, indent=1) + "\n", inputs=parsed.predictions)
        print(table(found))

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
