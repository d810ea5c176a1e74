"""The command itself: killed and resumed, by two processes, scored on test once; what fails and what that stops."""

import contextlib
import ctypes
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, heed_interrupts, run, the_error
from tests.sweep.sweeps import configured, trials

COMMAND = Path(sys.executable).parent / "fairseq-hebrew"


@contextlib.contextmanager
def begun_command(config, *options):
    """The command, running; it does not outlive the block."""
    process = subprocess.Popen(
        [COMMAND, "sweep", config, *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def trainings(folder):
    """The ids of the processes that train into a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in told and "fairseq-train" in told:
            found.append(int(path.parent.name))
    return found


def begun(output):
    """The folders of trials that run."""
    return [path for path in output.glob("trials/*/.*") if (path / "output.txt").exists()]


@pytest.fixture(scope="module")
def killed_and_resumed(tmp_path_factory, tokenizer_dir):
    """(configuration, output, trials when the command was killed, what the two that resumed it said)."""
    folder = tmp_path_factory.mktemp("sweep")
    config, output = configured(folder, tokenizer_dir), folder / "out"
    with begun_command(config) as process:
        until(lambda: list(output.glob("trials/*/lr*")) and begun(output))
        (running,) = begun(output)
        until((running / "train.log").exists)
        assert trainings(running)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    # What it trained dies with it, or it would write beside the one that runs again.
    until(lambda: not trainings(output), seconds=60)
    before = trials(output)
    with begun_command(config) as one, begun_command(config) as other:
        said = [process.communicate(timeout=600) for process in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0], said
    return config, output, before, said


def test_no_trial_is_lost_or_repeated_by_a_kill_and_two_processes(killed_and_resumed):
    _, output, before, said = killed_and_resumed
    after = trials(output)
    assert len(before) == 1 and after[0] == before[0]  # to the microsecond
    assert {one.state.name for one in after} == {"COMPLETE"}
    points = [(one.params["learning_rate"], one.params["batch_size"], one.params["seed"]) for one in after]
    assert sorted(points) == [(1e-6, 16, 1), (1e-6, 16, 2), (2e-3, 16, 1), (2e-3, 16, 2)]
    ended = [line for _, text in said for line in text.splitlines() if "epoch" in line]
    assert len(ended) == 3 and len({line.split(": ")[2] for line in ended}) == 3, ended
    assert all(any("epoch" in line for line in text.splitlines()) for _, text in said), "one process did it all"
    assert not list(output.glob("trials/*/.*")), "the folder of the trial that was killed is gone"


def test_a_trial_tells_what_its_log_tells(killed_and_resumed):
    _, output, _, _ = killed_and_resumed
    for one in trials(output):
        folder = output / "trials" / "hallelubert_tiny" / one.user_attrs["folder"]
        log = [json.loads(line) for line in (folder / "train.log").read_text().splitlines() if "valid_macro_f1" in line]
        dev = {float(row["epoch"]): float(row["valid_macro_f1"]) for row in log}
        assert one.intermediate_values == dev and one.value == max(dev.values())
        assert dev[one.user_attrs["epoch"]] == one.value
        assert (folder / "checkpoint_best.pt").exists() and not (folder / "checkpoint_last.pt").exists()


def test_test_is_scored_once_with_the_best_mean(killed_and_resumed):
    config, output, _, said = killed_and_resumed
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    (model,) = report["models"]
    means = [one["mean"] for one in model["settings"]]
    assert model["chosen"]["mean"] == max(means) and len(set(means)) == 2
    told = [line for _, text in said for line in text.splitlines() if "test macro_f1" in line]
    assert len(told) == 2 and len(set(told)) == 2  # a line a seed, of both processes together
    predictions = sorted((output / "test").rglob("*.jsonl"))
    assert len(predictions) == 2
    for path in predictions:
        judged = run("fairseq-hebrew", "score", path, "--output", output / "judged.json")
        assert judged.returncode == 0
        found = json.loads((output / "judged.json").read_text(encoding="utf-8"))
        seed = path.stem.rpartition("seed")[2]
        assert model["test"]["by_seed"][seed]["macro_f1"] == found["macro_f1"]
    # Run again: nothing is trained, predicted or scored, although what was written is gone.
    for path in (*predictions, output / "report.md"):
        path.unlink()
    again = run("fairseq-hebrew", "sweep", config, timeout=900)
    assert again.returncode == 0 and "4 trials, 4 done" in again.stderr and "test macro_f1" not in again.stderr
    assert json.loads((output / "report.json").read_text(encoding="utf-8")) == report
    assert (output / "report.md").exists() and not list((output / "test").rglob("*.jsonl"))
    assert f"{model['chosen']['learning_rate']:g}" in again.stdout


def test_other_settings_are_refused_in_the_same_database(killed_and_resumed, tokenizer_dir, tmp_path):
    _, output, _, _ = killed_and_resumed
    told = the_error(run("fairseq-hebrew", "sweep", configured(tmp_path, tokenizer_dir, output=str(output), epochs=9)))
    assert "epochs of hallelubert_tiny is 9, but the trials in" in told and "begun with 12" in told
    other = configured(tmp_path, tokenizer_dir, output=str(output))
    with open(tmp_path / "data" / "train.tsv", "a", encoding="utf-8") as file:
        file.write("עוד תגובה\t1\n")
    assert "the train file of hallelubert_tiny" in the_error(run("fairseq-hebrew", "sweep", other))


def test_what_fails_is_told_and_stops_nothing_else(tmp_path, tokenizer_dir):
    """A model with an option nobody knows, a learning rate that ends in nan: told, and the rest is chosen from."""
    models = {"good": {"arch": "hallelubert_tiny"}, "bad": {"arch": "hallelubert_tiny", "options": {"no-such": 1}}}
    grid = {"learning_rates": [5e-4, 1e30], "batch_sizes": [32], "seeds": [1]}
    config = configured(tmp_path, tokenizer_dir, models=models, arch=None, grid=grid, keep="best")
    told = the_error(done := run("fairseq-hebrew", "sweep", config, "--workers", "2", timeout=900))
    assert told.startswith("error: bad: no setting has a result for each of its seeds; bad/lr0.0005-batch32-seed1")
    assert "unrecognized arguments: --no-such" in told
    output = tmp_path / "out"
    states = {one.params["learning_rate"]: one for one in trials(output, "good")}
    assert states[5e-4].state.name == "COMPLETE" and states[1e30].state.name == "FAIL"
    reason = states[1e30].user_attrs["reason"]
    assert "not finite" in reason and f"{output}/trials/good/lr1e+30-batch32-seed1/nonfinite.jsonl" in reason
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    good, bad = report["models"]
    assert good["chosen"]["learning_rate"] == 5e-4 and good["test"]["mean"] > 0 and bad["chosen"] is None
    assert "failed" in (output / "report.md").read_text(encoding="utf-8")
    # keep: best
    assert [path.parent.name for path in output.rglob("checkpoint_best.pt")] == ["lr0.0005-batch32-seed1"]
    assert done.stderr.count("failed: ") == 3


def to_another_thread(process) -> None:
    """SIGTERM as the system may hand it out: to a thread that is not the first one."""
    other = next(
        int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir() if int(task.name) != process.pid
    )
    number = {"x86_64": 234, "aarch64": 131}[platform.machine()]  # tgkill(2)
    assert ctypes.CDLL(None).syscall(number, process.pid, other, signal.SIGTERM) == 0


@pytest.mark.parametrize("interrupt", [lambda process: process.send_signal(signal.SIGTERM), to_another_thread])
def test_an_interrupt_ends_the_training_and_frees_the_trial(tmp_path, tokenizer_dir, interrupt):
    grid = {"learning_rates": [5e-4], "batch_sizes": [4], "seeds": [1]}
    config = configured(tmp_path, tokenizer_dir, epochs=2000, patience=2000, grid=grid)

    def validated():
        return any("valid_loss" in log.read_text() for log in (tmp_path / "out").glob("trials/*/.*/train.log"))

    with begun_command(config) as process:
        until(validated)
        assert trainings(tmp_path / "out")
        interrupt(process)
        _, said = process.communicate(timeout=150)
    assert process.returncode == 130 and "interrupted: run the same command again" in said
    assert not trainings(tmp_path / "out") and trials(tmp_path / "out") == []


def test_the_command_itself_needs_no_torch():
    code = (
        "import sys\n"
        "from fairseq_hebrew.sweep import claims, command, report, store, testing, work\n"
        "print(*({'torch', 'fairseq', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
