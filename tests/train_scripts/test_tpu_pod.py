"""tpu_pod.sh on a slice that is played: its hosts are folders, where the commands it sends are really run."""

import itertools
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import ROOT

SLICE = ["--zone", "us-central2-b", "--project", "hebrew", "--every", "0.2", "--grace", "2"]
MAKE = ["--accelerator-type", "v4-16", "--version", "tpu-ubuntu2204-base"]
RECIPE = ["--", "hallelubert_base", "DATA", "--save-dir", "runs/the first"]
TRAIN = [*RECIPE, "--", "--mirror-checkpoints", "gs://bucket/run"]
# `make setup-xla` of a host: an environment whose fairseq-train notes its words and does what $FAKE/train says.
MADE = """#!/bin/bash
mkdir -p .venv-xla/bin
printf '#!/bin/bash\\necho "$@" >>"$FAKE/installed"\\n' >.venv-xla/bin/pip
printf '#!/bin/bash\\n[ "$2" = fairseq_hebrew.xla.devices ] && echo 4 $(cat "$FAKE/hosts")\\n' >.venv-xla/bin/python
cp "$FAKE/fairseq-train" .venv-xla/bin/fairseq-train
chmod +x .venv-xla/bin/*
"""
TRAINS = """#!/bin/bash
printf '%s\\n' "$HOST" "$PJRT_DEVICE" "$@" >>"$FAKE/trained$HOST"
trap 'exit 143' TERM
echo training
. "$FAKE/train"
"""


class Slice:
    def __init__(self, folder: Path, clone: Path, hosts: int = 2):
        self.folder, self.clone = folder, clone
        (folder / "bin").mkdir()
        for name, text in (("bin/make", MADE), ("fairseq-train", TRAINS)):
            self.write(name, text).chmod(0o755)
        os.symlink(Path(__file__).with_name("fake_gcloud.sh"), folder / "bin" / "gcloud")
        for host in range(hosts):
            (folder / f"host{host}").mkdir()
        self.write("hosts", f"{hosts}\n")
        self.write("states", "READY\n")
        self.write("train", "exit 0\n")
        self.write("calls", "")

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name

    def command(self, *words: object) -> list[str]:
        return ["bash", str(self.clone / "train_scripts" / "tpu_pod.sh"), *map(str, words)]

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "FAKE": str(self.folder)}

    def __call__(self, command: str, *words: object, timeout: int = 300) -> subprocess.CompletedProcess:
        given = self.command(command, "pod-1", *words)
        return subprocess.run(given, env=self.environment, capture_output=True, text=True, timeout=timeout)

    def calls(self, verb: str) -> list[list[str]]:
        calls = [call.split("\0")[:-1] for call in (self.folder / "calls").read_text().split("\1")[:-1]]
        return [call for call in calls if call[3] == verb]

    def trained(self, host: int) -> list[str]:
        path = self.folder / f"trained{host}"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, command: str, wanted: str) -> None:
        while self(command, *SLICE).stdout != wanted:
            time.sleep(0.1)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Little of this one, which takes long to pack."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "train_scripts", folder / "train_scripts")
    return folder


@pytest.fixture
def pod(tmp_path, clone):
    made = Slice(tmp_path, clone)
    yield made
    made.write("train", "exit 0\n")  # what still runs looks for it, and ends


