"""Scores of labelled texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.text.agreement import matthews

from .percent import percent

FIELDS = {"text": str, "gold": str, "predicted": str, "labels": dict}

EXAMPLE = ("text", "pair", "gold", "labels")


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
    for name in ("gold", "predicted"):
        if record[name] not in record["labels"]:
            return f"{name} {record[name]!r} is none of the labels {', '.join(record['labels'])}"
    return None


def kept(record: dict) -> dict:
    """What `score` reads of a record."""
    return {name: record[name] for name in ("gold", "predicted")}


def score(records: Sequence[dict]) -> dict:
    """Macro and micro F1 over all labels of the task, accuracy, Matthews' correlation, precision, recall and F1 by
    label, in percent, and the confusion matrix: a row a gold label, a column a predicted one (scikit-learn).

    Of tasks with one label a text micro F1 is the accuracy; both names are in use.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, matthews_corrcoef, precision_recall_fscore_support

    labels = records[0]["labels"]
    gold = [record["gold"] for record in records]
    predicted = [record["predicted"] for record in records]
    by_label = precision_recall_fscore_support(gold, predicted, labels=list(labels), average=None, zero_division=0)
    accuracy = percent(accuracy_score(gold, predicted))
    rows = zip(labels.items(), *by_label)
    return {
        "scorer": "scikit-learn, macro over all labels",
        "macro_f1": percent(by_label[2].mean()),
        "micro_f1": accuracy,
        "accuracy": accuracy,
        "mcc": percent(matthews_corrcoef(gold, predicted)),
        "texts": len(records),
        "by_label": {
            name: {"f1": percent(f1), "precision": percent(precision), "recall": percent(recall), "texts": int(texts)}
            for (_, name), precision, recall, f1, texts in rows
        },
        "confusion": {
            "labels": list(labels.values()),
            "rows": confusion_matrix(gold, predicted, labels=list(labels)).tolist(),
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
    """Macro F1 over all labels, accuracy and Matthews' correlation, in percent (...), of counts (..., labels x 3)."""
    right, predicted, gold = np.moveaxis(totals.reshape(*totals.shape[:-1], -1, 3), -1, 0)
    by_label = 200.0 * right / np.maximum(predicted + gold, 1)
    return {
        "macro_f1": by_label.mean(-1),
        "accuracy": 100.0 * right.sum(-1) / np.maximum(gold.sum(-1), 1),
        "mcc": matthews(right, predicted, gold),
    }
