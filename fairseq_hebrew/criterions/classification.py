"""The loss of a fine-tuning head, with the counts its task scores by."""

from __future__ import annotations

import math

from fairseq import metrics
from fairseq.criterions import FairseqCriterion, register_criterion

# Counts of this name are summed over batches and workers, and reduced to a score by the task.
COUNT = "_count_"


@register_criterion("classification")
class ClassificationCriterion(FairseqCriterion):
    """Loss of `model(..., head=task.head)` against `sample["target"]`: (B, C) with (B,), or (B, T, C) with (B, T), and
    what is predicted, both as `task.loss` has it: classes, or (B, C) or (B, T, C) scores of them, the best to be taken.

    Targets of -100 are ignored. In validation `task.counted` adds the numbers that the metric needs.
    """

    def forward(self, model, sample, reduce=True):
        """(loss summed over the targets, their number, logging output), as fairseq's trainer wants it."""
        logits, _ = model(**sample["net_input"], head=self.task.head)
        target = sample["target"]
        loss, predicted = self.task.loss(model, logits, sample)
        labelled = target.ge(0)
        classes = predicted if predicted.dim() == target.dim() else predicted.argmax(dim=-1)
        size = labelled.sum()
        logging_output = {
            "loss": loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["nsentences"],
            "sample_size": size.detach(),
            "correct": (classes.eq(target) & labelled).sum(),
        }
        if not model.training:
            logging_output = self.task.counted(logging_output, sample, predicted)
        return loss, logging_output["sample_size"], logging_output

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Log loss (base 2, as fairseq does) and accuracy over the labelled positions."""
        size, loss, correct = (
            sum(float(log[name]) for log in logging_outputs) for name in ("sample_size", "loss", "correct")
        )
        count = size or 1  # nothing labelled: 0 of 1; on XLA a mean over updates may be less than 1
        metrics.log_scalar("loss", loss / count / math.log(2), size, round=3)
        metrics.log_scalar("accuracy", 100.0 * correct / count, size, round=2)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True
