"""The squared error of a head with one output."""

from __future__ import annotations

import torch
from fairseq import metrics
from fairseq.criterions import FairseqCriterion, register_criterion


@register_criterion("squared_error")
class SquaredErrorCriterion(FairseqCriterion):
    """(`model(..., head=task.head)` (B, 1) - `sample["target"]` (B,)) squared. Rows without a number (NaN) count
    for nothing. In validation `task.counted` adds the numbers that the metric needs.
    """

    def forward(self, model, sample, reduce=True):
        """(loss summed over the rows, their number, logging output), as fairseq's trainer wants it."""
        predicted = model(**sample["net_input"], head=self.task.head)[0].float().squeeze(-1)
        there = ~sample["target"].isnan()
        loss = (predicted - torch.where(there, sample["target"], 0.0)).square().mul(there).sum()
        size = there.sum()
        logging_output = {
            "loss": loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["nsentences"],
            "sample_size": size.detach(),
        }
        if not model.training:
            logging_output = self.task.counted(logging_output, sample, predicted)
        return loss, logging_output["sample_size"], logging_output

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Log the mean squared error."""
        size = sum(float(log["sample_size"]) for log in logging_outputs)
        loss = sum(float(log["loss"]) for log in logging_outputs)
        metrics.log_scalar("loss", loss / (size or 1), size, round=4)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True