def test_setup_copies_the_clone_and_builds_there(pod):
    pod.clone = ROOT
    before = "ls -d .venv-xla .ci 2>/dev/null >before; true"
    prepare = "cp -r '/a b' data || echo \"$HOST is $HOME\" >prepared"
    done = pod("setup", *SLICE, "--before", before, "--prepare", prepare)
    assert done.returncode == 0, done.stderr
    (scp,) = pod.calls("scp")
    assert scp[5] == "pod-1:fairseq_hebrew.tgz" and scp[6:] == [
        "--worker=all", "--zone", "us-central2-b", "--quiet", "--project", "hebrew",
    ]  # fmt: skip
    for host in range(2):
        clone = pod.folder / f"host{host}" / "fairseq_hebrew"
        assert (clone / "train_scripts" / "launch.sh").read_bytes() == (ROOT / "train_scripts/launch.sh").read_bytes()
        assert (clone / ".ci" / "check-system").exists() and not (clone / ".git").exists()
        assert (clone / "before").read_text() == ".ci\n", "there is no environment yet"
        assert (clone / "prepared").read_text() == f"{host} is {pod.folder}/host{host}\n"
    installed = (pod.folder / "installed").read_text().splitlines()
    assert installed == ["install --quiet --constraint constraints-xla.txt --editable .[tpu]"] * 2
    done = pod("setup", *SLICE, "--before", "echo no package python3-venv >&2; false")
    assert done.returncode == 1 and "no package python3-venv" in done.stderr
    assert (pod.folder / "installed").read_text().splitlines() == installed


def test_start_status_logs_stop(pod):
    assert pod("status", *SLICE).stdout == "none\nnone\n"
    assert pod("setup", *SLICE).returncode == 0
    pod.write("train", "while sleep 0.1; do [ -s $FAKE/train ] || exit 0; done\n")
    hostile = ["--no-progress-bar", "--user-text", "שלום 'a' \"b\" $HOME `id` \\ ; * &"]
    done = pod("start", *SLICE, *TRAIN, *hostile)
    assert done.returncode == 0, done.stderr
    assert pod("status", *SLICE).stdout == "running\nrunning\n"
    pod.wait_for("logs", "training\n")
    for host in range(2):
        words = pod.trained(host)
        assert words[:3] == [str(host), "TPU", "DATA"] and words[-1] == hostile[-1]
        options = dict(itertools.pairwise(words))
        assert "--tpu" in words and options["--save-dir"] == "runs/the first"
        assert int(options["--batch-size"]) * int(options["--update-freq"]) * 2 == 8192, "2 hosts"
    again = pod("start", *SLICE, *TRAIN)
    assert again.returncode == 1 and "a run is going on here; stop it first" in again.stderr
    again = pod("setup", *SLICE)
    assert again.returncode == 1 and "a run is going on here; stop it first" in again.stderr
    pod.write("greeting", "Welcome to Ubuntu 22.04.2 LTS\nnone of your business\n")
    assert pod("status", *SLICE).stdout == "running\nrunning\n"
    (pod.folder / "greeting").unlink()
    assert pod("stop", *SLICE).stdout == "stopping\nstopping\n"
    pod.wait_for("status", "stopped\nstopped\n")
    assert (pod.folder / "host1/fairseq_hebrew/run/exit").read_text() == "143\n"
    assert pod("stop", *SLICE).stdout == "nothing runs\nnothing runs\n"
    where = ["pod-1", "--zone", "us-central2-b", "--quiet", "--project", "hebrew", "--worker=all", "--command"]
    assert pod.calls("ssh")[0][4:-1] == where
    pod.write("train", "exit 0\n")
    assert pod("start", *SLICE, *TRAIN).returncode == 0, "what was stopped goes on with the same command"
    pod.wait_for("status", "exit 0\nexit 0\n")


