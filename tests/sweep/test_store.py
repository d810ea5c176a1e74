"""The database: what is recorded comes back, grids grow, test scores stay, and what is no database is told."""

import datetime
import json

import optuna
import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.sweep.configuration import read_configuration
from fairseq_hebrew.sweep.points import Point, Setting
from fairseq_hebrew.sweep.store import Store
from fairseq_hebrew.sweep.training import Outcome
from tests.sweep.sweeps import configured, trials

TINY = "hallelubert_tiny"
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture
def opened(tmp_path, tokenizer_dir):
    """Opens the store of a configuration with these changes."""
    made = []

    def make(**changes):
        made.append(Store(read_configuration(configured(tmp_path, tokenizer_dir, **changes))))
        return made[-1]

    yield make
    for one in made:
        one.close()


def point(rate=2e-3, seed=1, model=TINY, batch=16):
    return Point(model, Setting(rate, batch), seed)


def test_what_is_recorded_comes_back(opened, tmp_path):
    store = opened()
    store.record(point(), Outcome((10.0, 62.5, 40.0), 6), NOW, {"host": "a"})
    store.record(point(1e-6), "ended by SIGKILL", NOW, {})
    found = opened().results()
    good, bad = found[point()], found[point(1e-6)]
    assert (good.value, good.reason, good.epoch, good.epochs, good.updates) == (62.5, None, 2, 3, 6)
    assert (bad.value, bad.reason, bad.epoch) == (None, "ended by SIGKILL", None)
    assert len(found) == 2 and good.seconds > 0
    first, second = trials(tmp_path / "out")
    assert first.intermediate_values == {1: 10.0, 2: 62.5, 3: 40.0} and first.datetime_start == NOW
    assert second.state == optuna.trial.TrialState.FAIL


def test_a_learning_rate_is_the_same_number_again(opened):
    rate = 1 / 30_000_001
    store = opened(grid={"learning_rates": [rate, 3e-5], "batch_sizes": [16], "seeds": [1]})
    store.record(point(rate), Outcome((1.0,), 1), NOW, {})
    assert point(rate) in store.results()


def test_failed_trials_can_be_run_again(opened):
    store = opened()
    store.record(point(), "no memory", NOW, {})
    store.record(point(1e-6), Outcome((50.0,), 1), NOW, {})
    assert store.run_failed_again() == 1 and set(store.results()) == {point(1e-6)}
    store.record(point(), "no memory again", NOW, {})
    assert store.results()[point()].reason == "no memory again"
    assert store.run_failed_again() == 1 and set(opened().results()) == {point(1e-6)}


def test_a_grid_may_grow_and_shrink(opened):
    store = opened()
    store.record(point(), Outcome((50.0,), 1), NOW, {})
    models = {TINY: {"arch": TINY}, "more": {"arch": TINY}}
    grown = opened(grid={"learning_rates": [1e-2, 2e-3], "batch_sizes": [8, 64], "seeds": [1, 9]}, models=models)
    grown.record(point(1e-2, 9, "more", 64), Outcome((60.0,), 1), NOW, {})
    grown.record(point(1e-2, 9, TINY, 64), Outcome((70.0,), 1), NOW, {})
    assert {key: one.value for key, one in grown.results().items()} == {
        point(): 50.0, point(1e-2, 9, "more", 64): 60.0, point(1e-2, 9, TINY, 64): 70.0,
    }  # fmt: skip


def test_test_scores_stay(opened):
    store, setting = opened(), Setting(2e-3, 16)
    assert store.test_scores(TINY) == {}
    store.record_test(TINY, setting, {1: {"macro_f1": 55.5}, 2: {"macro_f1": 44.5}})
    assert opened().test_scores(TINY) == {"lr0.002-batch16": {"1": {"macro_f1": 55.5}, "2": {"macro_f1": 44.5}}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"patience": 1}, "patience of hallelubert_tiny is 1, but the trials in sqlite:"),
        ({"options": {"dropout": 0.1}}, "options of hallelubert_tiny is"),
        ({"arch": None, "models": {TINY: {"arch": "hallelubert_small"}}}, 'arch of hallelubert_tiny is "hallelubert_s'),
    ],
)
def test_another_protocol_is_refused_by_name(opened, changes, told):
    opened()
    with pytest.raises(UserError) as raised:
        opened(**changes)
    assert told in str(raised.value) and "sweep.yaml: " in str(raised.value)


def test_test_may_be_held_back_but_not_changed(opened, tmp_path):
    opened(test=False)
    opened()
    opened(test=False)
    with open(tmp_path / "data" / "test.tsv", "a", encoding="utf-8") as file:
        file.write("עוד תגובה\t1\n")
    opened(test=False)
    with pytest.raises(UserError, match="the test file of hallelubert_tiny is"):
        opened()


def test_a_moved_folder_goes_on(opened, tmp_path, tokenizer_dir):
    opened().record(point(), Outcome((50.0,), 1), NOW, {})
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("data", "out"):
        (tmp_path / name).rename(moved / name)
    store = Store(read_configuration(configured(moved, tokenizer_dir)))
    assert set(store.results()) == {point()}
    store.close()


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        ("nonsense", "storage nonsense: Could not parse"),
        ("oracle99://x", "storage oracle99://x: "),
        ("sqlite:////no/such/folder/a.db", "storage sqlite:////no/such/folder/a.db: "),
        ("mysql://me:secret@localhost/x", "storage mysql://me:***@localhost/x: needs the package MySQLdb"),
    ],
)
def test_what_is_no_database_is_told_without_its_password(opened, storage, told):
    with pytest.raises(UserError) as raised:
        opened(storage=storage)
    assert told in str(raised.value) and "secret" not in str(raised.value) and "\n" not in str(raised.value)


def test_a_damaged_database_is_told(opened, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sweep.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(UserError, match="file is not a database"):
        opened()


def test_what_others_put_into_the_study_is_left_alone(opened, tmp_path):
    store = opened()
    study = optuna.load_study(study_name=f"small/{TINY}", storage=f"sqlite:///{tmp_path / 'out' / 'sweep.db'}")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    assert store.results() == {}
    assert json.loads(json.dumps(study.user_attrs["settings"]))["arch"] == TINY
