"""Plans on the local executor: same bytes however they are run, nothing done twice, nothing wrong left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairseq_hebrew.preprocess.engine.backends import LocalBackend, LocalSettings
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.engine import small_parts
from tests.preprocess.engine.conftest import ROOT


def local(workers):
    return LocalBackend(LocalSettings(workers=workers, memory=10))


def tasks_run(capsys):
    """How many tasks each phase ran, as the command told."""
    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    return {words[1].rstrip(":"): int(words[2]) for words in lines if "done" in words}


def test_one_and_three_workers_make_the_same_bytes(run, made, sources):
    one, three = run("one", local(1)), run("three", local(3))
    assert made(one) == made(three)
    words = " ".join(path.read_text() for path in sources).split()
    assert sorted(b"".join(made(one)[f"text/{n}.txt"] for n in range(3)).decode().split()) == sorted(words)
    assert made(one)["text/total.txt"].startswith(b"1200\n")
    # Nothing of the phases between is left, nor of scratch.
    assert not (one / "work").exists() and not list(one.rglob("scratch/*/*"))
    summary = json.loads((one / "corpus.manifest.json").read_text())
    told = summary["phases"]["scatter"]
    assert told.keys() == {"tasks", "seconds", "cpu_seconds", "words"} and (told["tasks"], told["words"]) == (4, 1200)


def test_what_is_done_is_not_done_again(run, capsys):
    folder = run(backend=local(1))
    assert tasks_run(capsys) == {"scatter": 4, "gather": 3, "total": 1, "copy": 1, "finish": 1}
    times = {path: os.stat(path).st_mtime_ns for path in folder.rglob("*")}
    # Neither workers nor memory change a result.
    run(backend=local(3), memory=2)
    assert "all 10 tasks are up to date" in capsys.readouterr().err
    assert times == {path: os.stat(path).st_mtime_ns for path in folder.rglob("*")}
    run(backend=local(1), force=True)
    assert sum(tasks_run(capsys).values()) == 10


def test_a_changed_setting_and_back(run, made, capsys):
    first = made(run(backend=local(1)))
    capsys.readouterr()
    changed = made(run(backend=local(1), upper=True))
    # Files of the phases between are gone: they are made again for those that need them.
    assert tasks_run(capsys) == {"scatter": 4, "gather": 3, "total": 1, "copy": 1, "finish": 1}
    assert changed.keys() == first.keys()
    assert made(run(backend=local(1))) == first
    assert tasks_run(capsys)["gather"] == 3, "the markers of the first run are not believed"


def test_a_changed_source_and_a_touched_one(run, made, sources, capsys):
    first = made(run(backend=local(1)))
    capsys.readouterr()
    os.utime(sources[0], (1, 1))
    run(backend=local(1))
    assert "up to date" in capsys.readouterr().err, "the same bytes with another date"
    content = sources[1].read_text().replace("א", "ב", 1)
    sources[1].write_text(content)
    assert made(run(backend=local(1))) != first
    assert made(run("other", local(1)))["text/total.txt"] == made(run(backend=local(1)))["text/total.txt"]


@pytest.mark.parametrize("how", ["damaged", "shortened", "removed", "record"])
def test_an_output_that_was_tampered_with_is_made_again(run, made, capsys, how):
    folder = run(backend=local(1))
    first = made(folder)
    victim = folder / "text" / "1.txt"
    if how == "damaged":
        victim.write_bytes(b"x" * victim.stat().st_size)
    elif how == "shortened":
        victim.write_bytes(victim.read_bytes()[:-1])
    elif how == "removed":
        victim.unlink()
    else:
        (folder / "engine" / "done" / "gather" / "1.json").write_text("{")
    capsys.readouterr()
    assert made(run(backend=local(1))) == first
    assert tasks_run(capsys) == {"scatter": 4, "gather": 1, "finish": 1}, "the tasks after it are still right"


def test_a_folder_that_was_copied_is_done(run, tmp_path, capsys):
    folder = run(backend=local(1))
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied, copy_function=shutil.copy)
    shutil.rmtree(folder)
    capsys.readouterr()
    run(copied, local(1))
    assert "up to date" in capsys.readouterr().err


def test_what_an_earlier_plan_made_goes(run, made, sources):
    folder = run(backend=local(1), buckets=5)
    (folder / "text" / "mine.txt").write_text("of the user")
    now = made(run(backend=local(1), buckets=2, files=sources[:3]))
    assert set(now) == {
        *(f"text/{name}.txt" for name in ("0", "1", "total", "mine")),
        *(f"total/{name}.txt" for name in ("count", "longest")),
    }


def test_a_part_sees_no_other_files_of_a_folder(run, made, tmp_path):
    """Those of an earlier plan are there until the end: a tokenizer of another model would be opened instead."""
    (tmp_path / "made" / "total").mkdir(parents=True)
    (tmp_path / "made" / "total" / "another.txt").write_text("of an earlier plan")
    folder = run(backend=local(1))
    assert made(folder)["text/total.txt"].startswith(b"1200\n")
    assert not list(folder.rglob("scratch/*/*")) and (folder / "total" / "count.txt").read_text() == "1200\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_part_that_fails_is_one_clear_line(run, made, sources, workers):
    with pytest.raises(UserError) as error:
        run(backend=local(workers), last=small_parts.refuse)
    said = str(error.value)
    assert said.startswith(f"scatter/3: {sources[3]}:1: a word too many; take it out; log: ") and "\n" not in said
    log = said.rpartition("log: ")[2]
    assert "a word too many" in (told := Path(log).read_text()) and "scattered 300" in told
    folder = run(backend=local(workers))
    assert made(folder) == made(run("other", local(1)))


@pytest.mark.parametrize(
    "part, said",
    [
        (small_parts.stumble, "ZeroDivisionError: by nobody's fault; log: "),
        (small_parts.forgetful, "FileNotFoundError"),
    ],
)
def test_a_fault_of_the_program_names_its_log(run, part, said):
    with pytest.raises(UserError, match=said):
        run(backend=local(2), first=part)


def test_a_worker_that_is_killed(run, made):
    with pytest.raises(UserError, match="killed, most likely for want of memory"):
        run(backend=local(2), first=small_parts.die)
    assert made(run(backend=local(2))) == made(run("other", local(1)))


KILLED = """
import sys
from fairseq_hebrew.preprocess.engine.backends import LocalBackend, LocalSettings
from fairseq_hebrew.preprocess.engine.records import open_sources
from fairseq_hebrew.preprocess.engine.run import run_plan
from tests.preprocess.engine import small_parts
if __name__ == "__main__":
    root, workers, *files = sys.argv[1:]
    phases = small_parts.phases_of(list(open_sources(root, files).values()), last=small_parts.linger)
    run_plan(phases, root, LocalBackend(LocalSettings(workers=int(workers))))
