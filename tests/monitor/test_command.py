"""The command on logs made here and on a run of fairseq-train, once and while the log grows."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import heed_interrupts, run, the_error
from tests.monitor.synthetic import (
    linear_schedule,
    noisy,
    plateau_then_descent,
    power_law,
    train_line,
    updates_of,
    write_log,
)
from tests.tasks.test_masked_lm import binarized, train

UPDATES = updates_of(100_000, 100)


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """A run with a spike of the loss at 40,100, one of the gradient norm at 50,100 and a plateau 8,000 to 20,000."""
    folder = tmp_path_factory.mktemp("planted")
    true = plateau_then_descent(UPDATES, 8000, 20_000)
    losses, norms = noisy(true, 0.004, 1), noisy(np.full(len(UPDATES), 0.4), 0.1, 2)
    losses[400:403] *= 1.4
    norms[500] *= 8
    valid = {int(update): float(loss) for update, loss in zip(UPDATES[15::16], true[15::16])}
    write_log(folder / "train.log", UPDATES, losses, linear_schedule(UPDATES, 4e-4, 10_000, 100_000), norms, valid)
    return folder


def test_summary_pictures_and_verdicts(planted, tmp_path):
    done = run("fairseq-hebrew", "monitor", planted, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "spike: loss from update 40,100 to 40,300" in done.stdout and "back at update 40,400" in done.stdout
    assert "spike: gradient norm at update 50,100" in done.stdout
    assert re.search(r"plateau: from update [78],\d00 to (19|20),\d00, .*; then the loss fell again", done.stdout)
    assert "learning rate: warm-up 100 to 10,000, decay 10,000 to 100,000" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("convergence: not converged")
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"monitor.png", "monitor.html", "summary.json"}
    data = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [(one["signal"], one["begin"]) for one in data["spikes"]] == [("loss", 40_100), ("gnorm", 50_100)]
    assert data["convergence"] == "not converged" and data["latest"]["valid"]["num_updates"] == 99_200
    assert (data["rules"]["threshold"], len(data["plateaus"]), data["last"]) == (6.0, 1, 100_000)
    assert (tmp_path / "out" / "monitor.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_stands_alone_and_holds_the_curves(planted, tmp_path):
    assert run("fairseq-hebrew", "monitor", planted / "train.log", "--output", tmp_path).returncode == 0
    page = (tmp_path / "monitor.html").read_text(encoding="utf-8")
    # Nothing is loaded: the only address is the name of SVG.
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|img|iframe)|src=|@import|url\(|fetch\(", page) and "http-equiv" not in page
    data = json.loads(re.search(r"<script id=data type=application/json>(.*?)</script>", page)[1])
    assert [panel["title"] for panel in data["panels"]] == ["Loss", "Perplexity", "Gradient norm", "Learning rate"]
    loss = data["panels"][0]
    assert [line["name"] for line in loss["lines"]] == ["train", "valid"]
    assert loss["lines"][0]["x"] == UPDATES.tolist() and len(data["spikes"]) == 2 and len(data["plateaus"]) == 1


def test_names_from_a_log_cannot_leave_their_place_in_the_page(tmp_path):
    lines = [train_line(update, 5.0) for update in range(10, 300, 10)]
    name = "</script><b>x"
    lines.append(json.dumps({"epoch": 1, f"{name}_loss": "4", f"{name}_num_updates": "290"}))
    (tmp_path / "train.log").write_text("\n".join(lines))
    assert run("fairseq-hebrew", "monitor", tmp_path, "--output", tmp_path / "out").returncode == 0
    page = (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
    assert name not in page and page.count("</script>") == 2


def test_rules_can_be_changed(planted):
    def told(*options):
        return run("fairseq-hebrew", "monitor", planted, *options).stdout

    assert "spikes: none" in told("--threshold", 1000)
    assert "plateaus: none" in told("--plateau-share", 5)
    assert "too early to say before update 200,000" in told("--min-updates", 200_000)
    assert "convergence: converged" in told("--improvement", 60)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--threshold", "0"], "--threshold 0.0: at least 1 is needed"),
        (["--every", "0"], "--every 0: more than 0 seconds are needed"),
        (["--flat", "nan"], "--flat nan: at least 0 is needed"),
    ],
)
def test_wrong_options_are_wrong_usage(planted, options, problem):
    done = run("fairseq-hebrew", "monitor", planted, *options)
    assert done.returncode == 2 and done.stderr.strip() == f"error: {problem}"


def test_bad_input_is_one_line(tmp_path):
    def error(path):
        return the_error(run("fairseq-hebrew", "monitor", path, "--output", tmp_path / "out"))

    assert "no such run" in error(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "no log of fairseq-train in it" in error(tmp_path / "empty")
    log = tmp_path / "train.log"
    log.write_text("")
    assert "no update of training in its log yet" in error(log)
    log.write_text("2026-01-01 10:00:00 | INFO | fairseq_cli.train | task: x\n")
    assert "no update of training in its log yet" in error(log)
    log.write_text(train_line(10, 9.0) + '\n{"epoch": 1, "loss": 3x}\n' + train_line(20, 9.0) + "\n")
    assert "train.log:2: a damaged record" in error(log)
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file(planted, tmp_path):
    (tmp_path / "out").write_text("")
    assert "a file stands where the output folder should be" in the_error(
        run("fairseq-hebrew", "monitor", planted, "--output", tmp_path / "out")
    )


def wait_for(what, seconds=60.0):
    """Poll until `what()` is true; it always ends."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)
    return found


