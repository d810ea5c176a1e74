"""The table of cures says all there is to say, and --tpu makes each of them."""

import dataclasses

import pytest

from fairseq_hebrew.xla import start
from fairseq_hebrew.xla.table import CURES


@pytest.mark.parametrize("cure", CURES, ids=lambda cure: cure.name)
def test_every_cure_says_all_there_is_to_say(cure):
    assert all(getattr(cure, field.name) for field in dataclasses.fields(cure))
    assert cure.make.__doc__ and len(cure.why) > 40 and len(cure.until) > 20


def test_names_are_unique():
    assert len({cure.name for cure in CURES}) == len(CURES)


def test_each_is_made_once(monkeypatch):
    made = []
    played = tuple(dataclasses.replace(cure, make=lambda name=cure.name: made.append(name)) for cure in CURES)
    monkeypatch.setattr(start, "CURES", played)
    monkeypatch.setitem(start._begun, "cures", False)
    start.make_cures()
    start.make_cures()
    assert made == [cure.name for cure in CURES]
