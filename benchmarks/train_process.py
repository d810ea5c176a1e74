"""One contender trains for a few steps in a process of its own: its times and its memory, as a line of JSON.

Usage: python -m benchmarks.train_process '{"contender": "ours", "setting": {...}, ...}', the fields of Job
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from . import measure
from .contenders import CONTENDERS, Setting
from .train_batch import document_lengths, make_batch


@dataclass(frozen=True)
class Job:
    """`lengths`, `documents`, `longest`: the batch, as `document_lengths` has it; `warm_up` steps are not timed."""

    contender: str
    setting: Setting
    lengths: str
    documents: int
    longest: int
    steps: int = 2
    warm_up: int = 1
    threads: int = 2
    device: str = "cpu"


@dataclass(frozen=True)
class Result:
    """The quickest step, in seconds; `peak` bytes, of the process on a CPU, of tensors on a GPU."""

    forward_backward: float
    step: float
    peak: int
    tokens: int
    masked: int

    @property
    def optimizer(self) -> float:
        return self.step - self.forward_backward

    def merged(self, other: Result) -> Result:
        """The better of two rounds: other work on the machine only ever slows a round down."""
        return dataclasses.replace(
            self,
            forward_backward=min(self.forward_backward, other.forward_backward),
            step=min(self.step, other.step),
            peak=max(self.peak, other.peak),
        )


def train(job: Job) -> Result:
    """Forward and backward, then AdamW, on the same batch again and again."""
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    batch = make_batch(document_lengths(job.lengths, job.documents, job.longest), job.setting.vocab_size)
    batch = batch.to(job.device)
    model, loss = CONTENDERS[job.contender].build(job.setting)
    model.to(job.device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01, fused=True)
    taken = []
    for step in range(job.warm_up + job.steps):
        started = _now(job.device)
        loss(batch).backward()
        half_way = _now(job.device)
        optimizer.step()
        optimizer.zero_grad()
        if step >= job.warm_up:
            taken.append((half_way - started, _now(job.device) - started))
    first, whole = (min(times) for times in zip(*taken))
    return Result(first, whole, _peak(job.device), sum(batch.lengths), batch.masked)


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak(device: str) -> int:
    """The high-water mark of this process alone: getrusage would tell the parent's, where that was larger."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    told = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    return int(told.split()[0]) * 1024


def run(job: Job) -> Result | None:
    """Train in a process of its own; None where the batch does not fit a GPU. Raises RuntimeError when it fails."""
    command = measure.python("benchmarks.train_process", json.dumps(dataclasses.asdict(job)))
    done = subprocess.run(command, cwd=measure.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{job}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Result(**found) if found is not None else None


def main() -> None:
    told: dict[str, Any] = json.loads(sys.argv[1])
    job = Job(**{**told, "setting": Setting(**told["setting"])})
    try:
        print(json.dumps(dataclasses.asdict(train(job))))
    except torch.cuda.OutOfMemoryError:
        print(json.dumps(None))


if __name__ == "__main__":
    main()
