"""The one description of a labelled task: its files, labels, metric and length, for training, prediction and scores.

A description is a YAML file: one of this package's (`nemo`, `smcd`), or a user's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from fairseq_hebrew.stage.errors import UserError

FOLDER = Path(__file__).with_name("descriptions")

# Where a checkpoint's task_state keeps the description it was trained with, as JSON.
CHECKPOINT_KEY = "task_description"

# <s>, a piece and </s>: in less, no word has room.
LEAST_TOKENS = 3

# kind: (metrics it can be selected by, keys of its own)
KINDS = {
    "token_classification": (("f1",), ("scheme",)),
    "sequence_classification": (("macro_f1", "accuracy"), ("text_column", "label_column")),
}
# What stands behind a key, where it is not text.
TYPES = {"files": (dict,), "labels": (list, dict), "max_tokens": (int,), "normalize": (bool,)}
NAMES = {str: "text", dict: "mapping", list: "list", int: "whole number", bool: "true or false"}
SCHEMES = {"bio": "BI", "bioes": "BIES"}


@dataclass(frozen=True)
class TaskDescription:
    """What a task is. `labels` maps what stands in the files to the name that is shown, in the order of the classes;
    for token classification these are the entity types, without their B-, I-, E- and S-."""

    name: str
    kind: str
    files: dict[str, str]
    labels: dict[str, str]
    metric: str
    max_tokens: int = 512
    normalize: bool = True  # the normalization of `clean` (points, bidi controls), as the pretraining text had
    scheme: str = "bioes"
    text_column: str = "text"
    label_column: str = "label"
    where: str = field(default="", compare=False)

    @property
    def classes(self) -> list[str]:
        """The classes a model predicts, in order: labels as in the files, or O and the tags of the scheme."""
        if self.kind == "sequence_classification":
            return list(self.labels)
        return ["O", *(f"{place}-{label}" for label in self.labels for place in SCHEMES[self.scheme])]

    def to_json(self) -> str:
        """The description in one line, as checkpoints keep it."""
        return json.dumps({k: v for k, v in asdict(self).items() if k != "where"}, ensure_ascii=False)


def built_in() -> list[str]:
    """Names of the descriptions that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_description(given: str) -> TaskDescription:
    """A description by name, by path of a YAML file, or from its JSON; raises UserError naming what is wrong."""
    if given.lstrip().startswith("{"):
        return _checked(json.loads(given), "the checkpoint's description")
    path = FOLDER / f"{given}.yaml" if given in built_in() else Path(given)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{given}: no such description file; give the path of one or a name: {', '.join(built_in())}"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a description file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not a YAML file; docs/fine-tuning.md shows a description") from None
    return _checked(values, str(path))


def _checked(values: object, where: str) -> TaskDescription:
    remedy = "docs/fine-tuning.md shows a description"
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: expected `key: value` lines; {remedy}")
    values = dict(values)
    for key in ("name", "kind", "files", "labels", "metric"):
        if key not in values:
            raise UserError(f"{where}: the key {key!r} is missing; {remedy}")
    for key, value in values.items():
        kinds = TYPES.get(key, (str,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise UserError(f"{where}: {key}: {value!r} is no {' or '.join(NAMES[k] for k in kinds)}; {remedy}")
    if values["kind"] not in KINDS:
        raise UserError(f"{where}: kind {values['kind']!r} is none of {', '.join(KINDS)}; {remedy}")
    metrics, _ = KINDS[values["kind"]]
    if values["metric"] not in metrics:
        raise UserError(f"{where}: metric {values['metric']!r} is none of {', '.join(metrics)}; {remedy}")
    unknown = set(values) - set(TaskDescription.__dataclass_fields__) | ({"where"} & set(values))
    if unknown:
        raise UserError(f"{where}: unknown key {sorted(unknown)[0]!r}; {remedy}")
    if values.get("max_tokens", LEAST_TOKENS) < LEAST_TOKENS:
        raise UserError(f"{where}: max_tokens {values['max_tokens']}: at least {LEAST_TOKENS}; {remedy}")
    if values.get("scheme", "bioes") not in SCHEMES:
        raise UserError(f"{where}: scheme {values['scheme']!r} is none of {', '.join(SCHEMES)}; {remedy}")
    labels = values["labels"]
    if isinstance(labels, list):
        labels = {str(label): str(label) for label in labels}
    if not labels:
        raise UserError(f"{where}: labels: none are named; {remedy}")
    values["labels"] = {str(key): str(value) for key, value in labels.items()}
    values["files"] = {str(key): str(value) for key, value in values["files"].items()}
    return TaskDescription(**values, where=where)
