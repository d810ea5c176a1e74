"""The masked-LM loss of pretraining, on the predicted positions alone and never with all their logits at once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from fairseq import metrics, utils
from fairseq.criterions import FairseqCriterion, register_criterion

from fairseq_hebrew.criterions.throughput import Throughput

CORPUS = "corpus_tokens_"  # before the name of a mixture's corpus


@register_criterion("hebrew_masked_lm")
class HebrewMaskedLMCriterion(FairseqCriterion):
    """The loss of stock `masked_lm`, computed inside the model (`EncoderModel.forward` with a target).

    With `masked_positions` in the batch's net_input (B, K), `target` is (B, K) and every shape is fixed.
    """

    def __init__(self, task):
        super().__init__(task)
        self._throughput = Throughput()

    def forward(self, model, sample, reduce=True):
        """(loss summed over the predicted positions in nats, their number, logging output), as the trainer wants it."""
        told = {}
        if model.training:
            told = self._of_training(model, sample)
        else:
            self._throughput.pause()
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
                **told,
            },
        )

    def _of_training(self, model, sample) -> dict[str, float]:
        """What is told of training alone, as numbers of the host; the same names for whatever batch."""
        of_corpora = sample.get("corpus_tokens", {})
        return {
            "positions": sample["net_input"]["src_tokens"].numel(),
            **{CORPUS + name: of_corpora.get(name, 0) for name in getattr(self.task, "corpora", ())},
            **self._throughput.begin(model.encoder.config, sample),
        }

    @staticmethod
    def reduce_metrics(logging_outputs) -> None:
        """Log loss (base 2, as fairseq does), perplexity and the accuracy over the predicted positions.

        Of training also, in percent: padding_share of all positions; masked_share, the predicted of the tokens, `<s>`
        and `</s>` included; share_NAME, a mixture's corpus of the tokens; mfu (`modules/flops.py`) on known devices.
        And tokens_per_second, without padding, of all processes together. Each is an average over what it is a share
        of, whatever the updates it is logged for. fairseq's own wps counts the same tokens, but validation and
        checkpoints in its seconds.
        """
        total = summed(logging_outputs)
        size = max(total["sample_size"], 1)
        metrics.log_scalar("loss", total["loss"] / size / math.log(2), size, round=3)
        metrics.log_scalar("masked_accuracy", 100.0 * total["right"] / size, size, round=2)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["loss"].avg))
        _log_ratio("tokens_per_second", total["timed_tokens"], total["timed_seconds"], round=0)
        _log_percent("mfu", total["peak_seconds"], total["timed_seconds"])
        if not total["positions"]:
            return
        _log_percent("padding_share", total["positions"] - total["ntokens"], total["positions"])
        _log_percent("masked_share", total["sample_size"], total["ntokens"])
        of_corpora = {name: tokens for name, tokens in total.items() if name.startswith(CORPUS)}
        for name, tokens in of_corpora.items():
            _log_percent(f"share_{name.removeprefix(CORPUS)}", tokens, sum(of_corpora.values()))

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True


def summed(logging_outputs: Sequence[Mapping]) -> Mapping[str, float]:
    """The sums by name, 0 for what nobody names; what a device holds is fetched in one go."""
    total: Mapping[str, float] = defaultdict(float)
    held = []
    for log in logging_outputs:
        for name, value in log.items():
            if torch.is_tensor(value):
                held.append((name, value.detach().double()))
            else:
                total[name] += value
    if held:
        for (name, _), value in zip(held, torch.stack([value for _, value in held]).tolist()):
            total[name] += value
    return total


def _log_percent(name: str, part: float, whole: float) -> None:
    _log_ratio(name, 100.0 * part, whole, round=2)


def _log_ratio(name: str, part: float, whole: float, round: int) -> None:
    """part / whole, averaged over updates by their `whole`; not logged while there is nothing, or nothing known."""
    if whole > 0 and not math.isnan(part):
        metrics.log_scalar(name, part / whole, whole, round=round)
