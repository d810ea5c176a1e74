"""The benchmark of fine-tuning runs, on the demo's entities, and prints both of Trainer's batches beside ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fine_tuning import Faced, Rate, rate, row
from benchmarks.measure import Measured

ROOT = Path(__file__).parents[2]


def test_a_small_run(tmp_path):
    output = tmp_path / "bench.json"
    sizes = ["--sizes", "tiny", "--sentences", "160", "--rounds", "1", "--epochs", "8", "--threads", "1"]
    command = [sys.executable, "-m", "benchmarks.fine_tuning", *sizes, "--output", output]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    if done.returncode:  # on a machine that does other work the start can take longer than the epochs
        assert "take too little time to be told" in done.stderr, done.stderr
        return
    found = json.loads(output.read_text())
    assert [(one["encoder"], one["samples"], one["sampling"]) for one in found] == [
        ("hallelubert_tiny", 160, "random"),
        ("hallelubert_tiny", 160, "by length"),
    ]
    assert all(one[side]["tokens"] > 0 for one in found for side in ("ours", "theirs"))
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 and all(line.endswith(("| met |", "| MISSED |")) for line in rows[2:])


def test_what_lies_between_the_quickest_runs_is_timed():
    short, long = [Measured(7.0, 10), Measured(6.0, 20)], [Measured(16.0, 40), Measured(19.0, 30)]
    assert rate("ours", short, long, 2, 5000) == Rate(1000.0, 40)
    with pytest.raises(SystemExit, match="ours: 2 epochs take too little time"):
        rate("ours", long, short, 2, 5000)


def test_rows_say_what_was_missed():
    slow, fast = Rate(900.0, 10**9), Rate(1000.0, 10**9)
    assert row(Faced("e", 1000, 20000, "by length", slow, fast))[-3:] == ("0.90 x", "1.00 x", "MISSED")
    assert row(Faced("e", 1000, 20000, "by length", fast, fast))[-3:] == ("1.00 x", "1.00 x", "met")
    assert row(Faced("e", 1000, 20000, "random", fast, slow))[-3:] == ("1.11 x", "1.30 x", "MISSED")
