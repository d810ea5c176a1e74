"""The pictures of a sweep: the grid of each model, the seeds of its best settings, dev against test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fairseq_hebrew.monitor.picture import COLOURS
from fairseq_hebrew.stage.output import Outputs

from .tables import cell_text, grid, test_values

SHOWN = 16  # settings of a model, the best ones, whose seeds are drawn
FAILED = "#D9D9D9"


def draw(report: Mapping, folder: Path) -> list[tuple[str, str]]:
    """Write the pictures; (file name, what it shows) of each."""
    import matplotlib

    matplotlib.use("Agg")
    drawn = [
        (
            "grid.png",
            f"Dev {report['metric']} of each setting, mean over seeds; framed: chosen",
            _grids(report),
        ),
        ("seeds.png", "The seeds of the best settings: dots, and mean with standard deviation", _seeds(report)),
    ]
    if any(model["test"] for model in report["models"]):
        drawn.append(("dev-test.png", "Dev against test of the chosen settings, a dot a seed", _dev_test(report)))
    with Outputs() as outputs:
        for name, _, figure in drawn:
            figure.savefig(outputs.path(folder / name), format="png", dpi=110)
    if len(drawn) < 3:
        (folder / "dev-test.png").unlink(missing_ok=True)
    return [(name, told) for name, told, _ in drawn]


def _grids(report: Mapping):
    """A heat map a model, all on one scale of colours."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    models = report["models"]
    means = [one["mean"] for model in models for one in model["settings"] if one["mean"] is not None]
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    if high - low < 0.01:
        low, high = low - 0.5, high + 0.5
    shapes = [grid(model)[:2] for model in models]
    columns = min(2, len(models))
    lines = -(-len(models) // columns)
    wide, tall = max(len(sizes) for _, sizes in shapes), max(len(rates) for rates, _ in shapes)
    size = (columns * (1.35 * wide + 1.6) + 1.3, lines * (0.62 * tall + 1.25))
    figure = Figure(figsize=(max(size[0], 5), size[1]), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    image = None
    for model, axis in zip(models, axes.flat):
        rates, sizes, cells = grid(model)
        values = [[_mean(cells[rate, size]) for size in sizes] for rate in rates]
        axis.set_facecolor(FAILED)
        image = axis.imshow(values, cmap="viridis", vmin=low, vmax=high, aspect="auto")
        for i, rate in enumerate(rates):
            for j, size in enumerate(sizes):
                value = _mean(cells[rate, size])
                dark = value == value and (value - low) / (high - low) < 0.6
                text = cell_text(cells[rate, size]).replace(" ± ", "\n± ")
                axis.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
        if chosen := model["chosen"]:
            corner = sizes.index(chosen["batch_size"]) - 0.47, rates.index(chosen["learning_rate"]) - 0.47
            axis.add_patch(Rectangle(corner, 0.94, 0.94, fill=False, edgecolor="#D55E00", linewidth=2.5))
        axis.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        axis.set_yticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        axis.set(xlabel="batch size", ylabel="learning rate")
        axis.set_title(model["model"], fontsize=11, loc="left")
    for axis in axes.flat[len(models) :]:
        axis.set_visible(False)
    figure.colorbar(image, ax=axes, label=f"dev {report['metric']}", shrink=0.9)
    return figure


def _mean(setting: Mapping) -> float:
    """The mean of a setting of which no seed failed; nan is drawn as the background."""
    return float("nan") if setting["mean"] is None or setting["failed"] else setting["mean"]


def _seeds(report: Mapping):
    """A panel a model: its best settings from left to right."""
    from matplotlib.figure import Figure

    models = report["models"]
    count = max(min(SHOWN, sum(bool(one["dev"]) for one in model["settings"])) for model in models)
    figure = Figure(figsize=(max(6.0, 0.62 * count + 2), 3.6 * len(models)), layout="constrained")
    axes = figure.subplots(len(models), 1, squeeze=False, sharey=True)  # models are compared by it
    for number, (model, axis) in enumerate(zip(models, axes.flat)):
        colour = COLOURS[number % len(COLOURS)]
        settings = [one for one in model["settings"] if one["dev"]]
        settings = sorted(settings, key=lambda one: (one["failed"] > 0, -one["mean"]))[:SHOWN]
        for place, one in enumerate(settings):
            values = list(one["dev"].values())
            axis.scatter([place] * len(values), values, s=22, color=colour, alpha=0.55, linewidths=0, zorder=3)
            axis.errorbar(place + 0.22, one["mean"], one["deviation"] or 0, fmt="_", color="black", capsize=3, zorder=2)
        names = [f"{one['learning_rate']:g} / {one['batch_size']}" for one in settings]
        axis.set_xticks(range(len(settings)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
        axis.set_xlim(-0.6, max(len(settings) - 0.4, 0.6))
        axis.set(ylabel=f"dev {report['metric']}")
        more = "" if len(settings) == len(model["settings"]) else f", best {len(settings)} of {len(model['settings'])}"
        axis.set_title(f"{model['model']}: learning rate / batch size{more}", fontsize=11, loc="left")
        axis.grid(alpha=0.25)
    return figure


def _dev_test(report: Mapping):
    """A dot a seed, a cross a model: mean and standard deviation of both splits."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axis = figure.subplots()
    for number, model in enumerate(report["models"]):
        if not model["test"]:
            continue
        colour = COLOURS[number % len(COLOURS)]
        dev = [model["chosen"]["dev"][seed] for seed in model["test"]["by_seed"]]
        test = test_values(model, report["metric"])
        axis.scatter(dev, test, s=26, color=colour, alpha=0.5, linewidths=0)
        axis.errorbar(
            model["chosen"]["mean"],
            model["test"]["mean"],
            xerr=model["chosen"]["deviation"],
            yerr=model["test"]["deviation"],
            fmt="s",
            markersize=5,
            color=colour,
            capsize=3,
            label=model["model"],
        )
    low, high = min(axis.get_xlim()[0], axis.get_ylim()[0]), max(axis.get_xlim()[1], axis.get_ylim()[1])
    axis.plot([low, high], [low, high], color="#7F7F7F", linestyle="--", linewidth=0.9, label="dev = test", zorder=0)
    axis.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axis.set(xlabel=f"dev {report['metric']}", ylabel=f"test {report['metric']}")
    axis.grid(alpha=0.25)
    axis.legend(fontsize=9)
    return figure
