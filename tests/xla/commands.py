"""Real runs of fairseq-train on XLA's CPU backend, with tiny models on a small corpus."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.tasks import runs


def start(arguments: list, devices: int = 1, timeout: int = 300) -> subprocess.CompletedProcess:
    """fairseq-train with these arguments, on so many devices of XLA's CPU backend."""
    env = {**os.environ, "PJRT_DEVICE": "CPU", "CPU_NUM_DEVICES": str(devices), "OMP_NUM_THREADS": "1"}
    command = [runs.BIN / "fairseq-train", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, cwd=runs.ROOT)


def plain(data: Path, save: Path, *more: object, device: str = "--tpu") -> list[str]:
    """The pretraining task as users run it: 2 batches of 4 rows an update, no dropout, two epochs."""
    return [
        data, "--user-dir", runs.ROOT / "fairseq_hebrew", "--task", "hebrew_masked_lm", "--criterion",
        "hebrew_masked_lm", "--arch", "hallelubert_tiny", "--encoder-layers", 1, "--encoder-embed-dim", 64,
        "--encoder-ffn-embed-dim", 128, "--dropout", 0, "--attention-dropout", 0, "--optimizer", "adamw",
        "--adam-betas", "(0.9, 0.98)", "--clip-norm", 1.0, "--weight-decay", 0.01, "--lr", 5e-3, "--lr-scheduler",
        "polynomial_decay", "--warmup-updates", 4, "--total-num-update", 60, "--sample-break-mode", "eos",
        "--batch-size", 4, "--tokens-per-sample", 64, "--update-freq", 2, "--max-epoch", 2, "--save-dir", save,
        "--log-format", "json", "--log-interval", 1, "--num-workers", 0, device, *more,
    ]  # fmt: skip


def recorded(place: tuple[Path, Path], save: Path, *more: object, device: str = "--tpu", **plants) -> list[str]:
    """The recorded task: each batch's exact loss, which has to be waited for, so that there are more graphs."""
    made = runs.arguments(*place, save, "--fixed-shapes", *more, **plants)
    return [device if argument == "--cpu" else argument for argument in made]


def losses(save: Path) -> list[float]:
    """The loss of each batch that was recorded, in order; not of those that are empty."""
    return [float.fromhex(line[3]) for line in runs.records(save) if max(line[2]) >= 0]


def said(done: subprocess.CompletedProcess) -> str:
    """What a command wrote, on either stream."""
    return done.stdout + done.stderr


def logged(done: subprocess.CompletedProcess, kind: str = "train_inner") -> list[dict]:
    return [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", said(done))]


def compiles(done: subprocess.CompletedProcess) -> list[tuple[str, int, int]]:
    """(step, graphs compiled in it, all so far), for each step that compiled."""
    found = re.findall(r"\| ([a-z]+(?: \d+)?): XLA compiled (\d+) graphs? in [\d.]+ s, (\d+) in all", said(done))
    return [(step, int(new), int(count)) for step, new, count in found]
