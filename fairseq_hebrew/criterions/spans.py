"""Cross-entropy on where a span begins and where it ends, over the positions that are possible."""

from __future__ import annotations

import torch
from fairseq.criterions import register_criterion

from fairseq_hebrew.stage.errors import UserError

from .classification import ClassificationCriterion


@register_criterion("spans")
class SpansCriterion(ClassificationCriterion):
    """Loss of `model(..., head=task.head)` (B, T, 2) against `sample["target"]` (B, T): the mean of the cross-entropies
    of start and end (arXiv 1810.04805, 4.2), summed over rows.

    A target is -100 where nothing can begin or end: there the probability is 0. Elsewhere bit 1 marks the start and
    bit 2 the end. Rows of -100 alone count for nothing. In validation `task.counted` adds the numbers that
    the metric needs.
    """

    def __init__(self, task) -> None:
        super().__init__(task)
        if getattr(task, "head_kind", None) != "span":
            raise UserError("--criterion spans: this task has no spans to find; give --criterion classification")

    def forward(self, model, sample, reduce=True):
        """(loss summed over the rows, their number, logging output), as fairseq's trainer wants it."""
        logits, _ = model(**sample["net_input"], head=self.task.head)
        target = sample["target"]
        possible = target.ge(0)
        # The least number, not -inf: in an empty row nothing is possible.
        scores = logits.float().masked_fill(~possible.unsqueeze(-1), torch.finfo(torch.float32).min)
        marks = target.clamp(min=0)
        ends = torch.stack((marks & 1, marks >> 1 & 1), -1).bool()  # (B, T, 2)
        loss = -torch.where(ends, scores.log_softmax(1), 0.0).sum() / 2
        rows = possible.any(1)
        right = ends.gather(1, scores.argmax(1, keepdim=True)).squeeze(1).all(-1) & rows
        logging_output = {
            "loss": loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["nsentences"],
            "sample_size": rows.sum().detach(),
            "correct": right.sum(),
        }
        if not model.training:
            logging_output = self.task.counted(logging_output, sample, logits)
        return loss, logging_output["sample_size"], logging_output
