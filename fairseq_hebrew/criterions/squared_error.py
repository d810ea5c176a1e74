"""The squared error of a head with one output."""

from __future__ import annotations

import torch
from fairseq import metrics
from fairseq.criterions import FairseqCriterion, register_criterion

from .classification import COUNT


@register_criterion("squared_error")
class SquaredErrorCriterion(FairseqCriterion):
    """(`model(..., head=task.head)` (B, 1) - `sample["target"]` (B,)) squared. Rows whose id is below 0 are empty and
    count for nothing. In validation `task.counts(sample, predicted)` adds the numbers its metric needs.
    """

    def forward(self, model, sample, reduce=True):
        """(loss summed over the rows, their number, logging output), as fairseq's trainer wants it."""
        predicted = model(**sample["net_input"], head=self.task.head)[0].float().squeeze(-1)
        there = sample["id"].ge(0)
        loss = ((predicted - sample["target"]).square() * there).sum()
        size = there.sum()
        logging_output = {
            "loss": loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["nsentences"],
            "sample_size": size.detach(),
        }
        if not model.training:
            counted = self.task.counts(sample, predicted)
            logging_output.update(
                {f"{COUNT}{name}": torch.tensor(value, dtype=torch.float64) for name, value in counted.items()}
            )
        return loss, size, logging_output

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Log the mean squared error."""
        size = sum(int(log["sample_size"]) for log in logging_outputs)
        loss = sum(float(log["loss"]) for log in logging_outputs)
        metrics.log_scalar("loss", loss / max(size, 1), size, round=4)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True
