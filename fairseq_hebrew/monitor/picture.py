"""The curves of a run as one PNG."""

from __future__ import annotations

from pathlib import Path

from fairseq_hebrew.stage.output import Outputs

from .curves import Log
from .judgement import Judgement
from .panels import PANELS, PERPLEXITY, lines

# Okabe and Ito's colours, told apart by all kinds of sight.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
SPIKE, PLATEAU = "#B00020", "#7F7F7F"
LOGARITHMIC = {"Perplexity", "Gradient norm"}


def draw(log: Log, judgement: Judgement, path: Path, title: str) -> None:
    """Write a panel for each quantity that was logged: spikes are marked, plateaus shaded, phases of the learning
    rate parted."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    drawn = [(panel, found) for panel in PANELS if (found := lines(log, panel))]
    rows = -(-len(drawn) // 2)
    figure, axes = pyplot.subplots(rows, 2, figsize=(13, 3.1 * rows + 0.4), dpi=110, squeeze=False, sharex=True)
    for (panel, found), axis in zip(drawn, axes.flat):
        for line, colour in zip(found, COLOURS * 9):
            few = len(line.values) <= 60
            axis.plot(
                line.updates,
                line.values,
                color=colour,
                linewidth=1.1 if line.course is None else 0.7,
                alpha=1 if line.course is None else 0.45,
                label=line.name,
                marker="o" if few and line.name != "train" else None,
                markersize=3,
            )
            if line.course is not None:
                axis.plot(line.updates, line.course, color=colour, linewidth=1.5, label=f"{line.name}, rolling median")
        signal = "loss" if panel.signals == (PERPLEXITY,) else panel.signals[0]
        for number, spike in enumerate(one for one in judgement.spikes if one.signal == signal):
            axis.axvspan(spike.begin, spike.end, color=SPIKE, alpha=0.15, linewidth=0)
            axis.plot([spike.peak], [0.97], marker="v", markersize=6, color=SPIKE, linestyle="none", clip_on=False,
                      transform=axis.get_xaxis_transform(), label="spike" if number == 0 else None)  # fmt: skip
        if signal == "loss":
            for number, plateau in enumerate(judgement.plateaus):
                label = "plateau" if number == 0 else None
                axis.axvspan(plateau.begin, plateau.end, color=PLATEAU, alpha=0.2, linewidth=0, label=label)
        if signal == "lr":
            for phase in judgement.phases[1:]:
                axis.axvline(phase.begin, color=PLATEAU, linestyle="--", linewidth=0.9)
            axis.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4))
        if panel.title in LOGARITHMIC and all((line.values > 0).all() for line in found):
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.yaxis.set_minor_locator(NullLocator())
        axis.set_title(f"{panel.title} ({panel.unit})" if panel.unit else panel.title, fontsize=10, loc="left")
        axis.grid(alpha=0.25)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.tick_params(labelsize=8, labelbottom=True)
        if len(axis.get_legend_handles_labels()[0]) > 1:
            axis.legend(fontsize=8, loc="upper right", framealpha=0.85)
    for axis in axes.flat[len(drawn) :]:
        axis.set_visible(False)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel("updates", fontsize=9)
    figure.tight_layout()
    with Outputs() as outputs:
        figure.savefig(outputs.path(path), format="png")
    pyplot.close(figure)
