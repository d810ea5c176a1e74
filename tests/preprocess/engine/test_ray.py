"""The same plans on Ray, started on this machine."""

import os
from pathlib import Path

import pytest

from fairseq_hebrew.preprocess.engine.backends import RayBackend, RaySettings
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.engine import small_parts
from tests.preprocess.engine.conftest import ROOT

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """A cluster of 2 cores that finds the parts of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            "local",
            num_cpus=2,
            object_store_memory=80 << 20,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _memory=4 << 30,
        )
        yield
        ray.shutdown()


def on_ray(**settings):
    return RayBackend(RaySettings(**{"memory": 0.5, **settings}))


def test_ray_and_the_local_executor_make_the_same_bytes(run, made):
    # Two actors share the four tasks of the first phase.
    assert made(run("ray", on_ray(jobs=2))) == made(run("local"))


def test_a_part_that_fails_on_ray_and_the_next_run(run, made, sources):
    with pytest.raises(UserError) as error:
        run("ray", on_ray(), last=small_parts.refuse)
    said = str(error.value)
    assert said.startswith(f"scatter/3: {sources[3]}:1: a word too many; take it out; log: ") and "\n" not in said
    assert "a word too many" in Path(said.rpartition("log: ")[2]).read_text()
    assert made(run("ray", on_ray())) == made(run("local"))


def test_a_task_that_is_killed_on_ray(run):
    with pytest.raises(UserError, match="scatter: a process was killed, most likely for want of memory; log: "):
        run("ray", on_ray(workers=1), first=small_parts.die)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:99999999"])
def test_no_cluster_at_an_address(run, monkeypatch, address):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(UserError, match=f"ray: no cluster at {address} .*is it started"):
        run("ray", on_ray(address=address))


def test_a_task_no_machine_has_room_for(run):
    with pytest.raises(UserError, match="ray: no machine has the 1 cores and 400 GB a task of phase gather asks for"):
        run("ray", on_ray(phases={"gather": {"memory": 400}}))
    with pytest.raises(UserError, match="no machine has the 9 cores"):
        run("ray", on_ray(cpus=9))
