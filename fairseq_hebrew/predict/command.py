"""The command: a split or a file in, a record a line out, as a stage."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import tee
from pathlib import Path
from typing import NamedTuple

from fairseq_hebrew.data.described import CHECKPOINT_KEY, TaskDescription, read_description
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import held_out, split_path, stream_examples, stream_file
from fairseq_hebrew.data.examples.retrieval_set import retrieval_set, set_files
from fairseq_hebrew.stage.errors import UsageError, UserError, parser, run_command
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import finite
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.text.tokenizer import model_files

from .checkpoint import load_model, read_checkpoint

RETRIEVAL = Retrieval.KIND
BATCH_SIZE = 32
TOP = 100  # passages that a ranking of retrieval has
SPLIT = "test"
RECORDS = 2  # in every manifest: raised when records have other keys, so that older ones are not taken for up to date


class Source(NamedTuple):
    """Where records come from: the task, the files they depend on, and what makes them."""

    description: TaskDescription
    needed: list[Path]
    records: Callable[[], Iterator[dict]]


def predict(options: argparse.Namespace) -> dict:
    """Write the records of a split or a file, as a stage: whole or not at all, skipped when it is done."""
    description, needed, records = _baseline(options) if options.majority or options.bm25 else _model(options)
    _require_asked(options, description)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        count = 0
        with outputs.open(options.output) as file:
            for record in records():
                file.write((json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8"))
                count += 1
        return [options.output], {"examples": count}

    settings = {"description": description.to_json(), "majority": options.majority, "records": RECORDS}
    if options.mark_training_texts:
        settings["mark_training_texts"] = True
    if description.held_out and not options.input:
        settings["split"] = options.split  # several are parts of one file
    if description.kind == RETRIEVAL:
        settings |= {"bm25": options.bm25, "top": _top(options), "particles": options.particles}
    return run_stage("predict", options.output, list(dict.fromkeys(needed)), settings, work, options.force)


def _baseline(options: argparse.Namespace) -> Source:
    """Without a model: the majority's answers, or BM25's rankings."""
    option = "--bm25" if options.bm25 else "--majority"
    if not options.description or not options.data:
        why = "it searches that folder" if options.bm25 else "it learns from the training split"
        raise UsageError(f"{option} needs --description and --data: {why}")
    if options.checkpoint is not None:
        raise UsageError(f"{option} is a baseline without a model; leave {options.checkpoint} out")
    for name in ("tokenizer", "device", "batch_size"):
        if getattr(options, name) is not None:
            raise UsageError(f"{option} is a baseline without a model; leave --{name.replace('_', '-')} out")
    description = _with_threshold(options, read_description(options.description))
    judged = _judged(options, description)
    if (description.kind == RETRIEVAL) != options.bm25:
        told = "is no retrieval, and has --majority" if options.bm25 else "is retrieval, and has --bm25"
        raise UsageError(f"{option}: {description.name} {told} as its baseline; give that")

    def bm25() -> Iterator[dict]:
        from .bm25 import rankings

        searched = retrieval_set(judged, options.data, description)
        return rankings(description, searched, _top(options), options.particles)

    def majority() -> Iterator[dict]:
        from .answers import KINDS  # torch and fairseq, which an earlier mistake need not wait for

        learned = stream_examples(options.data, "train", description)
        majority = partial(KINDS[description.kind].majority, description, learned)
        return _marked(options, description, _examples(options, description), majority)

    files = _files(options, description, judged)
    if options.bm25:
        return Source(description, files, bm25)
    return Source(description, [split_path(options.data, "train", description), *files], majority)


def _model(options: argparse.Namespace) -> Source:
    """A checkpoint's answers or rankings."""
    if options.checkpoint is None:
        raise UsageError(
            "no checkpoint; give one before the options, or --majority (of retrieval --bm25) for the baseline"
        )
    state = read_checkpoint(options.checkpoint, options.description)
    description = _with_threshold(options, _description(options, state))
    trained_with = state["cfg"]["task"]
    tokenizer = options.tokenizer or Path(trained_with["tokenizer_dir"])
    options.data = options.data or Path(trained_with["data"])
    judged = _judged(options, description)
    overrides = {"tokenizer_dir": str(tokenizer), "description": description.to_json()}

    def ranked() -> Iterator[dict]:
        from .retrieval import rankings

        searched = retrieval_set(judged, options.data, description)
        model, task = load_model(options.checkpoint, state, overrides)
        return rankings(model, task, searched, _top(options), options.batch_size or BATCH_SIZE, options.device or "cpu")

    def answered() -> Iterator[dict]:
        from .answers import answers

        examples = _examples(options, description)
        model, task = load_model(options.checkpoint, state, overrides)
        batches = {"batch_size": options.batch_size or BATCH_SIZE, "device": options.device or "cpu"}
        return _marked(options, description, examples, partial(answers, model, task, **batches))

    files = _files(options, description, judged)
    needed = [options.checkpoint, *files, *model_files(tokenizer), tokenizer / "dict.txt"]
    return Source(description, needed, ranked if description.kind == RETRIEVAL else answered)


def _description(options: argparse.Namespace, state: dict) -> TaskDescription:
    """The checkpoint's description, or the one given, which must name the same classes in the same order."""
    kept = read_description(state["task_state"][CHECKPOINT_KEY])
    if not options.description:
        return kept
    given = read_description(options.description)
    if (given.kind, given.classes) != (kept.kind, kept.classes):
        raise UserError(
            f"{given.where}: {given.kind} with the labels {', '.join(given.labels)}, but {options.checkpoint} was "
            f"trained for {kept.kind} with {', '.join(kept.labels)}; give a description with these, in this order"
        )
    return given.as_trained(kept)