def test_a_run_is_followed_from_its_first_line_until_it_is_interrupted(tmp_path):
    folder, out = tmp_path / "run", tmp_path / "out"
    folder.mkdir()
    command = [Path(sys.executable).parent / "fairseq-hebrew", "monitor", folder, "--output", out, "--follow"]
    with open(tmp_path / "stdout", "wb") as stdout, open(tmp_path / "stderr", "wb") as stderr:
        process = subprocess.Popen([*map(str, command), "--every", "0.3"], stdout=stdout, stderr=stderr,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"}, preexec_fn=heed_interrupts)  # fmt: skip
    try:
        wait_for(lambda: "no log of fairseq-train in it" in (tmp_path / "stderr").read_text())
        losses = noisy(power_law(UPDATES), 0.004, 1)
        losses[80] *= 2

        def summary():
            return json.loads((out / "summary.json").read_text()) if (out / "summary.json").exists() else {}

        def reached(update):
            return summary().get("last") == update

        with (folder / "train.log").open("w") as log:
            for first in (0, 50, 100):
                for update, loss in zip(UPDATES[first : first + 50], losses[first : first + 50]):
                    log.write(train_line(update, loss) + "\n")
                log.write('{"epoch": 1, "los')
                log.flush()
                log.seek(log.tell() - len('{"epoch": 1, "los'))
                wait_for(partial(reached, UPDATES[first + 49]))
            assert "<meta http-equiv=refresh content=5>" in (out / "monitor.html").read_text()
            log.write(train_line(15_100, 5.0))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert summary()["last"] == 15_100 and "http-equiv" not in (out / "monitor.html").read_text()
    told = (tmp_path / "stdout").read_text()
    # Once when it came, once in the summary at the end.
    assert told.count("spike: loss at update 8,100") == 2
    assert "Traceback" not in (tmp_path / "stderr").read_text()


def test_following_nothing_ends_cleanly_too(tmp_path):
    command = [Path(sys.executable).parent / "fairseq-hebrew", "monitor", tmp_path, "--follow", "--every", "0.2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)
    try:
        assert "no log of fairseq-train in it" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0 and process.stderr.read() == ""
    finally:
        process.kill()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run of fairseq-train that was stopped after 12 updates and went on to 30, told in all the ways at once."""
    folder = tmp_path_factory.mktemp("trained")
    data = binarized(folder / "data")
    for updates in (12, 30):
        told = [
            "--log-file", folder / "run" / "train.log", "--tensorboard-logdir", folder / "tb",
            "--validate-interval-updates", 5, "--save-interval-updates", 5, "--batch-size", 4,
        ]  # fmt: skip
        (folder / "run").mkdir(exist_ok=True)
        done = train(data, folder / "run", *told, updates=updates)
        assert done.returncode == 0, done.stderr
        with (folder / "output.txt").open("a") as file:
            file.write(done.stdout + done.stderr)
    return folder


def test_a_run_of_fairseq_train_is_read(trained, tmp_path):
    done = run("fairseq-hebrew", "monitor", trained / "run", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "summary.json").read_text())
    assert data["records"] == 30 and data["last"] == 30 and data["latest"]["valid"]["num_updates"] == 30
    assert data["latest"]["train"]["gnorm"] > 0 and data["latest"]["train"]["masked_accuracy"] >= 0
    assert [one["kind"] for one in data["phases"]] == ["warm-up", "decay"]
    assert data["convergence"] == "too early"


def test_its_output_and_its_events_tell_the_same(trained, tmp_path):
    pytest.importorskip("tensorboard", reason="the extra [report] is not installed")
    latest = []
    for i, path in enumerate((trained / "run", trained / "output.txt", trained / "tb")):
        done = run("fairseq-hebrew", "monitor", path, "--output", tmp_path / str(i))
        assert done.returncode == 0, done.stderr
        data = json.loads((tmp_path / str(i) / "summary.json").read_text())
        latest.append({name: data["latest"]["train"][name] for name in ("loss", "gnorm", "lr", "num_updates")})
        assert data["records"] == 30
    assert latest[0] == latest[1] == pytest.approx(latest[2], rel=1e-4)