def test_a_number_that_another_process_has_is_not_the_run(pod):
    """A machine that was started again has forgotten its processes, and gives their numbers to others."""
    stranger = subprocess.Popen(["sleep", "60"])
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ticks = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])

    def is_told(*births: str) -> str:
        for host, birth in enumerate(births):
            run = pod.folder / f"host{host}" / "fairseq_hebrew" / "run"
            run.mkdir(parents=True, exist_ok=True)
            (run / "pid").write_text(f"{stranger.pid}{birth}\n")
        return pod("status", *SLICE).stdout

    try:
        assert is_told(f" {boot} {ticks}", "") == "running\ngone\n"
        assert is_told(f" {boot} {ticks - 1}", f" 0{boot[1:]}0 {ticks}") == "gone\ngone\n"
        assert pod("stop", *SLICE).stdout == "nothing runs\nnothing runs\n"
        host = f"clone=fairseq_hebrew; . {ROOT}/train_scripts/tpu_host.sh"
        subprocess.run(["bash", "-c", f"{host}; end 0"], cwd=pod.folder / "host0", check=True)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_several_hosts_begin_from_the_same_checkpoint(pod):
    told = ", of which one writes checkpoints; give --mirror-checkpoints URL behind the second --, or --shared-save-dir"
    for command, words in (("start", []), ("run", []), ("run", ["--", "--mirror-checkpoints="])):
        done = pod(command, *SLICE, *RECIPE, *words)
        assert done.returncode == 2 and f"error: pod-1 has 2 hosts{told}" in done.stderr
    assert not pod.calls("scp") and {call[2] for call in pod.calls("ssh")} == {"tpu-vm"}
    pod.write("states", "NONE\n")
    done = pod("run", *SLICE, *MAKE, *RECIPE)
    assert done.returncode == 2 and f"error: v4-16 has several hosts{told}" in done.stderr
    assert not pod.calls("create"), "nothing is made first"
    pod.write("states", "READY\n")
    for words in (["--shared-save-dir", *RECIPE], [*RECIPE, "--", "--mirror-checkpoints=gs://bucket/run"], TRAIN):
        assert "starting hallelubert_base on 2 hosts" in pod("start", *SLICE, *words).stdout
    pod.write("hosts", "1\n")
    assert "starting hallelubert_base on 1 hosts" in pod("start", *SLICE, "--accelerator-type", "v4-8", *RECIPE).stdout


def test_run_to_the_end_on_a_slice_that_is_there(pod):
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("training is done")
    assert not pod.calls("create") and not pod.calls("delete")
    assert len(pod.calls("scp")) == 1 and len(pod.trained(0)) == len(pod.trained(1)) > 3


def test_a_slice_is_made_where_there_is_none(pod):
    pod.write("states", "NONE\nNONE\nCREATING\nREADY\n")
    done = pod("run", *SLICE, *MAKE, *TRAIN)
    assert done.returncode == 0, done.stderr
    (made,) = pod.calls("create")
    assert made == [
        "compute", "tpus", "tpu-vm", "create", "pod-1", "--zone", "us-central2-b", "--quiet", "--project", "hebrew",
        "--version", "tpu-ubuntu2204-base", "--accelerator-type", "v4-16", "--spot",
    ]  # fmt: skip


@pytest.mark.parametrize("queued", [False, True])
def test_preempted_and_started_again(queued, pod):
    """The first time training ends as a machine's end makes it; the slice is made again, and set up again."""
    pod.write("states", "READY\nREADY\nPREEMPTED\nCREATING\nREADY\n")
    pod.write("train", f"[ $(grep -c ^TPU $FAKE/trained$HOST) = 1 ] || exit 0\n{'exit 143' if queued else 'exit 1'}\n")
    done = pod("run", *SLICE, *MAKE, *(["--queued-resource", "--on-demand"] if queued else []), *TRAIN)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert [call[2] for call in pod.calls("delete") + pod.calls("create")] == (
        ["queued-resources"] * 2 if queued else ["tpu-vm"] * 2
    )
    if queued:
        (made,) = pod.calls("create")
        assert made[9:] == ["hebrew", "--node-id", "pod-1", "--runtime-version", "tpu-ubuntu2204-base", *MAKE[:2]]
    assert len(pod.calls("scp")) == 2
    assert [pod.trained(host).count("TPU") for host in range(2)] == [2, 2]


def test_nothing_is_deleted_that_cannot_be_made(pod):
    pod.write("states", "PREEMPTED\n")
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 2 and "pod-1 is PREEMPTED; give --accelerator-type and --version" in done.stderr
    assert not pod.calls("delete")


