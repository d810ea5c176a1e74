"""What every description of a task has: its name, files, metric and length; a kind adds what is its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import ClassVar

from fairseq_hebrew.stage.errors import UserError

# <s>, a piece and </s>: in less, no word has room.
LEAST_TOKENS = 3

REMEDY = "docs/fine-tuning.md shows a description"
# What may stand behind a key: the types of its values, by the annotation of its field.
TYPES = {
    "str": ((str,), "text"),
    "int": ((int,), "whole number"),
    "bool": ((bool,), "true or false"),
    "float": ((int, float), "number"),
    "dict[str, str]": ((list, dict), "list or mapping"),
    "Files": ((dict,), "mapping"),
    "list[str]": ((list,), "list"),
    "Weights": ((str, dict), "text or mapping"),
    "Shares": ((dict,), "mapping"),
}
Files = dict[str, str]
Weights = str | dict[str, float]
Shares = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class TaskDescription:
    """What a task is. A subclass is a kind of task; its fields are the keys that a YAML file may have."""

    KIND: ClassVar[str]
    METRICS: ClassVar[tuple[str, ...]]  # those a checkpoint can be selected by
    HOLDS_OUT: ClassVar[bool] = True  # whether splits can be held out of the training file

    name: str
    files: Files  # of each split, in the data folder
    metric: str
    max_tokens: int = 512
    normalize: bool = True  # the normalization of `clean` (points, bidi controls), as the pretraining text had
    held_out: Shares = field(default_factory=dict)  # splits that are parts of the training file, each a share of 1
    held_out_seed: int = 1
    where: str = field(default="", compare=False)

    @property
    def splits(self) -> list[str]:
        """Those that have a file, and those that are held out."""
        return [*self.files, *self.held_out]

    @property
    def kind(self) -> str:
        return self.KIND

    def to_json(self) -> str:
        """The description in one line, as checkpoints keep it."""
        values = {"name": self.name, "kind": self.kind, **asdict(self)}
        if not self.held_out:
            values = {key: value for key, value in values.items() if not key.startswith("held_out")}
        return json.dumps({k: v for k, v in values.items() if k != "where"}, ensure_ascii=False)

    def as_trained(self, trained: TaskDescription) -> TaskDescription:
        """This description for a model that was trained by another of its kind."""
        return self

    @classmethod
    def read(cls, values: Mapping, where: str) -> TaskDescription:
        """From the keys of a file, without `kind`; raises UserError naming the key that is wrong."""
        known = {f.name: f for f in fields(cls) if f.name != "where"}
        values = dict(values)
        for f in known.values():
            if f.default is MISSING and f.default_factory is MISSING and f.name not in values:
                raise UserError(f"{where}: the key {f.name!r} is missing; {REMEDY}")
        for key in sorted(set(values) - set(known)):
            raise UserError(f"{where}: unknown key {key!r}; {REMEDY}")
        for key, value in values.items():
            types, name = TYPES[str(known[key].type)]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise UserError(f"{where}: {key}: {value!r} is no {name}; {REMEDY}")
        if values["metric"] not in cls.METRICS:
            raise UserError(f"{where}: metric {values['metric']!r} is none of {', '.join(cls.METRICS)}; {REMEDY}")
        if values.get("max_tokens", LEAST_TOKENS) < LEAST_TOKENS:
            raise UserError(f"{where}: max_tokens {values['max_tokens']}: at least {LEAST_TOKENS}; {REMEDY}")
        values["files"] = {str(key): str(value) for key, value in values["files"].items()}
        cls._check_held_out(values, where)
        cls.check(values, where)
        return cls(**values, where=where)

    @classmethod
    def _check_held_out(cls, values: dict, where: str) -> None:
        shares = values.get("held_out") or {}
        if not shares:
            return
        if not cls.HOLDS_OUT:
            raise UserError(f"{where}: held_out: {cls.KIND} has none; give each split a file of its own; {REMEDY}")
        if "train" not in values["files"]:
            raise UserError(f"{where}: held_out: there is no training file to hold it out of; {REMEDY}")
        for split, share in shares.items():
            if split in values["files"]:
                raise UserError(f"{where}: held_out: the split {split!r} has a file of its own; {REMEDY}")
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
                raise UserError(f"{where}: held_out: {split}: {share!r} is no share between 0 and 1; {REMEDY}")
        if sum(shares.values()) >= 1:
            raise UserError(f"{where}: held_out: nothing is left to train on; {REMEDY}")
        values["held_out"] = {str(split): float(share) for split, share in shares.items()}

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        """Check and complete the values of a kind's own keys, in place."""


@dataclass(frozen=True, kw_only=True)
class LabelledDescription(TaskDescription):
    """A task with a set of labels. `labels` maps what stands in the files to the name that is shown, in the order of
    the classes."""

    labels: dict[str, str]

    @property
    def classes(self) -> list[str]:
        """The classes a model predicts, in order."""
        return list(self.labels)

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        labels = values["labels"]
        if isinstance(labels, list):
            labels = {str(label): str(label) for label in labels}
        if not labels:
            raise UserError(f"{where}: labels: none are named; {REMEDY}")
        values["labels"] = {str(key): str(value) for key, value in labels.items()}
