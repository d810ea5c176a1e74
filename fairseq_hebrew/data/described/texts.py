"""The description of labelled texts, such as sentiment."""

from __future__ import annotations

from dataclasses import dataclass

from .base import LabelledDescription


@dataclass(frozen=True, kw_only=True)
class SequenceClassification(LabelledDescription):
    """The columns of its files are named by the description."""

    KIND = "sequence_classification"
    METRICS = ("macro_f1", "accuracy")

    text_column: str = "text"
    label_column: str = "label"
