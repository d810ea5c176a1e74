"""What a sweep keeps, and that test is scored once, without any training: results are written by hand."""

import datetime

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.sweep import testing
from fairseq_hebrew.sweep.claims import Claims
from fairseq_hebrew.sweep.configuration import read_configuration
from fairseq_hebrew.sweep.points import Point, Setting
from fairseq_hebrew.sweep.selection import choose, summaries
from fairseq_hebrew.sweep.store import Store
from fairseq_hebrew.sweep.training import CHECKPOINT, Outcome
from fairseq_hebrew.sweep.work import Sweep
from tests.sweep.sweeps import configured

TINY = "hallelubert_tiny"
GOOD, POOR, OPEN, FAILED = (Setting(rate, 16) for rate in (1e-3, 2e-3, 3e-3, 4e-3))


@pytest.fixture
def sweep(tmp_path, tokenizer_dir):
    """Makes the sweep of a configuration with these seeds, over GOOD, POOR, OPEN and FAILED."""
    opened = []

    def make(seeds=(1, 2), devices=(), **changes):
        rates = [setting.learning_rate for setting in (GOOD, POOR, OPEN, FAILED)]
        grid = {"learning_rates": rates, "batch_sizes": [16], "seeds": list(seeds)}
        config = read_configuration(configured(tmp_path, tokenizer_dir, grid=grid, **changes))
        store = Store(config)
        opened.append((store, claims := Claims(store.engine)))
        return Sweep(config, store, claims, devices)

    yield make
    for store, claims in opened:
        claims.close()
        store.close()


def ended(sweep, setting, seed, found):
    """Record a trial that left a checkpoint."""
    point = Point(TINY, setting, seed)
    sweep.folder(point).mkdir(parents=True)
    (sweep.folder(point) / CHECKPOINT).write_text("")
    sweep.store.record(point, found if isinstance(found, str) else Outcome((found,), 1), datetime.datetime.now(), {})


def fill(sweep):
    for setting, values in ((GOOD, (80.0, 82.0)), (POOR, (79.0, 82.0)), (OPEN, (10.0,)), (FAILED, (90.0, "broke"))):
        for seed, value in enumerate(values, start=1):
            ended(sweep, setting, seed, value)


def chosen(sweep):
    config = sweep.config
    return choose(summaries(TINY, config.settings, config.seeds, sweep.store.results()))


def test_only_checkpoints_that_can_never_be_chosen_are_dropped(sweep):
    work = sweep()
    fill(work)
    work.drop_checkpoints()
    kept = {path.parent.name for path in (work.config.output / "trials").rglob(CHECKPOINT)}
    # OPEN has a seed to come, however low the first is.
    assert kept == {f"{GOOD.name}-seed1", f"{GOOD.name}-seed2", f"{OPEN.name}-seed1"}


def test_a_setting_is_scored_on_test_once(sweep, monkeypatch):
    asked = []

    def score(work, point):
        asked.append((point.setting, point.seed))
        return {"macro_f1": 50.0 + point.seed}

    monkeypatch.setattr(testing, "_score", score)
    work = sweep()
    fill(work)
    assert chosen(work).setting == GOOD
    expected = {"1": {"macro_f1": 51.0}, "2": {"macro_f1": 52.0}}
    assert testing.score_on_test(work, TINY, chosen(work)) == expected
    assert testing.score_on_test(work, TINY, chosen(work)) == expected
    again = sweep()
    assert testing.score_on_test(again, TINY, chosen(again)) == expected
    assert asked == [(GOOD, 1), (GOOD, 2)]
    # A seed more: it alone is scored.
    more = sweep(seeds=(1, 2, 3))
    ended(more, GOOD, 3, 81.0)
    assert testing.score_on_test(more, TINY, chosen(more)).keys() == {"1", "2", "3"}
    assert asked[2:] == [(GOOD, 3)]


def test_scores_are_recorded_for_all_seeds_or_none(sweep, monkeypatch):
    def score(work, point):
        if point.seed == 2:
            raise UserError("no memory")
        return {"macro_f1": 50.0}

    monkeypatch.setattr(testing, "_score", score)
    work = sweep()
    fill(work)
    with pytest.raises(UserError, match="no memory"):
        testing.score_on_test(work, TINY, chosen(work))
    assert work.store.test_scores(TINY) == {}
    assert work.claims.acquire(f"{work.config.name}/test {TINY}") is not None  # and the claim is free


def test_a_checkpoint_that_is_gone_is_named(sweep):
    work = sweep()
    fill(work)
    (path := work.folder(Point(TINY, GOOD, 1)) / CHECKPOINT).unlink()
    with pytest.raises(UserError, match="the checkpoint of the chosen setting is not there") as raised:
        testing.score_on_test(work, TINY, chosen(work))
    assert str(path) in str(raised.value)


def test_workers_share_the_devices_in_turn(sweep):
    work = sweep(devices=["0", "3"])
    assert [work.device(number) for number in range(3)] == ["0", "3", "0"]
    assert sweep().device(0) is None
