"""The command: a split or a file in, a record a line out, as a stage."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fairseq_hebrew.data.described import CHECKPOINT_KEY, TaskDescription, read_description
from fairseq_hebrew.data.examples import read_file, split_path
from fairseq_hebrew.stage.errors import UsageError, UserError, parser, run_command
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import finite
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.text.tokenizer import model_files

from .checkpoint import load_model, read_checkpoint


def predict(options: argparse.Namespace) -> dict:
    """Write the records of a split or a file, as a stage: whole or not at all, skipped when it is done."""
    if options.majority:
        if not options.description or not options.data:
            raise UsageError("--majority needs --description and --data: it learns from the training split")
        description = _with_threshold(options, read_description(options.description))
        train, judged = split_path(options.data, "train", description), _judged(options, description)
        needed = [train, judged]

        def records() -> Iterator[dict]:
            from .answers import KINDS  # torch and fairseq, which an earlier mistake need not wait for

            return KINDS[description.kind].majority(
                description, read_file(train, description), read_file(judged, description)
            )

    else:
        if options.checkpoint is None:
            raise UsageError("no checkpoint; give one before the options, or --majority for the baseline")
        state = read_checkpoint(options.checkpoint, options.description)
        description = _with_threshold(options, _description(options, state))
        trained_with = state["cfg"]["task"]
        tokenizer = options.tokenizer or Path(trained_with["tokenizer_dir"])
        options.data = options.data or Path(trained_with["data"])
        judged = _judged(options, description)
        needed = [options.checkpoint, judged, *model_files(tokenizer), tokenizer / "dict.txt"]

        def records() -> Iterator[dict]:
            from .answers import answers

            overrides = {"tokenizer_dir": str(tokenizer), "description": description.to_json()}
            model, task = load_model(options.checkpoint, state, overrides)
            return answers(model, task, read_file(judged, description), options.batch_size, options.device)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        count = 0
        with outputs.open(options.output) as file:
            for record in records():
                file.write((json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8"))
                count += 1
        return [options.output], {"examples": count}

    settings = {"description": description.to_json(), "majority": options.majority}
    return run_stage("predict", options.output, needed, settings, work, options.force)


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


def _judged(options: argparse.Namespace, description: TaskDescription) -> Path:
    return options.input or split_path(options.data, options.split, description)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew predict", "Write a fine-tuned checkpoint's predictions as JSON lines.")
    options.add_argument("checkpoint", type=Path, nargs="?", help="checkpoint_best.pt of a fine-tuning run")
    options.add_argument("--output", type=Path, required=True, help="the predictions, a JSON record a line")
    options.add_argument("--data", type=Path, help="folder with the task's files (that of the training run)")
    options.add_argument("--split", default="test", help="split of the description to predict")
    options.add_argument("--input", type=Path, help="a labelled file instead of a split")
    options.add_argument("--description", help="another description than the checkpoint's")
    options.add_argument("--tokenizer", type=Path, help="tokenizer folder, where it was moved since training")
    options.add_argument("--batch-size", type=int, default=32, help="examples at a time; changes no answer")
    options.add_argument(
        "--null-threshold",
        type=finite,
        help="of questions: by how much no answer has to score higher than the best one (that of the description)",
    )
    options.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1...")
    options.add_argument("--majority", action="store_true", help="the majority baseline instead of a checkpoint")
    options.add_argument("--force", action="store_true", help="run although the output is up to date")
    parsed = options.parse_args(arguments)
    if parsed.batch_size < 1:
        options.error("--batch-size: at least 1")
    return run_command(lambda: predict(parsed), parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
