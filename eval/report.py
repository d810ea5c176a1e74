"""`report`: the page of results of a run folder, from the manifests, logs and scores that stand in it."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew import __version__
from fairseq_hebrew.monitor.text_log import read_log
from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.output import Outputs, write_text
from fairseq_hebrew.stage.progress import log

from .html_tables import STYLE, table

# folder of a fine-tuning run: (title, metric of the report, what the baseline without a model is)
TASKS = {
    "ner": ("Named entities", "f1", "most frequent tag of each word"),
    "sentiment": ("Sentiment", "macro_f1", "most frequent label"),
}
STAGE_ORDER = ("clean", "dedup", "shuffle", "split", "train-bpe", "binarize")


def gather(run: Path, seconds: float | None) -> dict:
    """All that the page tells, as report.json holds it."""
    if not run.is_dir():
        raise UserError(f"{run}: no such folder; give the one `make demo` wrote to")
    pretraining = read_log(run / "pretrain" / "train.log")
    if not pretraining["train"]:
        raise UserError(f"{run / 'pretrain' / 'train.log'}: holds no training step; run the pretraining again")
    last, best = pretraining["train"][-1], min(pretraining["valid"], key=lambda row: row["loss"], default=None)
    return {
        "version": __version__,
        "seconds": seconds,
        "stages": stages(run),
        "pretraining": {
            "updates": int(last["num_updates"]),
            "tokens": int(
                sum(row["wpb"] for row in pretraining["train"]) / len(pretraining["train"]) * last["num_updates"]
            ),
            "seconds": last.get("wall"),
            "first_loss": pretraining["train"][0]["loss"],
            "last_loss": last["loss"],
            "best_validation_loss": best["loss"] if best else None,
            "best_validation_perplexity": round(2 ** best["loss"], 2) if best else None,
        },
        "fertility": _json(run / "fertility.json"),
        "tasks": {
            name: {
                "title": title,
                "metric": metric,
                "score": _json(run / name / "scores.json"),
                "majority": _json(run / name / "majority.json"),
                "majority_is": baseline,
                "epochs": int(max(row["epoch"] for row in read_log(run / name / "train.log")["train"])),
            }
            for name, (title, metric, baseline) in TASKS.items()
            if (run / name).is_dir()
        },
        "hugging_face": str(run / "hf"),
        "fill_mask": _json(run / "fill-mask.json"),
    }


def stages(run: Path) -> list[dict]:
    """What each corpus stage took in and put out, from the manifests, in the order of the work."""
    found = [_json(path) for path in sorted(run.rglob("*.manifest.json"))]
    found = [manifest for manifest in found if manifest.get("stage") in STAGE_ORDER]
    found.sort(key=lambda manifest: STAGE_ORDER.index(manifest["stage"]))
    return [
        {
            "stage": manifest["stage"],
            "output": ", ".join(record["path"] for record in manifest["outputs"]),
            "bytes_in": sum(record["bytes"] for record in manifest["inputs"]),
            "bytes_out": sum(record["bytes"] for record in manifest["outputs"]),
            "counts": manifest["counts"],
            "seconds": manifest["seconds"],
        }
        for manifest in found
    ]


def _json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run `make demo` again to make it") from None
    except ValueError:
        raise UserError(f"{path}: not JSON; run `make demo` again to make it anew") from None


def draw_curve(records: dict[str, list[dict[str, float]]], path: Path) -> None:
    """The loss of training and validation over updates, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.2), dpi=120)
    for name, style in (("train", {"linewidth": 1.2}), ("valid", {"marker": "o", "linewidth": 1.2})):
        rows = records[name]
        axes.plot([row["num_updates"] for row in rows], [row["loss"] for row in rows], label=name, **style)
    axes.set(xlabel="updates", ylabel="masked-LM loss (bits a token)", title="Pretraining")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    with Outputs() as outputs:
        figure.savefig(outputs.path(path), format="png")
    pyplot.close(figure)


