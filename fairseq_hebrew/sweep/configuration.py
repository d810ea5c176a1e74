"""The YAML file of a sweep: read and checked whole before anything is trained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq_hebrew.data.described import TaskDescription, built_in, read_description
from fairseq_hebrew.data.examples import read_examples
from fairseq_hebrew.stage.errors import at

from .marked_yaml import MarkedFile
from .points import Point, Setting

REMEDY = "docs/sweep.md shows a configuration"
# The grids of the sister papers of HalleluBERT (micro F1 for entities, macro F1 for texts): 28 settings.
PRESETS: dict[str, dict[str, Any]] = {
    "sister-papers": {
        "batch_sizes": [16, 32, 48, 64],
        "learning_rates": [1e-4, 5e-5, 2e-5, 1e-5, 7e-6, 5e-6, 1e-6],
        "epochs": 30,
        "patience": 3,
    }
}
KEYS = (
    "name", "task", "criterion", "description", "data", "output", "storage", "tokenizer", "arch", "checkpoint",
    "models", "preset", "grid", "epochs", "patience", "warmup", "training_samples", "options", "keep", "test", "device",
)  # fmt: skip
GRID = ("learning_rates", "batch_sizes", "seeds")
MODEL = ("arch", "checkpoint", "tokenizer", "options")
# The loss of the kinds of tasks that are no classification.
CRITERIA = {"question_answering": "spans", "sequence_regression": "squared_error", "retrieval": "contrastive"}
# RoBERTa's share of updates in the warm-up of its fine-tuning (Liu et al. 2019, table 10).
WARMUP = 0.06
# What a trial is trained with where `options` says nothing else.
DEFAULTS: dict[str, Any] = {
    "optimizer": "adam",
    "adam-betas": "(0.9,0.98)",
    "adam-eps": 1e-6,
    "weight-decay": 0.01,
    "lr-scheduler": "polynomial_decay",
    "num-workers": 0,
    "log-interval": 50,
}
# The options by which a schedule is told how long it is.
WARMUP_OPTION, TOTAL_OPTION = "warmup-updates", "total-num-update"
SCHEDULES = {
    "polynomial_decay": (WARMUP_OPTION, TOTAL_OPTION),
    "cosine_floor": (WARMUP_OPTION, TOTAL_OPTION),
    "trapezoidal": (WARMUP_OPTION, TOTAL_OPTION),
    "inverse_sqrt": (WARMUP_OPTION,),
    "fixed": (WARMUP_OPTION,),
}
# What the sweep itself says to fairseq-train, and where in the configuration it is said.
OWN = {
    "lr": "`grid: learning_rates`",
    "batch-size": "`grid: batch_sizes`",
    "seed": "`grid: seeds`",
    "max-epoch": "`epochs`",
    "patience": "`patience`",
    WARMUP_OPTION: "`warmup`",
    TOTAL_OPTION: "`epochs`",
    "task": "`description`",
    "description": "`description`",
    "criterion": "`criterion`",
    "arch": "`arch`",
    "tokenizer-dir": "`tokenizer`",
    "finetune-from-model": "`checkpoint`",
    "best-checkpoint-metric": "the description's metric",
    "maximize-best-checkpoint-metric": "the description's metric",
    "cpu": "`device`",
    **dict.fromkeys(
        (
            "save-dir", "log-file", "log-format", "user-dir", "restore-file", "max-update", "no-save",
            "no-epoch-checkpoints", "no-last-checkpoints", "no-save-optimizer-state", "required-batch-size-multiple",
            "distributed-world-size", "validate-interval", "validate-interval-updates", "validate-after-updates",
            "disable-validation", "train-subset", "valid-subset", "max-tokens", "max-sentences", "save-interval",
            "save-interval-updates",
        ),
        "the sweep",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """What is fine-tuned; without a checkpoint it begins at random weights."""

    name: str
    arch: str
    tokenizer: Path
    checkpoint: Path | None
    options: dict[str, Any]  # of fairseq-train, by name without `--`


@dataclass(frozen=True)
class Configuration:
    """A sweep. Paths of inputs are absolute; `samples` is the number of training samples."""

    path: Path
    name: str
    task: str
    criterion: str
    description: TaskDescription
    described_by: str  # what --description is given
    data: Path
    output: Path
    storage: str  # SQLAlchemy's URL of the database
    models: tuple[Model, ...]
    learning_rates: tuple[float, ...]
    batch_sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    epochs: int
    patience: int
    warmup: float
    keep: str
    test: bool
    device: str
    samples: int

    @property
    def settings(self) -> list[Setting]:
        return [Setting(rate, size) for rate in self.learning_rates for size in self.batch_sizes]

    def points(self) -> list[Point]:
        """All trials, in the order in which they are begun: a model after another, a seed after another."""
        return [
            Point(model.name, setting, seed)
            for model in self.models
            for seed in self.seeds
            for setting in self.settings
        ]

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)


def read_configuration(path: Path, output: Path | None = None) -> Configuration:
    """The configuration in a file, every input found; raises UserError naming the line of what is wrong.

    Names of inputs are relative to the folder of the file, `output` to the current one.
    """
    file = MarkedFile(path, REMEDY)
    file.section((), KEYS)
    preset = PRESETS[file.text(("preset",), choices=list(PRESETS))] if "preset" in file.values else {}
    described_by, description = _description(file)
    data = _existing(file, ("data",), folder=True)
    examples = len(_splits(file, data, description)["train"])
    learning_rates, batch_sizes, seeds = _grid(file, preset)
    warmup = file.number(("warmup",), WARMUP)
    if not 0 <= warmup < 1:
        raise file.error(("warmup",), f"warmup: {warmup}: a share of the updates from 0 to less than 1 is needed")
    if output is None:
        given = file.text(("output",))
        if given is None:
            raise at(path, None, "no output folder", "set `output:` to a folder's name or give --output")
        output = Path(given)
    output = output.resolve()
    name = file.text(("name",), path.stem) or ""
    _check_name(file, ("name",), name)
    return Configuration(
        path=path,
        name=name,
        task=file.text(("task",), description.kind, choices=[description.kind]) or description.kind,
        criterion=file.text(("criterion",), CRITERIA.get(description.kind, "classification")) or "",
        description=description,
        described_by=described_by,
        data=data,
        output=output,
        storage=file.text(("storage",)) or f"sqlite:///{output / 'sweep.db'}",
        models=_models(file),
        learning_rates=learning_rates,
        batch_sizes=batch_sizes,
        seeds=seeds,
        epochs=file.whole(("epochs",), preset.get("epochs", 30)),
        patience=file.whole(("patience",), preset.get("patience", 3)),
        warmup=warmup,
        keep=file.text(("keep",), "all", choices=("all", "best")) or "all",
        test=file.flag(("test",), True),
        device=file.text(("device",), "auto", choices=("auto", "cpu", "cuda")) or "auto",
        samples=file.whole(("training_samples",), examples),
    )


def _description(file: MarkedFile) -> tuple[str, TaskDescription]:
    given = file.text(("description",))
    if given is None:
        raise at(file.path, None, "the key 'description' is missing", REMEDY)
    found = given if given in built_in() else str((file.path.parent / given).resolve())
    if given not in built_in() and not Path(found).is_file():
        known = ", ".join(built_in())
        raise file.error(("description",), f"description: {given!r} is neither a file ({found}) nor one of {known}")
    return found, read_description(found)


def _splits(file: MarkedFile, data: Path, description: TaskDescription) -> dict[str, list]:
    """The splits of the task, read: what is wrong in one is told before hours of training."""
    found = {}
    for split in ("train", "valid", *(["test"] if file.flag(("test",), True) else [])):
        if split not in description.splits:
            raise file.error(("description",), f"the task {description.name} has no {split} split")
        found[split] = read_examples(data, split, description)
    return found


def _existing(file: MarkedFile, keys: tuple, folder: bool = False) -> Path:
    given = file.text(keys)
    if given is None:
        raise at(file.path, None, f"the key {keys[-1]!r} is missing", REMEDY)
    found = (file.path.parent / given).resolve()
    if not (found.is_dir() if folder else found.is_file()):
        raise file.error(keys, f"{keys[-1]}: {found}: no such {'folder' if folder else 'file'}")
    return found


def _grid(file: MarkedFile, preset: dict) -> tuple[tuple[float, ...], tuple[int, ...], tuple[int, ...]]:
    grid = file.section(("grid",), GRID)
    for key in GRID:
        if key not in grid and key not in preset:
            what = "the seeds are missing" if key == "seeds" else f"the key {key!r} is missing"
            raise file.error(("grid",), f"grid: {what}")

    def rate(keys: tuple) -> float:
        if (found := file.number(keys)) <= 0:
            raise file.error(keys, f"learning_rates: {found}: more than 0 is needed")
        return found

    read = {"learning_rates": rate, "batch_sizes": file.whole, "seeds": lambda keys: file.whole(keys, least=0)}
    found = [tuple(file.listed(("grid", key), read[key])) if key in grid else tuple(preset[key]) for key in GRID]
    return found[0], found[1], found[2]


def _check_name(file: MarkedFile, keys: tuple, name: str) -> None:
    """Names are of folders and of rows of the database."""
    if not re.fullmatch(r"\w[\w.-]{0,79}", name):
        raise file.error(keys, f"{keys[0]}: {name!r}: a name of letters, digits, '_', '-' and '.', at most 80")


def _models(file: MarkedFile) -> tuple[Model, ...]:
    """The models; without the key `models` one, of the arch, checkpoint and tokenizer of the sweep."""
    if "models" not in file.values:
        return (_model(file, file.text(("arch",)) or "", ()),)
    names = file.section(("models",))
    if not names:
        raise file.error(("models",), "models: none is named")
    for name in names:
        _check_name(file, ("models", name), name)
        file.section(("models", name), MODEL)
    return tuple(_model(file, name, ("models", name)) for name in names)


def _model(file: MarkedFile, name: str, keys: tuple) -> Model:
    def place(key: str) -> tuple:
        """Where a key of the model stands: in its own part, or for all models."""
        return (*keys, key) if file.get((*keys, key)) is not None else (key,)

    arch = file.text(place("arch"))
    if arch is None:
        raise file.error(keys, f"{name or file.path.name}: the key 'arch' is missing")
    checkpoint = place("checkpoint")
    tokenizer = _existing(file, place("tokenizer"), folder=True)
    if not (tokenizer / "dict.txt").is_file():
        raise file.error(place("tokenizer"), f"tokenizer: {tokenizer}: no dict.txt in it, so no tokenizer's folder")
    return Model(
        name=name or arch,
        arch=arch,
        tokenizer=tokenizer,
        checkpoint=_existing(file, checkpoint) if file.get(checkpoint) is not None else None,
        options={**DEFAULTS, **_options(file, ("options",)), **(_options(file, (*keys, "options")) if keys else {})},
    )


def _options(file: MarkedFile, keys: tuple) -> dict[str, Any]:
    """Options of fairseq-train: a value, or true for one that takes none."""
    made = {}
    for given, value in file.section(keys).items():
        option, place = given.removeprefix("--").replace("_", "-"), (*keys, given)
        if option in OWN:
            raise file.error(place, f"{given}: is set by {OWN[option]}")
        if not isinstance(value, str | int | float):
            raise file.error(place, f"{given}: {value!r} is no value of an option; give true for one without a value")
        made[option] = value
    if "update-freq" in made:
        file.whole((*keys, next(key for key in file.section(keys) if "freq" in key)))
    if (schedule := made.get("lr-scheduler", "polynomial_decay")) not in SCHEDULES:
        raise file.error(keys, f"lr-scheduler: {schedule!r} is none of {', '.join(SCHEDULES)}")
    return made
