"""Fine-tuning on tagged words beside transformers' Trainer: real tokens a second, `make bench-fine-tuning`.

Usage: python -m benchmarks.fine_tuning [--description nemo --data FOLDER --tokenizer FOLDER] [--sizes small base]
Whole commands are timed, of one epoch and of several; what lies between them is training alone, without the start.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fairseq_hebrew.data.described import TaskDescription, read_description
from fairseq_hebrew.data.examples import read_file, split_path
from fairseq_hebrew.data.labelled import WordSamples
from fairseq_hebrew.text.vocabulary import Vocabulary

from . import measure
from .measure import Measured

DEMO = measure.ROOT / "demo"
# Times as fast as Trainer with its dynamic padding, and with its batches of like lengths besides.
GOALS = {"random": 1.3, "by length": 1.0}
SPLITS = ("train", "valid")
RATE = 3e-4
VOCABULARY = 1000  # entries of the tokenizer that is trained here, where none is given
HEAD = ("encoder", "sentences", "tokens", "ours: tokens/s", "peak MB", "Trainer's batches", "tokens/s", "peak MB")
HEAD += ("ratio", "goal", "")


@dataclass(frozen=True)
class Work:
    """What all contenders train on: `samples` of `tokens` tokens in all, `<s>` and `</s>` included."""

    folder: Path
    data: Path
    description: Path
    tokenizer: Path
    max_tokens: int
    samples: int
    tokens: int


@dataclass(frozen=True)
class Rate:
    """Real tokens a second of training, and the peak memory (bytes) of the longer command."""

    tokens: float
    peak: int


@dataclass(frozen=True)
class Faced:
    """Ours beside Trainer, `sampling` its batches as it says."""

    encoder: str
    samples: int
    tokens: int
    sampling: str
    ours: Rate
    theirs: Rate

    @property
    def ratio(self) -> float:
        return self.ours.tokens / self.theirs.tokens


def row(found: Faced) -> tuple[str, ...]:
    """A line of the table."""
    sides = (f"{found.samples:,}", f"{found.tokens:,}", *_rate(found.ours), found.sampling, *_rate(found.theirs))
    goal = GOALS[found.sampling]
    verdict = "met" if found.ratio >= goal else "MISSED"
    return (found.encoder, *sides, f"{found.ratio:.2f} x", f"{goal:.2f} x", verdict)


def _rate(rate: Rate) -> tuple[str, str]:
    return f"{rate.tokens:,.0f}", f"{rate.peak / 1e6:,.0f}"


def prepared(asked: argparse.Namespace, sentences: int | None, folder: Path) -> Work:
    """The first sentences of the training file, for all contenders: as a task, and as ids and labels."""
    description = read_description(str(asked.description))
    source = split_path(asked.data, "train", description)
    found = read_file(source, description)
    kept = found[:sentences]
    data = folder / "data"
    data.mkdir(parents=True)
    described = {name: getattr(description, name) for name in ("name", "kind", "labels", "metric", "max_tokens")}
    described |= {"files": {split: f"{split}.txt" for split in SPLITS}, "scheme": description.tag_scheme}
    described |= {"separator": "tab"}
    (folder / "description.yaml").write_text(json.dumps(described), encoding="utf-8")
    # fairseq-train reads the validation split even where it is told not to validate.
    for split, its in zip(SPLITS, (kept, kept[:1])):
        lines = ("".join(f"{word}\t{tag}\n" for word, tag in zip(one.words, one.tags)) + "\n" for one in its)
        (data / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
    tokenizer = asked.tokenizer or _tokenizer(folder, found)
    task = read_description(str(folder / "description.yaml"))
    samples = list(_samples(task, tokenizer, data))
    ids = ({"input_ids": sample.tokens.tolist(), "labels": sample.target.tolist()} for sample in samples)
    (folder / "samples.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in ids), encoding="utf-8")
    tokens = sum(len(sample.tokens) for sample in samples)
    return Work(folder, data, folder / "description.yaml", tokenizer, task.max_tokens, len(samples), tokens)


def _samples(description: TaskDescription, tokenizer: Path, data: Path) -> Iterator:
    maker = WordSamples(Vocabulary(tokenizer), description, description.max_tokens)
    for index, example in enumerate(read_file(data / description.files["train"], description)):
        yield from maker.samples(index, example)


def _tokenizer(folder: Path, sentences: list) -> Path:
    text = folder / "text.txt"
    text.write_text("".join(" ".join(sentence.words) + "\n" for sentence in sentences), encoding="utf-8")
    tokenizer = folder / "tokenizer"
    measure.run(measure.stage("train-bpe", "--input", text, "--output", tokenizer, "--vocab-size", VOCABULARY))
    return tokenizer


def ours(work: Work, size: str, epochs: int, batch_size: int, threads: int, *more: object) -> list[object]:
    """fairseq-train, with the published optimizer, as a line of docs/fine-tuning.md has it."""
    updates = -(-work.samples // batch_size) * epochs
    return [
        Path(sys.executable).with_name("fairseq-train"), work.data, "--user-dir", measure.ROOT / "fairseq_hebrew",
        "--task", "token_classification", "--description", work.description, "--tokenizer-dir", work.tokenizer,
        "--max-tokens-per-sample", work.max_tokens,
        "--arch", f"hallelubert_{size}", "--criterion", "classification", "--batch-size", batch_size,
        "--required-batch-size-multiple", 1, "--optimizer", "adamw", "--weight-decay", 0.01, "--clip-norm", 1.0,
        "--lr", RATE, "--lr-scheduler", "polynomial_decay", "--total-num-update", updates, "--max-epoch", epochs,
        "--cpu", "--seed", 1, "--num-workers", 0, "--disable-validation", "--log-format", "json",
        "--log-interval", 500, "--save-dir", work.folder / f"run-{size}", *more,
    ]  # fmt: skip


def peer_model(work: Work, size: str, batch_size: int, threads: int) -> Path:
    """Our encoder with its head, after one update, as transformers loads it: the same model for both."""
    measure.run(ours(work, size, 1, batch_size, threads, "--max-update", 1), environment=_environment(threads))
    checkpoint = work.folder / f"run-{size}" / "checkpoint_last.pt"
    folder = work.folder / f"hf-{size}"
    measure.run(measure.python("fairseq_hebrew.cli", "export-hf", checkpoint, folder, "--tokenizer", work.tokenizer))
    checkpoint.unlink()
    return folder


def _environment(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}


def faced(asked: argparse.Namespace, work: Work, size: str) -> Iterator[Faced]:
    """All contenders in turn, round after round; of each command the quickest run counts."""
    model = peer_model(work, size, asked.batch_size, asked.threads)

    def trainer(epochs: int, sampling: str) -> list[object]:
        given = ["--epochs", epochs, "--batch-size", asked.batch_size, "--lr", RATE, "--sampling", sampling]
        return measure.python("benchmarks.peers.trainer_ner", model, work.folder / "samples.jsonl", *given)

    commands = {
        (name, epochs): ours(work, size, epochs, asked.batch_size, asked.threads, "--no-save")
        if name == "ours"
        else trainer(epochs, name)
        for name in ("ours", *GOALS)
        for epochs in (1, 1 + asked.epochs)
    }
    taken: dict[tuple[str, int], list[Measured]] = {key: [] for key in commands}
    for _ in range(asked.rounds):
        for key, command in commands.items():
            taken[key].append(measure.run(command, environment=_environment(asked.threads)))

    def found(name: str) -> Rate:
        return rate(name, taken[name, 1], taken[name, 1 + asked.epochs], asked.epochs, work.tokens)

    for sampling in GOALS:
        yield Faced(f"hallelubert_{size}", work.samples, work.tokens, sampling, found("ours"), found(sampling))


def rate(name: str, short: list[Measured], long: list[Measured], epochs: int, tokens: int) -> Rate:
    """Of the quickest runs of one epoch and of `epochs` more, of `tokens` each; ends where they took no time."""
    seconds = min(run.seconds for run in long) - min(run.seconds for run in short)
    if seconds <= 0:
        raise SystemExit(f"error: {name}: {epochs} epochs take too little time to be told; give more --epochs")
    return Rate(epochs * tokens / seconds, max(run.peak for run in long))


def arguments(given: list[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m benchmarks.fine_tuning", description=__doc__.splitlines()[0])
    options.add_argument("--description", default=DEMO / "tasks" / "ner.yaml", help="a task of tagged words")
    options.add_argument("--data", type=Path, default=DEMO / "corpus" / "ner", help="the folder of its files")
    options.add_argument("--tokenizer", type=Path, help="a tokenizer folder (one trained on these sentences)")
    options.add_argument("--sizes", nargs="+", default=["small", "base"], help="of hallelubert")
    options.add_argument(
        "--sentences", type=int, nargs="*", default=[], help="of the training file, for each size (all)"
    )
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--epochs", type=int, default=2, help="that are timed, after one that is not")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--output", type=Path, help="also write the figures as JSON")
    asked = options.parse_args(given)
    if len(asked.sentences) > len(asked.sizes):
        options.error("--sentences: give at most one number for each of --sizes")
    return asked


def main(given: list[str] | None = None) -> int:
    asked = arguments(given)
    print(
        f"{asked.description}, batches of {asked.batch_size}, fp32, AdamW (fused) for all, {asked.threads} threads; "
        f"{asked.epochs} epochs after one that is not timed, best of {asked.rounds} rounds",
        flush=True,
    )
    found = []
    for place, size in enumerate(asked.sizes):
        sentences = asked.sentences[place] if place < len(asked.sentences) else None
        with tempfile.TemporaryDirectory(prefix="bench-fine-tuning-") as folder:
            work = prepared(asked, sentences, Path(folder))
            found += faced(asked, work, size)
    print(measure.table(HEAD, [row(one) for one in found]))
    if asked.output:
        asked.output.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
