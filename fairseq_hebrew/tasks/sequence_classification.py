"""Fine-tuning on labelled texts, such as sentiment: macro F1 over the labels."""

from fairseq.tasks import register_task

from fairseq_hebrew.data.labelled import TextSamples
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask, f1

ROLES = ("correct", "predicted", "gold")


@register_task("sequence_classification", dataclass=LabelledConfig)
class SequenceClassificationTask(LabelledTask):
    """A label a text, read at `<s>`."""

    kind = "sequence_classification"
    head_kind = "sequence"
    sample_maker = TextSamples

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
        """Macro F1 as scikit-learn counts it over the labels of the description."""
        classes = range(len(self.description.classes))
        return {"macro_f1": sum(f1(*(totals[f"{role}_{i}"] for role in ROLES)) for i in classes) / len(classes)}
