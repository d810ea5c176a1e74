"""Scores of labelled texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .percent import percent

FIELDS = {"text": str, "gold": str, "predicted": str, "labels": dict}

EXAMPLE = ("text", "gold", "labels")


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
    for name in ("gold", "predicted"):
        if record[name] not in record["labels"]:
            return f"{name} {record[name]!r} is none of the labels {', '.join(record['labels'])}"
    return None


def score(records: Sequence[dict]) -> dict:
    """Macro F1 over all labels of the task, accuracy, and F1 by label, in percent (scikit-learn)."""
    from sklearn.metrics import accuracy_score, f1_score

    labels = records[0]["labels"]
    gold = [record["gold"] for record in records]
    predicted = [record["predicted"] for record in records]
    by_label = f1_score(gold, predicted, labels=list(labels), average=None, zero_division=0)
    return {
        "scorer": "scikit-learn, macro over all labels",
        "macro_f1": percent(by_label.mean()),
        "accuracy": percent(accuracy_score(gold, predicted)),
        "texts": len(records),
        "by_label": {
            name: {"f1": percent(value), "texts": gold.count(label)}
            for (label, name), value in zip(labels.items(), by_label)
        },
    }


def counts(record: dict) -> list[int]:
    """For each label whether it was right, predicted and gold: (labels x 3) numbers in a row."""
    gold, predicted = record["gold"], record["predicted"]
    return [
        int(found)
        for label in record["labels"]
        for found in (label == gold == predicted, label == predicted, label == gold)
    ]


def metrics(totals: np.ndarray) -> dict[str, np.ndarray]:
    """Macro F1 over all labels and accuracy, in percent (...), of summed counts (..., labels x 3)."""
    right, predicted, gold = np.moveaxis(totals.reshape(*totals.shape[:-1], -1, 3), -1, 0)
    by_label = 200.0 * right / np.maximum(predicted + gold, 1)
    return {"macro_f1": by_label.mean(-1), "accuracy": 100.0 * right.sum(-1) / np.maximum(gold.sum(-1), 1)}
