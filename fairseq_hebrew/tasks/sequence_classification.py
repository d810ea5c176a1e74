"""Fine-tuning on labelled texts, one or two at a time, such as sentiment and inference."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from fairseq.tasks import register_task
from torch import Tensor

from fairseq_hebrew.data.described.texts import BALANCED, SequenceClassification
from fairseq_hebrew.data.examples import LabelledText
from fairseq_hebrew.data.labelled import TextSamples
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask, f1
from fairseq_hebrew.text.agreement import matthews

ROLES = ("correct", "predicted", "gold")


@register_task("sequence_classification", dataclass=LabelledConfig)
class SequenceClassificationTask(LabelledTask):
    """A label a text, read at `<s>`."""

    kind = "sequence_classification"
    head_kind = "sequence"
    sample_maker = TextSamples
    description: SequenceClassification
    weights: Tensor | None = None  # (C,) fp32, of the training split's labels

    def prepare_examples(self, split: str, examples: Sequence[LabelledText]) -> None:
        """Of the training split: what each label counts for."""
        if split == self.training_split and self.description.class_weights:
            self.weights = torch.tensor(class_weights(self.description, examples))

    def loss(self, model, logits, sample: dict) -> tuple:
        """LabelledTask's; in training each text counts for what `class_weights` says of its label."""
        if self.weights is None or not model.training:
            return super().loss(model, logits, sample)
        self.weights = self.weights.to(logits.device)
        loss = F.cross_entropy(logits.float(), sample["target"], weight=self.weights, reduction="sum")
        return loss, logits.argmax(dim=-1)

    def counts(self, sample: dict, predicted) -> dict[str, int]:
        """For each class how often it was right, predicted and gold."""
        target = sample["target"]
        counted = {}
        for i in range(len(self.description.classes)):
            guessed, gold = predicted.eq(i) & target.ge(0), target.eq(i)
            for role, mask in zip(ROLES, (guessed & gold, guessed, gold)):
                counted[f"{role}_{i}"] = int(mask.sum())
        return counted

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        """Macro and micro F1 and Matthews' correlation as scikit-learn counts them over the description's labels."""
        classes = range(len(self.description.classes))
        by_role = [np.array([totals[f"{role}_{i}"] for i in classes]) for role in ROLES]
        return {
            "macro_f1": sum(f1(*counts) for counts in zip(*by_role)) / len(classes),
            "micro_f1": f1(*(counts.sum() for counts in by_role)),
            "mcc": float(matthews(*by_role)),
        }


def class_weights(description: SequenceClassification, examples: Sequence[LabelledText]) -> list[float]:
    """The weight of each class; raises UserError for a label that has no text to be balanced by."""
    if description.class_weights != BALANCED:
        return [float(description.class_weights[label]) for label in description.classes]
    counted = Counter(example.label for example in examples)
    for label in description.classes:
        if not counted[label]:
            raise UserError(
                f"{description.where}: class_weights: {BALANCED}, but no training text has the label {label!r}; "
                "give a number for each label, or leave it out of `labels:`"
            )
    return [len(examples) / (len(description.classes) * counted[label]) for label in description.classes]
