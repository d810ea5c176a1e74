"""A trial: one run of the real `fairseq-train`, and what its log says of it."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.monitor.text_log import read_log
from fairseq_hebrew.stage.errors import UserError

from .configuration import SCHEDULES, TOTAL_OPTION, WARMUP_OPTION, Configuration
from .points import Point

CHECKPOINT, LOG, SAID = "checkpoint_best.pt", "train.log", "output.txt"
LONGEST = 300  # characters of a reason


class TrialError(Exception):
    """A trial that gave no result; its text is the reason, in one line."""


class Stopped(Exception):
    """The sweep is ended, or the trial was taken over, while a command ran."""


@dataclass(frozen=True)
class Outcome:
    """What a trial found: the metric of each validation in order (percent), and the best of them."""

    values: tuple[float, ...]
    updates: int  # made in all

    @property
    def value(self) -> float:
        return max(self.values)

    @property
    def epoch(self) -> int:
        """That of the checkpoint, from 1: of equal ones fairseq keeps the last."""
        return max(range(len(self.values)), key=lambda i: (self.values[i], i)) + 1


def updates_of(config: Configuration, point: Point) -> tuple[int, int]:
    """(updates of all epochs, those of the warm-up) of a trial.

    An epoch is the training samples over the batch size, rounded up, over --update-freq, rounded up. Where nothing else
    is said an example counts as one sample; a sentence that training cuts in two makes a few updates more, which have
    the schedule's last learning rate.
    """
    options = config.model(point.model).options
    batches = math.ceil(config.samples / point.setting.batch_size)
    total = math.ceil(batches / int(options.get("update-freq", 1))) * config.epochs
    return total, round(config.warmup * total)


def command(config: Configuration, point: Point, folder: Path) -> list[str]:
    """The call of fairseq-train for a trial that leaves its files in `folder`."""
    model = config.model(point.model)
    total, warmup = updates_of(config, point)
    schedule = {WARMUP_OPTION: warmup, TOTAL_OPTION: total}
    options = {
        "user-dir": "fairseq_hebrew",
        "task": config.task,
        "description": config.described_by,
        "tokenizer-dir": model.tokenizer,
        "arch": model.arch,
        "criterion": config.criterion,
        **({"finetune-from-model": model.checkpoint} if model.checkpoint else {}),
        **model.options,
        "lr": repr(point.setting.learning_rate),
        "batch-size": point.setting.batch_size,
        "required-batch-size-multiple": 1,  # every batch but the last is whole
        "seed": point.seed,
        "max-epoch": config.epochs,
        "patience": config.patience,
        **{name: schedule[name] for name in SCHEDULES[model.options["lr-scheduler"]]},
        "best-checkpoint-metric": config.description.metric,
        "maximize-best-checkpoint-metric": True,
        # Never resumed: the weights of the best epoch are all that is read again.
        "no-epoch-checkpoints": True,
        "no-last-checkpoints": True,
        "no-save-optimizer-state": True,
        "distributed-world-size": 1,
        "cpu": on_cpu(config),
        "save-dir": folder,
        "log-format": "json",
        "log-file": folder / LOG,
    }
    made = [program("fairseq-train"), str(config.data)]
    for name, value in options.items():
        if value is True:
            made.append(f"--{name}")
        elif value is not False:
            # One argument, so that a value may begin with a dash.
            made.append(f"--{name}={value}")
    return made


def on_cpu(config: Configuration) -> bool:
    """Whether the sweep trains on the CPU: as it says, else where no NVIDIA driver is."""
    return config.device == "cpu" or (config.device == "auto" and not Path("/dev/nvidiactl").exists())


def program(name: str) -> str:
    """The path of an installed command, that of this Python first."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise UserError(f"{name}: no such command; install fairseq (README.md, Set-up)")
    return found


def run_guarded(arguments: Sequence[str], said: Path, device: str | None, stopped: Callable[[], bool]) -> int:
    """The exit status of a command whose output goes to the file `said`.

    It dies with this process; when `stopped()` says so it is killed, and Stopped raised.
    """
    environment = dict(os.environ) if device is None else {**os.environ, "CUDA_VISIBLE_DEVICES": device}
    guard = [sys.executable, "-m", "fairseq_hebrew.sweep.guarded", str(os.getpid())]
    with open(said, "wb") as output:
        # A session of its own: Ctrl-C on the terminal is the sweep's to answer.
        process = subprocess.Popen(
            [*guard, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            while True:
                try:
                    return process.wait(timeout=0.2)
                except subprocess.TimeoutExpired:
                    if stopped():
                        raise Stopped from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def outcome(folder: Path, status: int, metric: str) -> Outcome:
    """What a finished run says; raises TrialError with the reason where it has no result."""
    if status != 0:
        raise TrialError(reason(folder / SAID, status))
    try:
        rows = read_log(folder / LOG)["valid"]
    except UserError as error:
        raise TrialError(str(error)) from None
    if not rows:
        raise TrialError(f"no validation in {LOG}")
    for number, row in enumerate(rows, start=1):
        # A row leaves out what is not a number.
        for name in (metric, "loss"):
            if not math.isfinite(row.get(name, math.nan)):
                found = row.get(name, "nan or missing")
                raise TrialError(f"dev {name} is {found} at validation {number} of {len(rows)}")
    if not (folder / CHECKPOINT).is_file():
        raise TrialError(f"no {CHECKPOINT} was written")
    return Outcome(tuple(row[metric] for row in rows), int(rows[-1]["num_updates"]))


def reason(said: Path, status: int) -> str:
    """Why a command failed, in one line: its own clear line, else its last one."""
    lines = [line.strip() for line in said.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    clear = [line for line in lines if "error: " in line]
    last = (clear or lines or ["it said nothing"])[-1][:LONGEST]
    if status < 0:
        name = signal.Signals(-status).name
        hint = ", perhaps for want of memory" if status == -signal.SIGKILL else ""
        return f"ended by {name}{hint}; its last line: {last}"
    return f"exit status {status}: {last}"
