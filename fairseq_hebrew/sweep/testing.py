"""Test, once: the best checkpoints of the chosen setting, predicted and scored by the commands a user has."""

from __future__ import annotations

from fairseq_hebrew.eval.score import score
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.progress import log

from .points import Point
from .selection import Summary
from .training import CHECKPOINT, on_cpu, program, reason, run_guarded
from .work import Sweep


def score_on_test(sweep: Sweep, model: str, chosen: Summary) -> dict[str, dict]:
    """{seed: scores} of the setting chosen for a model: of the one time it is ever scored."""
    config, store = sweep.config, sweep.store
    with sweep.claims.hold(f"{config.name}/test {model}", sweep.stop):
        if (known := store.test_scores(model).get(chosen.setting.name)) and known.keys() == {
            str(seed) for seed in config.seeds
        }:
            return known
        # Seeds that were added later are scored, those scored before are not scored again.
        scores = {int(seed): found for seed, found in (known or {}).items()}
        for seed in config.seeds:
            if seed not in scores:
                scores[seed] = _score(sweep, Point(model, chosen.setting, seed))
        store.record_test(model, chosen.setting, scores)
        return {str(seed): found for seed, found in scores.items()}


def _score(sweep: Sweep, point: Point) -> dict:
    config = sweep.config
    checkpoint = sweep.folder(point) / CHECKPOINT
    if not checkpoint.is_file():
        raise UserError(
            f"{checkpoint}: the checkpoint of the chosen setting is not there; set another `output:` and sweep again"
        )
    predictions = config.output / "test" / point.model / f"{point.name}.jsonl"
    said = predictions.with_suffix(".txt")
    said.parent.mkdir(parents=True, exist_ok=True)
    arguments = [program("fairseq-hebrew"), "predict", str(checkpoint), "--output", str(predictions)]
    device = "cpu" if on_cpu(config) else "cuda"
    tokenizer = ["--tokenizer", str(config.model(point.model).tokenizer), "--data", str(config.data)]
    status = run_guarded([*arguments, *tokenizer, "--device", device], said, sweep.device(0), sweep.stop.is_set)
    if status != 0:
        raise UserError(f"{checkpoint}: predicting test: {reason(said, status)}")
    found = score(predictions)
    log(f"sweep: test {config.description.metric} of {point.key}: {found[config.description.metric]:.2f}")
    return {name: value for name, value in found.items() if isinstance(value, int | float | str)}