def _with_threshold(options: argparse.Namespace, description: TaskDescription) -> TaskDescription:
    """The description with the threshold given, where one is."""
    if options.null_threshold is None:
        return description
    if not hasattr(description, "null_threshold"):
        raise UsageError(f"--null-threshold: {description.name} has no questions without an answer; leave it out")
    return replace(description, null_threshold=options.null_threshold)


def _require_asked(options: argparse.Namespace, description: TaskDescription) -> None:
    """Raises UsageError for options of retrieval where there is none, and of BM25 where it is not asked for."""
    if options.top is not None and description.kind != RETRIEVAL:
        raise UsageError(f"--top: {description.name} is no retrieval; leave it out")
    if options.mark_training_texts and description.kind == RETRIEVAL:
        raise UsageError(f"--mark-training-texts: {description.name} is retrieval; leave it out")
    if options.particles and not options.bm25:
        raise UsageError("--particles is of --bm25; leave it out")


def _top(options: argparse.Namespace) -> int:
    return TOP if options.top is None else options.top


def _files(options: argparse.Namespace, description: TaskDescription, judged: Path) -> list[Path]:
    """What is read of the task: the judged file, of retrieval what is searched, and what texts are looked up in."""
    if description.kind == RETRIEVAL:
        return set_files(judged, options.data, description)
    looked_up = [split_path(options.data, held_out.TRAIN, description)] if options.mark_training_texts else []
    return [judged, *looked_up]


def _marked(
    options: argparse.Namespace,
    description: TaskDescription,
    examples: Iterator,
    records: Callable[[Iterator], Iterator[dict]],
) -> Iterator[dict]:
    """The records of the examples, each with whether its text stands in the training file, where that is asked for.

    A split that is held out of the file is looked up in the rest of it.
    """
    if not options.mark_training_texts:
        return records(examples)
    if options.split in description.held_out and not options.input:
        learned = stream_examples(options.data, held_out.TRAIN, description)
    else:
        learned = stream_file(split_path(options.data, held_out.TRAIN, description), description)
    known = {held_out.text_of(example, description) for example in learned}
    examples, again = tee(examples)  # what is held is what `records` reads ahead
    return (
        {**record, "in_training": held_out.text_of(example, description) in known}
        for record, example in zip(records(examples), again, strict=True)
    )


def _examples(options: argparse.Namespace, description: TaskDescription) -> Iterator:
    """What is predicted, as it is read: the examples of a file, or of a split.

    All of it was read once before, so that what is wrong in its last line is told now, and not after hours.
    """
    if options.input:
        read = partial(stream_file, options.input, description)
    else:
        read = partial(stream_examples, options.data, options.split, description)
    for _ in read():
        pass
    return read(tell=False)


def _judged(options: argparse.Namespace, description: TaskDescription) -> Path:
    return options.input or split_path(options.data, options.split, description)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew predict", "Write a fine-tuned checkpoint's predictions as JSON lines.")
    options.add_argument("checkpoint", type=Path, nargs="?", help="checkpoint_best.pt of a fine-tuning run")
    options.add_argument("--output", type=Path, required=True, help="the predictions, a JSON record a line")
    options.add_argument("--data", type=Path, help="folder with the task's files (that of the training run)")
    options.add_argument("--split", help=f"split of the description to predict ({SPLIT})")
    options.add_argument("--input", type=Path, help="a labelled file instead of a split")
    options.add_argument("--description", help="another description than the checkpoint's")
    options.add_argument("--tokenizer", type=Path, help="tokenizer folder, where it was moved since training")
    options.add_argument("--batch-size", type=int, help=f"examples at a time; changes no answer ({BATCH_SIZE})")
    options.add_argument(
        "--null-threshold",
        type=finite,
        help="of questions: by how much no answer has to score higher than the best one (that of the description)",
    )
    options.add_argument("--top", type=int, help=f"of retrieval: how many passages a query is given ({TOP})")
    options.add_argument("--device", help="cpu (default), cuda, cuda:1...")
    options.add_argument("--majority", action="store_true", help="the majority baseline instead of a checkpoint")
    options.add_argument("--bm25", action="store_true", help="the baseline of retrieval instead of a checkpoint")
    options.add_argument(
        "--particles",
        action="store_true",
        help="with --bm25: find words also without the one-letter particles before them",
    )
    options.add_argument(
        "--mark-training-texts",
        action="store_true",
        help="write into each record whether its text stands in the training file; score then judges without these too",
    )
    options.add_argument("--force", action="store_true", help="run although the output is up to date")
    parsed = options.parse_args(arguments)
    if parsed.input is not None and parsed.split is not None:
        options.error(f"--input {parsed.input} and --split {parsed.split} both say what is predicted; leave one out")
    parsed.split = parsed.split or SPLIT
    if parsed.batch_size is not None and parsed.batch_size < 1:
        options.error("--batch-size: at least 1")
    if parsed.top is not None and parsed.top < 1:
        options.error("--top: at least 1")
    if parsed.majority and parsed.bm25:
        options.error("--majority and --bm25 are baselines of different tasks; leave one of them out")
    return run_command(lambda: predict(parsed), parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
