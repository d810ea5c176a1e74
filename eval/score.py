"""`score`: judge a file of predictions, without any model.

NER by seqeval (strict mode: an entity counts when its words and type are all right and its tags well formed), texts
by scikit-learn (macro F1 over the labels of the task, accuracy).
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at, parser, run_command
from fairseq_hebrew.stage.output import write_text

# kind: the fields of a record and their types
FIELDS = {
    "token_classification": {"words": list, "gold": list, "predicted": list, "scheme": str},
    "sequence_classification": {"text": str, "gold": str, "predicted": str, "labels": dict},
}
TAGS = {"bioes": re.compile(r"O|[BIES]-.+"), "bio": re.compile(r"O|[BI]-.+")}
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
    if kind not in FIELDS:
        return f"kind {kind!r} is none of {', '.join(FIELDS)}"
    for name, wanted in FIELDS[kind].items():
        if not isinstance(record.get(name), wanted):
            return f"the field {name!r} is missing or no {wanted.__name__}"
    if kind == "sequence_classification":
        for name in ("gold", "predicted"):
            if record[name] not in record["labels"]:
                return f"{name} {record[name]!r} is none of the labels {', '.join(record['labels'])}"
        return None
    if record["scheme"] not in TAGS:
        return f"scheme {record['scheme']!r} is none of {', '.join(TAGS)}"
    if not len(record["words"]) == len(record["gold"]) == len(record["predicted"]):
        return "words, gold and predicted differ in length"
    tag = TAGS[record["scheme"]]
    for name in ("gold", "predicted"):
        for value in record[name]:
            if not isinstance(value, str) or not tag.fullmatch(value):
                return f"{name} tag {value!r} is not of the scheme {record['scheme']}"
    return None


def score_tags(records: Sequence[dict]) -> dict:
    """Micro precision, recall and F1 over exact entities, and F1 by type, in percent (seqeval, strict mode)."""
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2, IOBES

    scheme = {"bioes": IOBES, "bio": IOB2}[records[0]["scheme"]]
    gold = [record["gold"] for record in records]
    predicted = [record["predicted"] for record in records]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # types that are never predicted: their precision is 0, and said so
        report = classification_report(gold, predicted, mode="strict", scheme=scheme, output_dict=True, zero_division=0)
    micro = report.pop("micro avg")
    for average in ("macro avg", "weighted avg"):
        report.pop(average, None)
    return {
        "scorer": f"seqeval strict, {scheme.__name__}",
        "f1": _percent(micro["f1-score"]),
        "precision": _percent(micro["precision"]),
        "recall": _percent(micro["recall"]),
        "mentions": int(micro["support"]),
        "sentences": len(records),
        "by_type": {
            name: {"f1": _percent(row["f1-score"]), "mentions": int(row["support"])} for name, row in report.items()
        },
    }


def score_texts(records: Sequence[dict]) -> dict:
    """Macro F1 over all labels of the task, accuracy, and F1 by label, in percent (scikit-learn)."""
    from sklearn.metrics import accuracy_score, f1_score

    labels = records[0]["labels"]
    gold = [record["gold"] for record in records]
    predicted = [record["predicted"] for record in records]
    by_label = f1_score(gold, predicted, labels=list(labels), average=None, zero_division=0)
    return {
        "scorer": "scikit-learn, macro over all labels",
        "macro_f1": _percent(by_label.mean()),
        "accuracy": _percent(accuracy_score(gold, predicted)),
        "texts": len(records),
        "by_label": {
            name: {"f1": _percent(value), "texts": gold.count(label)}
            for (label, name), value in zip(labels.items(), by_label)
        },
    }


SCORERS = {"token_classification": score_tags, "sequence_classification": score_texts}


def _percent(share: float) -> float:
    return round(100 * float(share), 2)


def score(path: Path) -> dict:
    """The scores of a file of predictions, with the task and the scorer's name."""
    records = read_predictions(path)
    kind = records[0]["kind"]
    return {"task": records[0].get("task", ""), "kind": kind, **SCORERS[kind](records)}


def table(scores: dict) -> str:
    """The scores as lines a person reads."""
    lines = [f"task       {scores['task']} ({scores['kind']}), {scores['scorer']}"]
    for name, value in scores.items():
        if isinstance(value, int | float):
            lines.append(f"{name:<10} {value:>8}")
    for name, row in {**scores.get("by_type", {}), **scores.get("by_label", {})}.items():
        count = row.get("mentions", row.get("texts"))
        lines.append(f"  {name:<12} F1 {row['f1']:>6.2f}   of {count}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew score", "Score a file of predictions written by `fairseq-hebrew predict`.")
    options.add_argument("predictions", type=Path, help="JSON lines written by predict")
    options.add_argument("--output", type=Path, help="write the scores as JSON too")
    parsed = options.parse_args(arguments)

    def work() -> None:
        scores = score(parsed.predictions)
        if parsed.output:
            write_text(
                parsed.output, json.dumps(scores, ensure_ascii=False, indent=1) + "\n", inputs=[parsed.predictions]
            )
        print(table(scores))

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