def test_a_host_that_is_lost_is_started_again(pod):
    pod.write("train", "[ $(grep -c ^TPU $FAKE/trained$HOST) = 2 ] && exit 0\n[ $HOST = 1 ] && exit 143\nsleep 60\n")
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "hosts of pod-1 were lost; starting again" in done.stdout and not pod.calls("create")


@pytest.mark.parametrize("settles", [False, True])
def test_losses_in_a_row_are_counted(settles, pod):
    """The second host is lost two times of two: at once, or after some looks that found it training."""
    looks = "$(grep -aoF 'value(state)' $FAKE/calls | wc -l)"
    waits = f"until [ {looks} -gt $((from + 10)) ]; do sleep 0.1; done"
    pod.write(
        "train",
        f"""attempt=$(grep -c ^TPU $FAKE/trained$HOST) from={looks}
        [ $attempt -lt 3 ] || exit 0
        [ $HOST = 1 ] || {{ sleep 60 & wait; }}
        [ $attempt = 1 ] || {waits if settles else "true"}
        exit 143
        """,
    )
    done = pod("run", *SLICE, "--tries", 2, *TRAIN)
    lost = "error: hosts of pod-1 were lost 2 times; see tpu_pod.sh logs"
    assert (done.returncode, done.stderr.splitlines()[-1:] == [lost]) == ((0, False) if settles else (1, True))


def test_training_that_fails_ends_the_watch(pod):
    """One host is enough; the others, which would wait for it, are told to stop."""
    pod.write("train", "[ $HOST = 1 ] && { echo error: no such data >&2; exit 1; }\nsleep 60 & wait\n")
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: training has failed (running exit 1 )")
    assert "error: no such data" in done.stderr
    assert pod("status", *SLICE).stdout == "exit 143\nexit 1\n"


@pytest.mark.parametrize("done", [0, 1])
def test_run_only_watches_what_runs_already(done, pod):
    """On all hosts, or on those that are not yet done."""
    pod("setup", *SLICE)
    pod.write("train", f"[ $HOST -lt {done} ] || while sleep 0.1; do [ ! -f $FAKE/end ] || exit 0; done\n")
    pod("start", *SLICE, *TRAIN)
    pod.wait_for("status", ("exit 0" if done else "running") + "\nrunning\n")
    watch = subprocess.Popen(pod.command("run", "pod-1", *SLICE, *TRAIN), env=pod.environment, stdout=subprocess.PIPE)
    assert b"pod-1 is training" in watch.stdout.readline()
    pod.write("end", "")
    assert b"training is done" in watch.communicate(timeout=300)[0] and watch.returncode == 0
    assert len(pod.calls("scp")) == 1 and pod.trained(0).count("TPU") == 1


def test_run_ends_the_hosts_that_run_where_others_do_not(pod):
    """Nobody watched when one failed. A clone is never unpacked, nor a run started, where one is going on."""
    pod("setup", *SLICE)
    pod.write("train", "[ $HOST = 0 ] || exit 1\nsleep 60 & wait\n")
    pod("start", *SLICE, *TRAIN)
    pod.wait_for("status", "running\nexit 1\n")
    pod.write("train", "exit 0\n")
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 0 and "only some hosts of pod-1 are training" in done.stdout, done.stderr
    assert "a run is going on here" not in done.stderr and len(pod.calls("scp")) == 2
    assert [pod.trained(host).count("TPU") for host in range(2)] == [2, 2]


@pytest.mark.parametrize(
    "fails, told, status",
    [
        ("tpu-vm ssh|no route to host", "error: status on pod-1 did not work; see what gcloud says above", 1),
        ("tpu-vm ssh|no route to host", "error: the hosts of pod-1 cannot be reached", 1),
        ("tpu-vm describe|You do not currently have an active account", "error: pod-1 does not answer", 1),
        ("tpu-vm scp|disk full", "error: pod-1 could not be set up and started", 1),
    ],
)
def test_hosts_that_cannot_be_reached(fails, told, status, pod):
    pod.write("fail", fails + "\n")
    done = pod("status", *SLICE) if told.startswith("error: status") else pod("run", *SLICE, *TRAIN)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (status, told)
    assert fails.split("|")[1] in done.stderr


