"""The descriptions of labelled texts, such as sentiment, and of texts with a number, such as similarity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairseq_hebrew.stage.errors import UserError

from .base import REMEDY, LabelledDescription, TaskDescription, Weights

EMPTY = ("refuse", "keep", "leave-out")
BALANCED = "balanced"


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Where the texts of a file stand: columns of a table (.tsv, .csv), keys of records (.jsonl).

    `columns` names those of a table without a header row. `pair_column` holds the second text of tasks with two, such
    as the hypothesis of NLI.
    """

    text_column: str = "text"
    label_column: str = "label"
    pair_column: str = ""
    id_column: str = ""
    columns: list[str] = field(default_factory=list)
    empty_texts: str = "refuse"

    @property
    def text_columns(self) -> list[str]:
        """The columns of the one or two texts."""
        return [self.text_column, *([self.pair_column] if self.pair_column else [])]

    @staticmethod
    def check_columns(values: Mapping, where: str) -> None:
        """Raises UserError for values of these keys that fit nothing."""
        if values.get("empty_texts", "refuse") not in EMPTY:
            raise UserError(f"{where}: empty_texts: {values['empty_texts']!r} is none of {', '.join(EMPTY)}; {REMEDY}")
        columns = values.get("columns", [])
        if len(set(map(str, columns))) < len(columns):
            raise UserError(f"{where}: columns: a name stands there twice; {REMEDY}")


@dataclass(frozen=True, kw_only=True)
class SequenceClassification(LabelledDescription, TextColumns):
    """`class_weights`: what each text counts for in the loss by its label: `balanced`, which makes all labels count
    alike (texts / (labels * texts of the label), as scikit-learn's), or a number for each label.
    """

    KIND = "sequence_classification"
    METRICS = ("macro_f1", "micro_f1", "accuracy", "mcc")

    class_weights: Weights = ""

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        super().check(values, where)
        cls.check_columns(values, where)
        weights = values.get("class_weights", "")
        if isinstance(weights, str):
            if weights not in ("", BALANCED):
                raise UserError(f"{where}: class_weights: {weights!r} is not {BALANCED}, nor a mapping; {REMEDY}")
            return
        weights = {str(label): weight for label, weight in weights.items()}
        if set(weights) != set(values["labels"]):
            raise UserError(f"{where}: class_weights: name each label once: {', '.join(values['labels'])}; {REMEDY}")
        for label, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
                raise UserError(f"{where}: class_weights: {label}: {weight!r} is no number from 0; {REMEDY}")
        values["class_weights"] = weights


@dataclass(frozen=True, kw_only=True)
class SequenceRegression(TaskDescription, TextColumns):
    """A number for a text or for two, such as how alike they are."""

    KIND = "sequence_regression"
    METRICS = ("pearson",)

    @property
    def classes(self) -> list[str]:
        """The head has one output."""
        return ["value"]

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        cls.check_columns(values, where)
