"""The benchmark of optimizers: it runs, and each row is the optimizer it says."""

import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.optimizers import OPTIMIZERS, build

ROOT = Path(__file__).parents[2]


def test_a_small_run():
    small = [*("--layers", 1), *("--width", 64), *("--vocab-size", 100), *("--rounds", 1), *("--steps", 1)]
    command = [sys.executable, "-m", "benchmarks.optimizers", *map(str, small)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(OPTIMIZERS)
    assert lines[2].endswith("1.00 x |")


def test_the_rows_do_the_same_work():
    """All start from the same weights and gradients; the first step of each is the same but for eps and decay."""
    ends = {}
    for row, (name, changes) in OPTIMIZERS.items():
        torch.manual_seed(0)
        params = [torch.nn.Parameter(torch.randn(4, 4)), torch.nn.Parameter(torch.randn(4))]
        for param in params:
            param.grad = torch.randn_like(param)
        made = build(name, params, **changes)
        assert made.get_lr() == 1e-5 and made.param_groups[0]["betas"] == (0.9, 0.98)
        made.step()
        ends[row] = torch.cat([param.detach().flatten() for param in params])
    for end in ends.values():
        torch.testing.assert_close(end, ends["fairseq adam"], rtol=0, atol=1e-6)
