"""The tables of a report: a row a model, and the grid of each; as text and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairseq_hebrew.eval.experiments import spread


def test_values(model: Mapping, metric: str) -> list[float]:
    """The test scores of a model's chosen setting, by seed."""
    return [scores[metric] for scores in model["test"]["by_seed"].values()] if model["test"] else []


HEAD = ("model", "learning rate", "batch", "dev", "test", "seeds", "trials failed")


def rows(report: Mapping) -> list[tuple[str, ...]]:
    """A row a model: what was chosen, dev beside test, mean and standard deviation over the seeds."""
    found = []
    for model in report["models"]:
        chosen, failed = model["chosen"], str(len(model["failed"]))
        if chosen is None:
            found.append((model["model"], "none", "", "", "", str(len(report["seeds"])), failed))
            continue
        test = test_values(model, report["metric"])
        found.append(
            (
                model["model"],
                f"{chosen['learning_rate']:g}",
                str(chosen["batch_size"]),
                spread(list(chosen["dev"].values()), 2),
                spread(test, 2) if test else "not scored",
                str(len(chosen["dev"])),
                failed,
            )
        )
    return found


def grid(model: Mapping) -> tuple[list[float], list[int], dict[tuple[float, int], dict]]:
    """(learning rates, falling; batch sizes, rising; settings by both) of a model of the report."""
    cells = {(one["learning_rate"], one["batch_size"]): one for one in model["settings"]}
    return sorted({rate for rate, _ in cells}, reverse=True), sorted({size for _, size in cells}), cells


def cell_text(setting: Mapping) -> str:
    """A setting in a cell: mean and deviation of its seeds, or that there is none."""
    if setting["failed"]:
        return "failed" if not setting["dev"] else f"{setting['failed']} failed"
    return spread(list(setting["dev"].values()), 2)


def grid_table(model: Mapping) -> tuple[list[str], list[list[str]]]:
    """(head, rows): the dev metric of each setting, the chosen one in stars."""
    rates, sizes, cells = grid(model)
    chosen = model["chosen"] and (model["chosen"]["learning_rate"], model["chosen"]["batch_size"])
    made = []
    for rate in rates:
        row = [f"{rate:g}"]
        for size in sizes:
            text = cell_text(cells[rate, size])
            row.append(f"**{text}**" if (rate, size) == chosen else text)
        made.append(row)
    return ["learning rate", *(f"batch {size}" for size in sizes)], made


def markdown(report: Mapping) -> str:
    """The tables."""
    metric = report["metric"]
    parts = [
        f"# {report['sweep']}: {report['task']}, {metric}",
        "",
        f"Mean and standard deviation over seeds, percent. Up to {report['epochs']} epochs, patience "
        f"{report['patience']}; chosen on dev, scored on test once.",
        "",
        *_markdown(HEAD, rows(report)),
    ]
    for model in report["models"]:
        head, made = grid_table(model)
        parts += ["", f"## {model['model']}, dev {metric}", "", *_markdown(head, made)]
        parts += ["", *(f"- {one['trial']} failed: {one['reason']}" for one in model["failed"])]
    return "\n".join(parts).rstrip() + "\n"


def _markdown(head: Sequence[str], made: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *made)]


def summary(report: Mapping) -> str:
    """The figures that matter, as lines for the terminal."""
    made = [HEAD, *rows(report)]
    widths = [max(len(row[i]) for row in made) for i in range(len(HEAD))]
    title = f"{report['sweep']}: {report['task']}, {report['metric']}"
    return "\n".join([title, *("  ".join(map(str.ljust, row, widths)).rstrip() for row in made)]) + "\n"
