"""Scores of tagged words. The first is seqeval's strict one: an entity counts when its words and type are all right and
its tags well formed. Beside it stand, each by its name, conlleval's and NEMO's, and the share of the words with the
right tag.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.text.spans import READERS

from .chunks import conll_chunks, nemo_mentions, score_mentions
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


def kept(record: dict) -> dict:
    """What `score` reads of a record."""
    return {name: record[name] for name in ("words", "gold", "predicted")}


def score(records: Sequence[dict]) -> dict:
    """Micro precision, recall and F1, and F1 by type, in percent: seqeval's strict mode, then the others by name."""
    scheme = records[0]["scheme"]
    pairs = [(record["gold"], record["predicted"]) for record in records]
    words = sum(len(gold) for gold, _ in pairs)
    right = sum(tag == other for gold, predicted in pairs for tag, other in zip(gold, predicted))
    return {
        **_strict(records, scheme),
        "sentences": len(records),
        "words": words,
        "token_accuracy": percent(right / words if words else 0),
        "others": {
            "conlleval": score_mentions((conll_chunks(gold), conll_chunks(predicted)) for gold, predicted in pairs),
            "nemo mentions": score_mentions(
                tuple(nemo_mentions(record["words"], record[name], scheme) for name in ("gold", "predicted"))
                for record in records
            ),
        },
    }


def _strict(records: Sequence[dict], scheme: str) -> dict:
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2, IOBES

    rules = {"bioes": IOBES, "bio": IOB2}[scheme]
    gold = [record["gold"] for record in records]
    predicted = [record["predicted"] for record in records]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # types that are never predicted: their precision is 0, and said so
        report = classification_report(gold, predicted, mode="strict", scheme=rules, output_dict=True, zero_division=0)
    micro = report.pop("micro avg")
    for average in ("macro avg", "weighted avg"):
        report.pop(average, None)
    return {
        "scorer": f"seqeval strict, {rules.__name__}",
        "f1": percent(micro["f1-score"]),
        "precision": percent(micro["precision"]),
        "recall": percent(micro["recall"]),
        "mentions": int(micro["support"]),
        "by_type": {name: _row(row) for name, row in report.items()},
    }


def _row(row: dict) -> dict:
    return {
        "f1": percent(row["f1-score"]),
        "precision": percent(row["precision"]),
        "recall": percent(row["recall"]),
        "mentions": int(row["support"]),
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
