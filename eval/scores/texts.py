"""Scores of labelled texts."""

from __future__ import annotations

from collections.abc import Sequence

from .percent import percent

FIELDS = {"text": str, "gold": str, "predicted": str, "labels": dict}


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
    for name in ("gold", "predicted"):
        if record[name] not in record["labels"]:
            return f"{name} {record[name]!r} is none of the labels {', '.join(record['labels'])}"
    return None


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
