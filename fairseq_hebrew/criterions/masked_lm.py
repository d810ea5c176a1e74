"""The masked-LM loss of pretraining, on the predicted positions alone and never with all their logits at once."""

from __future__ import annotations

import math

from fairseq import metrics, utils
from fairseq.criterions import FairseqCriterion, register_criterion


@register_criterion("hebrew_masked_lm")
class HebrewMaskedLMCriterion(FairseqCriterion):
    """The loss of stock `masked_lm`, computed inside the model (`EncoderModel.forward` with a target).

    With `masked_positions` in the batch's net_input (B, K), `target` is (B, K) and every shape is fixed.
    """

    def forward(self, model, sample, reduce=True):
        """(loss summed over the predicted positions in nats, their number, logging output), as the trainer wants it."""
        target = sample["target"]
        (loss, right), _ = model(**sample["net_input"], target=target)
        size = target.ne(self.padding_idx).sum()
        return (
            loss,
            size,
            {
                "loss": loss.detach(),
                "right": right.detach(),
                "ntokens": sample["ntokens"],
                "nsentences": sample["nsentences"],
                "sample_size": size.detach(),
            },
        )

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Log loss (base 2, as fairseq does), perplexity and the accuracy over the predicted positions."""
        size = sum(int(log["sample_size"]) for log in logging_outputs)
        loss = sum(float(log["loss"]) for log in logging_outputs)
        right = sum(int(log["right"]) for log in logging_outputs)
        metrics.log_scalar("loss", loss / max(size, 1) / math.log(2), size, round=3)
        metrics.log_scalar("masked_accuracy", 100.0 * right / max(size, 1), size, round=2)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["loss"].avg))

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True