def page(report: dict) -> str:
    """The page of results, as HTML without any script."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>fairseq_hebrew: results</title>",
        f"<style>{STYLE}</style></head><body><h1>From raw Hebrew to a scored model</h1>",
        "<p>The corpus and the labelled sets of this run are synthetic: written for the project, and multiplied by a "
        "grammar. The figures show that every stage works; they say nothing about real Hebrew, for which see "
        "<code>docs/experiments.md</code>.</p>",
    ]
    if report["seconds"]:
        parts.append(f"<p>The whole run took {_duration(report['seconds'])}.</p>")
    parts += [*_scores(report), *_stages(report), *_pretraining(report), *_fertility(report), *_fill_mask(report)]
    parts.append(f"<p>fairseq_hebrew {html.escape(report['version'])}. The same figures: <code>report.json</code>.</p>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _scores(report: dict) -> list[str]:
    rows = [
        (
            html.escape(task["title"]),
            f"{task['metric']} ({html.escape(task['score']['scorer'])})",
            task["score"][task["metric"]],
            task["majority"][task["metric"]],
            html.escape(task["majority_is"]),
            task["epochs"],
        )
        for task in report["tasks"].values()
    ]
    head = ("task", "metric", "model", "baseline", "the baseline is", "epochs")
    return ["<h2>Scores on the test splits</h2>", *table(head, rows)]


def _stages(report: dict) -> list[str]:
    rows = [
        (
            stage["stage"],
            html.escape(stage["output"]),
            stage["bytes_in"],
            stage["bytes_out"],
            "<br>".join(
                f"{html.escape(name.replace('_', ' '))}: {value:,}" if isinstance(value, int) else f"{name}: {value}"
                for name, value in stage["counts"].items()
                if value
            ),
            stage["seconds"],
        )
        for stage in report["stages"]
    ]
    return ["<h2>The stages</h2>", *table(("stage", "output", "bytes in", "bytes out", "counts", "seconds"), rows)]


def _pretraining(report: dict) -> list[str]:
    rows = [(name.replace("_", " "), value) for name, value in report["pretraining"].items() if value is not None]
    return [
        "<h2>Pretraining</h2>",
        "<p><img src='loss.png' alt='loss over updates'></p>",
        *table(("", ""), rows),
    ]


def _fertility(report: dict) -> list[str]:
    rows = [(name.replace("_", " "), value) for name, value in report["fertility"].items()]
    return ["<h2>Tokenizer fertility</h2><p>On the test split of the corpus.</p>", *table(("", ""), rows)]


def _fill_mask(report: dict) -> list[str]:
    filled = report["fill_mask"]
    rows = [
        (f"<bdi>{html.escape(row['token'])}</bdi>", row["score"], f"<bdi dir=rtl>{html.escape(row['text'])}</bdi>")
        for row in filled["candidates"]
    ]
    return [
        "<h2>Hugging Face export</h2>",
        f"<p>The model lies in <code>{html.escape(report['hugging_face'])}</code>.</p>",
        f"<p>Fill the mask: <bdi dir=rtl>{html.escape(filled['text'])}</bdi></p>",
        *table(("token", "score", "sentence"), rows),
    ]


def summary(report: dict) -> str:
    """The figures that matter, as lines for the terminal."""
    lines = []
    for task in report["tasks"].values():
        score, baseline = task["score"][task["metric"]], task["majority"][task["metric"]]
        lines.append(f"{task['title']:<16} {task['metric']:<9} {score:>6.2f}   baseline {baseline:>6.2f}")
    pretraining = report["pretraining"]
    lines.append(
        f"{'Pretraining':<16} loss      {pretraining['first_loss']:.2f} to {pretraining['last_loss']:.2f} bits a token"
    )
    lines.append(f"{'Fertility':<16} {report['fertility']['tokens_per_word']} tokens a word")
    return "\n".join(lines)


def write_report(run: Path, seconds: float | None) -> dict:
    """Write report.json, loss.png and index.html into the run folder."""
    report = gather(run, seconds)
    draw_curve(read_log(run / "pretrain" / "train.log"), run / "loss.png")
    write_text(run / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    write_text(run / "index.html", page(report))
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew report", "Write the page of results of a run folder (as `make demo` makes it).")
    options.add_argument("run", type=Path, help="folder with corpus/, pretrain/, ner/, sentiment/ and hf/")
    options.add_argument("--seconds", type=float, help="how long the whole run took, to be told on the page")
    parsed = options.parse_args(arguments)

    def work() -> None:
        print(summary(write_report(parsed.run, parsed.seconds)))
        log(f"report: {parsed.run / 'index.html'}")

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
