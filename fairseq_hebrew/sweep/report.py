"""The report of a sweep: every setting on dev, the chosen ones on test; as JSON, Markdown, pictures and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.output import write_text

from .configuration import Configuration
from .page import page
from .pictures import draw
from .points import Point
from .selection import Summary, choose, deviation, summaries
from .store import Result, Store
from .tables import markdown


def gather(config: Configuration, store: Store) -> dict:
    """All that the report tells, as report.json holds it. Scores are in percent, deviations of the sample (n - 1)."""
    results = store.results()
    return {
        "sweep": config.name,
        "task": config.description.name,
        "kind": config.description.kind,
        "metric": config.description.metric,
        "epochs": config.epochs,
        "patience": config.patience,
        "seeds": list(config.seeds),
        "training_samples": config.samples,
        "version": __version__,
        "models": [_model(config, store, model.name, results) for model in config.models],
    }


def _model(config: Configuration, store: Store, name: str, results: Mapping[Point, Result]) -> dict:
    model = config.model(name)
    found = summaries(name, config.settings, config.seeds, results)
    chosen = choose(found)
    scored = store.test_scores(name)
    test = scored.pop(chosen.setting.name, None) if chosen else None
    asked = set(config.points())
    its = [one for one in results.values() if one.point in asked and one.point.model == name]
    return {
        "model": name,
        "arch": model.arch,
        "checkpoint": str(model.checkpoint) if model.checkpoint else None,
        "settings": [_setting(summary) for summary in found],
        "chosen": _setting(chosen) if chosen else None,
        "test": _test(test, config) if test else None,
        "other_settings_scored_on_test": sorted(scored),
        "failed": [{"trial": one.point.name, "reason": one.reason} for one in its if one.reason],
        "seconds": round(sum(one.seconds for one in its)),
    }


def _setting(summary: Summary) -> dict:
    return {
        "learning_rate": summary.setting.learning_rate,
        "batch_size": summary.setting.batch_size,
        "dev": {str(seed): value for seed, value in summary.dev.items()},
        "mean": round(summary.mean, 4) if summary.dev else None,
        "deviation": None if summary.deviation is None else round(summary.deviation, 4),
        "failed": summary.failed,
    }


def _test(scores: Mapping[str, dict], config: Configuration) -> dict:
    seeds = [str(seed) for seed in config.seeds if str(seed) in scores]
    values = [scores[seed][config.description.metric] for seed in seeds]
    spread_of = deviation(values)
    return {
        "scorer": scores[seeds[0]].get("scorer"),
        "mean": round(sum(values) / len(values), 4),
        "deviation": None if spread_of is None else round(spread_of, 4),
        "by_seed": {seed: scores[seed] for seed in seeds},
    }


def write_report(config: Configuration, report: dict) -> None:
    """report.json, report.md, the pictures and index.html in the sweep's folder."""
    pictures = draw(report, config.output)
    write_text(config.output / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    write_text(config.output / "report.md", markdown(report))
    write_text(config.output / "index.html", page(report, pictures, config.output))
