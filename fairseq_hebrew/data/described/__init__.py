"""The one description of a task: its files, labels, metric and length, for training, prediction and scores.

A description is a YAML file: one of this package's (`nemo`, `smcd`, `heq`...), or a user's own. Each kind of task has a
class here, with the keys that are its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from fairseq_hebrew.stage.errors import UserError

from .base import LEAST_TOKENS, REMEDY, TaskDescription
from .questions import QuestionAnswering
from .retrieval import Retrieval
from .tagged_words import SCHEMES, TokenClassification
from .texts import SequenceClassification, SequenceRegression

__all__ = [
    "CHECKPOINT_KEY",
    "KINDS",
    "LEAST_TOKENS",
    "LENGTH_KEY",
    "SCHEMES",
    "TaskDescription",
    "built_in",
    "read_description",
]

FOLDER = Path(__file__).with_name("built_in")

# Where a checkpoint's task_state keeps the description it was trained with, as JSON.
CHECKPOINT_KEY = "task_description"
# And the tokens of the longest sample, where that is not the description's max_tokens.
LENGTH_KEY = "max_tokens_per_sample"

KINDS: dict[str, type[TaskDescription]] = {
    kind.KIND: kind
    for kind in (
        TokenClassification,
        SequenceClassification,
        SequenceRegression,
        QuestionAnswering,
        Retrieval,
    )
}


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
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: expected `key: value` lines; {REMEDY}")
    values = dict(values)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        told = "the key 'kind' is missing" if kind is None else f"kind {kind!r} is none of {', '.join(KINDS)}"
        raise UserError(f"{where}: {told}; {REMEDY}")
    return KINDS[kind].read(values, where)