"""


@pytest.mark.parametrize("workers", [1, 3])
def test_killed_half_way_and_run_again(run, made, sources, tmp_path, workers):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(tmp_path / "made"), str(workers), *map(str, sources)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while not sources[3].with_name("began").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "made" / "text").exists()
    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert made(tmp_path / "made") == made(run("other", local(1)))
    # What was done before the kill was not done again.
    if workers == 1:
        assert "scatter: 1 task done" in again.stderr


def test_a_later_run_ends_an_earlier_one(run, made, tmp_path, monkeypatch):
    from fairseq_hebrew.preprocess.engine import staging

    real = staging.run_task

    def other_run_begins(task, key, place):
        if task.name == "gather/1":
            (tmp_path / "made" / "engine" / "run").write_text("another")
        return real(task, key, place)

    monkeypatch.setattr("fairseq_hebrew.preprocess.engine.steps.run_task", other_run_begins)
    with pytest.raises(UserError, match="made: another run has begun on this output folder"):
        run(backend=local(1))
    monkeypatch.undo()
    assert made(run(backend=local(1))) == made(run("other", local(1)))


def test_a_source_that_changes_while_it_is_read(run, sources, monkeypatch):
    from fairseq_hebrew.preprocess.engine import staging

    real = staging.run_task

    def changed(task, key, place):
        if task.name == "scatter/2":
            sources[2].write_text("other words")
        return real(task, key, place)

    monkeypatch.setattr("fairseq_hebrew.preprocess.engine.steps.run_task", changed)
    with pytest.raises(UserError, match=r"s2\.txt: changed while the corpus was being prepared; run the same command"):
        run(backend=local(1))


def test_more_tasks_than_ranks(run, made, monkeypatch):
    monkeypatch.setattr("fairseq_hebrew.preprocess.engine.backends.RANKS_A_WORKER", 1)
    folder = run(backend=local(3))
    assert made(folder) == made(run("other", local(1)))
    assert len(list(folder.glob("engine/scatter-*/completions/*"))) == 3