def test_one_failure_is_not_the_end(pod):
    pod.write("fail", "tpu-vm ssh|no route to host\n")
    pod.write("once", "")
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 0 and "the hosts of pod-1 cannot be reached (1 of 5)" in done.stdout


def test_no_room_is_waited_for_and_a_wrong_type_is_not(pod):
    pod.write("states", "NONE\nREADY\n")
    pod.write("fail", "tpu-vm create|RESOURCE_EXHAUSTED: There is no more capacity in the zone\n")
    pod.write("once", "")
    done = pod("run", *SLICE, *MAKE, *TRAIN)
    assert done.returncode == 0 and "no room in us-central2-b now; trying again" in done.stdout
    pod.write("states", "NONE\n")
    pod.write("fail", "tpu-vm create|INVALID_ARGUMENT: accelerator type v9\n")
    done = pod("run", *SLICE, *MAKE, *TRAIN)
    assert done.returncode == 1 and "pod-1 cannot be made: ERROR: (gcloud) INVALID_ARGUMENT" in done.stderr
    done = pod("run", *SLICE, *TRAIN)
    assert done.returncode == 2 and "there is no TPU pod-1 in us-central2-b; give --accelerator-type" in done.stderr


@pytest.mark.parametrize(
    "words, told",
    [
        ([], "tpu_pod.sh setup|run|start|status|stop|logs TPU --zone ZONE"),
        (["dance", "pod-1", *SLICE], "unknown command dance"),
        (["status", *SLICE], "'' is no name of a TPU"),
        (["status", "Pod_1", *SLICE], "'Pod_1' is no name of a TPU"),
        (["status", "pod-1; rm -rf x", *SLICE], "is no name of a TPU"),
        (["status", "pod-1"], "'' is no zone; give --zone"),
        (["status", "pod-1", "--zone", "Jerusalem"], "'Jerusalem' is no zone"),
        (["status", "pod-1", "--zone", "us-central2-b", "--project", "a b"], "'a b' is no project"),
        (["run", "pod-1", *SLICE, "--tries", "0", *TRAIN], "--tries 0: give a number, 1 or more"),
        (["status", "pod-1", *SLICE, "--worker", "all"], "--worker all: give a host's number"),
        (["status", "pod-1", *SLICE, "more"], "one TPU, not also more"),
        (["status", "pod-1", *SLICE, "--frobnicate", "1"], "unknown option --frobnicate"),
        (["status", "pod-1", *SLICE, "--project"], "--project wants a value"),
        (["status", "pod-1", *SLICE, "--", "x"], "status takes nothing behind --"),
        (["start", "pod-1", *SLICE], "start wants -- SCRIPT DATA"),
        (["run", "pod-1", *SLICE, "--", "no_such", "DATA"], "no script train_scripts/no_such.sh"),
    ],
)
def test_wrong_calls(words, told, pod):
    done = subprocess.run(pod.command(*words), env=pod.environment, capture_output=True, text=True)
    assert done.returncode == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1
    assert (pod.folder / "calls").read_text() == ""


def test_without_gcloud(tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname"):
        os.symlink(f"/usr/bin/{name}", tmp_path / "bin" / name)
    command = ["/usr/bin/bash", str(ROOT / "train_scripts" / "tpu_pod.sh"), "status", "pod-1", *SLICE]
    done = subprocess.run(command, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: no gcloud here; install Google Cloud's command line")


def test_help():
    done = subprocess.run(["bash", ROOT / "train_scripts" / "tpu_pod.sh", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("Training on a TPU pod slice")
