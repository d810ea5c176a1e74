"""The results of a sweep in Optuna's database: a study for each model, a trial for each training that ended.

A trial is written whole, when it has ended: what a killed worker leaves behind is nothing but its claim. Which setting
was scored on test, and how, stands in the study's user attributes.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import sqlalchemy
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import split_path
from fairseq_hebrew.data.examples.retrieval_set import set_files
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import file_record
from fairseq_hebrew.text.tokenizer import model_files

from .configuration import Configuration, Model
from .points import Point, Setting
from .training import Outcome

SETTINGS, TEST, AGAIN = "settings", "test ", "run again"
TEST_FILE = "the test file"
# Seconds that a writer waits for another on SQLite.
PATIENCE = 60


@dataclass(frozen=True)
class Result:
    """How a trial ended: `value` is the dev metric (percent), None where it failed for `reason`."""

    point: Point
    number: int
    value: float | None
    reason: str | None
    epoch: int | None  # of the best checkpoint
    epochs: int | None  # that were trained
    updates: int | None
    seconds: float


class Store:
    """The studies of a sweep. Every method may be called by any worker of any machine."""

    def __init__(self, config: Configuration) -> None:
        self._config = config
        self.shown = config.storage
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        config.output.mkdir(parents=True, exist_ok=True)
        try:
            url = sqlalchemy.make_url(config.storage)
            self.shown = url.render_as_string(hide_password=True)
            lite = {"connect_args": {"timeout": PATIENCE}} if url.get_backend_name() == "sqlite" else {}
            self.engine = sqlalchemy.create_engine(url, **lite)
            with _alone(config.output / ".sweep.lock"):
                storage = optuna.storages.RDBStorage(config.storage, engine_kwargs=dict(lite))
                self._studies = {
                    model.name: optuna.create_study(
                        study_name=f"{config.name}/{model.name}",
                        storage=storage,
                        direction="maximize",
                        load_if_exists=True,
                    )
                    for model in config.models
                }
                self._check_settings()
        except ModuleNotFoundError as error:
            raise UserError(f"storage {self.shown}: needs the package {error.name}; install it with pip") from None
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
            cause = " ".join(str(error.__cause__ or error).split())[:200]
            raise UserError(
                f"storage {self.shown}: {cause}; correct `storage:`, or remove what is no database"
            ) from None

    def results(self) -> dict[Point, Result]:
        """The last result of each point that has one."""
        found: dict[Point, Result] = {}
        for model, study in self._studies.items():
            again = set(study.user_attrs.get(AGAIN, []))
            for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL)):
                if trial.number not in again and (result := _result(model, trial)) is not None:
                    found[result.point] = result
        return found

    def record(self, point: Point, ended: Outcome | str, began: datetime.datetime, about: Mapping) -> None:
        """Write a trial: its outcome, or the reason for which it failed. `about` is shown beside it."""
        config, setting = self._config, point.setting
        rates, sizes, seeds = config.learning_rates, config.batch_sizes, config.seeds
        found = ended if isinstance(ended, Outcome) else None
        trial = create_trial(
            state=TrialState.FAIL if found is None else TrialState.COMPLETE,
            value=None if found is None else found.value,
            params={"learning_rate": setting.learning_rate, "batch_size": setting.batch_size, "seed": point.seed},
            distributions={
                "learning_rate": FloatDistribution(min(rates), max(rates), log=True),
                "batch_size": IntDistribution(min(sizes), max(sizes)),
                "seed": IntDistribution(min(seeds), max(seeds)),
            },
            intermediate_values={} if found is None else dict(enumerate(found.values, start=1)),
            user_attrs={
                **about,
                **({"reason": ended} if found is None else {"epoch": found.epoch, "updates": found.updates}),
            },
        )
        trial.datetime_start = began
        self._studies[point.model].add_trial(trial)

    def run_failed_again(self) -> int:
        """Forget the trials that failed; how many there were."""
        failed = [result for result in self.results().values() if result.value is None]
        for model, study in self._studies.items():
            if numbers := [result.number for result in failed if result.point.model == model]:
                study.set_user_attr(AGAIN, sorted({*study.user_attrs.get(AGAIN, []), *numbers}))
        return len(failed)

    def test_scores(self, model: str) -> dict[str, dict]:
        """What was scored on test, by the name of the setting: {seed: scores}."""
        attributes = self._studies[model].user_attrs
        return {key.removeprefix(TEST): value for key, value in attributes.items() if key.startswith(TEST)}

    def record_test(self, model: str, setting: Setting, scores: Mapping[int, dict]) -> None:
        found = {str(seed): dict(values) for seed, values in scores.items()}
        self._studies[model].set_user_attr(f"{TEST}{setting.name}", found)

    def close(self) -> None:
        self.engine.dispose()

    def _check_settings(self) -> None:
        """Refuse to mix trials of other data, weights or options with those that are there."""
        for model in self._config.models:
            study, wanted = self._studies[model.name], _settings(self._config, model)
            kept = study.user_attrs.get(SETTINGS)
            if kept is None:
                study.set_user_attr(SETTINGS, wanted)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # it is for the dashboard alone, and may change
                    study.set_metric_names([self._config.description.metric])
                continue
            changed = sorted(key for key in {*kept, *wanted} - {TEST_FILE} if kept.get(key) != wanted.get(key))
            # `test: false` looks at no test file, before or after.
            if kept.get(TEST_FILE, file := wanted.get(TEST_FILE)) != file and file is not None:
                changed.append(TEST_FILE)
            if not changed and file is not None:
                study.set_user_attr(SETTINGS, {**kept, TEST_FILE: file})
            if changed:
                key = changed[0]
                raise UserError(
                    f"{self._config.path}: {key} of {model.name} is {json.dumps(wanted.get(key), ensure_ascii=False)}, "
                    f"but the trials in {self.shown} were begun with {json.dumps(kept.get(key), ensure_ascii=False)}; "
                    "set it back, or give another output folder, name or model name"
                )


def _settings(config: Configuration, model: Model) -> dict:
    """All that a trial depends on besides its point. Files count by their content."""
    description = config.description
    splits = ("train", "valid", *(["test"] if config.test else []))
    found = {
        "task": config.task,
        "criterion": config.criterion,
        "description": json.loads(description.to_json()),
        "arch": model.arch,
        "epochs": config.epochs,
        "patience": config.patience,
        "warmup": config.warmup,
        "training_samples": config.samples,
        "length of samples": "that of 95 % of the training split",  # fairseq-train's default; `options` may differ
        "options": dict(sorted(model.options.items())),
        **{f"the {split} file": _content(split_path(config.data, split, description)) for split in splits},
        **_searched(config, splits),
        "checkpoint": _content(model.checkpoint) if model.checkpoint else None,
        "tokenizer": [_content(path) for path in (*model_files(model.tokenizer), model.tokenizer / "dict.txt")],
    }
    return json.loads(json.dumps(found))


def _searched(config: Configuration, splits: Sequence[str]) -> dict:
    """Of retrieval in BEIR's form also what is searched, and for what."""
    description = config.description
    if description.kind != Retrieval.KIND:
        return {}
    _, *beside = set_files(split_path(config.data, splits[0], description), config.data, description)
    return {f"the file {path.name}": _content(path) for path in beside}


def _content(path: Path) -> str:
    return file_record(path)["sha256"][:16]


def _result(model: str, trial: FrozenTrial) -> Result | None:
    params, about = trial.params, trial.user_attrs
    if not {"learning_rate", "batch_size", "seed"} <= params.keys():
        return None  # somebody else's
    point = Point(model, Setting(float(params["learning_rate"]), int(params["batch_size"])), int(params["seed"]))
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    return Result(
        point,
        trial.number,
        trial.value if trial.state == TrialState.COMPLETE else None,
        about.get("reason"),
        about.get("epoch"),
        len(trial.intermediate_values) or None,
        about.get("updates"),
        round(seconds, 1),
    )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time, for tables that are made only once. A file system without locks goes without."""
    with open(path, "wb") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
