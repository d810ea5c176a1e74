"""Scores of tagged words: an entity counts when its words and type are all right and its tags well formed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.text.spans import READERS

from .percent import percent

FIELDS = {"words": list, "gold": list, "predicted": list, "scheme": str}
EXAMPLE = ("words", "gold", "scheme")
TAGS = {"bioes": re.compile(r"O|[BIES]-.+"), "bio": re.compile(r"O|[BI]-.+")}


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
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


def score(records: Sequence[dict]) -> dict:
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
        "f1": percent(micro["f1-score"]),
        "precision": percent(micro["precision"]),
        "recall": percent(micro["recall"]),
        "mentions": int(micro["support"]),
        "sentences": len(records),
        "by_type": {
            name: {"f1": percent(row["f1-score"]), "mentions": int(row["support"])} for name, row in report.items()
        },
    }


def counts(record: dict) -> list[int]:
    """Entities that are right, predicted and gold: what seqeval's strict mode counts."""
    read = READERS[record["scheme"]]
    gold, predicted = set(read(record["gold"])), set(read(record["predicted"]))
    return [len(gold & predicted), len(predicted), len(gold)]


def metrics(totals: np.ndarray) -> dict[str, np.ndarray]:
    """Micro F1 in percent (...) of summed counts (..., 3); 0 where nothing is right."""
    right, predicted, gold = np.moveaxis(totals, -1, 0)
    return {"f1": 200.0 * right / np.maximum(predicted + gold, 1)}
