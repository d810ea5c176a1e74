"""Fine-tuning on texts with a number, such as how alike two are: Pearson's correlation."""

import math

from fairseq.tasks import register_task

from fairseq_hebrew.data.labelled import ValuedSamples
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask


@register_task("sequence_regression", dataclass=LabelledConfig)
class SequenceRegressionTask(LabelledTask):
    """A number a text, read at `<s>`."""

    kind = "sequence_regression"
    head_kind = "sequence"
    sample_maker = ValuedSamples

    def build_criterion(self, cfg):
        """`squared_error`; raises UserError for another."""
        if cfg._name != "squared_error":
            raise UserError(f"--criterion {cfg._name}: regression has no classes; give --criterion squared_error")
        return super().build_criterion(cfg)

    def counts(self, sample: dict, predicted) -> dict[str, float]:
        """The sums that Pearson's correlation is made of; double precision."""
        there = ~sample["target"].isnan()
        gold, found = sample["target"][there].double(), predicted[there].double()
        return {
            "count": float(len(gold)),
            "gold": float(gold.sum()),
            "predicted": float(found.sum()),
            "gold_squares": float(gold.square().sum()),
            "predicted_squares": float(found.square().sum()),
            "products": float((gold * found).sum()),
        }

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        """Pearson's correlation, times 100; 0 of numbers that are all alike."""
        count = max(totals["count"], 1.0)
        together = totals["products"] - totals["gold"] * totals["predicted"] / count
        spreads = [totals[f"{name}_squares"] - totals[name] ** 2 / count for name in ("gold", "predicted")]
        known = all(spread > 1e-9 * max(totals[f"{name}_squares"], 1e-30)
                    for name, spread in zip(("gold", "predicted"), spreads))  # fmt: skip
        return {"pearson": 100.0 * together / math.sqrt(spreads[0] * spreads[1]) if known else 0.0}
