"""`predict`: a fine-tuned checkpoint's answers on a labelled file, as JSON lines that `score` can judge alone."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairseq_hebrew.data.description import CHECKPOINT_KEY, TaskDescription, read_description
from fairseq_hebrew.data.labelled import LabelledText, TaggedSentence, read_file, split_path
from fairseq_hebrew.stage.errors import UsageError, UserError, parser, run_command
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.tokenizer import model_files

PLUGIN = Path(__file__).parent


def read_checkpoint(path: Path) -> dict:
    """The state of a fine-tuned checkpoint; raises UserError for any other file."""
    from fairseq import checkpoint_utils, utils

    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; fairseq-train writes checkpoint_best.pt into its --save-dir")
    utils.import_user_module(argparse.Namespace(user_dir=str(PLUGIN)))
    state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
    if CHECKPOINT_KEY not in (state.get("task_state") or {}):
        raise UserError(f"{path}: no checkpoint of a fine-tuning task; fine-tune one first, see docs/fine-tuning.md")
    return state


def load_model(path: Path, state: dict, overrides: dict):
    """(model in evaluation mode, its task) from the state of a checkpoint."""
    from fairseq import checkpoint_utils
    from fairseq.dataclass.utils import overwrite_args_by_name

    # fairseq applies overrides while it reads a file, and this one is read.
    overwrite_args_by_name(state["cfg"], overrides)
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], state=state)
    return models[0].eval(), task


def predictions(model, task, examples: Sequence, batch_size: int, device: str) -> Iterator[dict]:
    """A record for each example, in order. What stands in the same batch or is padded changes no answer."""
    import torch

    from fairseq_hebrew.data.labelled_dataset import LabelledDataset

    dataset = LabelledDataset(task.samples(examples), task.dictionary.pad(), seed=1)
    outputs: list = [None] * len(dataset)
    order = dataset.ordered_indices()
    try:
        model.to(device)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {device}: {reason}") from None
    with torch.inference_mode(), Progress("predict", len(dataset), "examples") as progress:
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size]
            batch = dataset.collater([dataset[i] for i in indices])
            inputs = {name: value.to(device) for name, value in batch["net_input"].items()}
            logits = model(**inputs, head=task.head)[0].float().cpu()
            for row, index in enumerate(indices):
                outputs[index] = logits[row]
            progress.add(len(indices))
    classes = task.description.classes
    if task.kind == "sequence_classification":
        for example, logits in zip(examples, outputs):
            probabilities = logits.softmax(-1)
            scores = {name: round(float(p), 6) for name, p in zip(classes, probabilities)}
            yield text_record(task.description, example, classes[int(probabilities.argmax())], scores)
        return
    tags: list[list[str]] = [[] for _ in examples]
    # Samples stand in the order of their words: a sentence cut in two is joined again by appending.
    for sample, logits in zip(dataset.samples, outputs):
        tags[sample.example] += [classes[int(logits[position].argmax())] for position in sample.positions]
    for example, predicted in zip(examples, tags):
        yield tagged_record(task.description, example, predicted)


def text_record(description: TaskDescription, example: LabelledText, predicted: str, scores: dict | None) -> dict:
    record = {
        "kind": description.kind,
        "task": description.name,
        "line": example.line,
        "text": example.text,
        "gold": example.label,
        "predicted": predicted,
        "labels": description.labels,
    }
    return record if scores is None else {**record, "scores": scores}


def tagged_record(description: TaskDescription, example: TaggedSentence, predicted: list[str]) -> dict:
    return {
        "kind": description.kind,
        "task": description.name,
        "scheme": description.scheme,
        "line": example.line,
        "words": example.words,
        "gold": example.tags,
        "predicted": predicted,
    }


def majority(description: TaskDescription, train: Sequence, examples: Sequence) -> Iterator[dict]:
    """The baseline without a model: the most frequent label of the training split.

    For tagged words it is the most frequent tag of each word in training, O for words not seen there: the most
    frequent tag of all is O, which finds nothing.
    """
    if description.kind == "sequence_classification":
        label = Counter(example.label for example in train).most_common(1)[0][0]
        yield from (text_record(description, example, label, None) for example in examples)
        return
    seen: dict[str, Counter] = {}
    for example in train:
        for word, tag in zip(example.words, example.tags):
            seen.setdefault(word, Counter())[tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in seen.items()}
    for example in examples:
        yield tagged_record(description, example, [best.get(word, "O") for word in example.words])


def predict(options: argparse.Namespace) -> dict:
    """Write the records of a split or a file, as a stage: whole or not at all, skipped when it is done."""
    if options.majority:
        if not options.description or not options.data:
            raise UsageError("--majority needs --description and --data: it learns from the training split")
        description = read_description(options.description)
        train, judged = split_path(options.data, "train", description), _judged(options, description)
        needed = [train, judged]

        def records() -> Iterator[dict]:
            return majority(description, read_file(train, description), read_file(judged, description))

    else:
        if options.checkpoint is None:
            raise UsageError("no checkpoint; give one before the options, or --majority for the baseline")
        state = read_checkpoint(options.checkpoint)
        description = _description(options, state)
        trained_with = state["cfg"]["task"]
        tokenizer = options.tokenizer or Path(trained_with["tokenizer_dir"])
        options.data = options.data or Path(trained_with["data"])
        judged = _judged(options, description)
        needed = [options.checkpoint, judged, *model_files(tokenizer), tokenizer / "dict.txt"]

        def records() -> Iterator[dict]:
            overrides = {"tokenizer_dir": str(tokenizer), "description": description.to_json()}
            model, task = load_model(options.checkpoint, state, overrides)
            return predictions(model, task, read_file(judged, description), options.batch_size, options.device)

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
    return given


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
    options.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1...")
    options.add_argument("--majority", action="store_true", help="the majority baseline instead of a checkpoint")
    options.add_argument("--force", action="store_true", help="run although the output is up to date")
    parsed = options.parse_args(arguments)
    if parsed.batch_size < 1:
        options.error("--batch-size: at least 1")
    return run_command(lambda: predict(parsed), parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
