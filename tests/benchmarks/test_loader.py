"""The benchmark of the loader runs, and prints each unit against stock fairseq."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.loader import GOAL, Rate, row

ROOT = Path(__file__).parents[2]


def test_a_small_run(tmp_path):
    output = tmp_path / "bench.json"
    sizes = ["--megabytes", "0.3", "--vocab-size", "600", "--lengths", "64", "--batch-tokens", "640"]
    command = [sys.executable, "-m", "benchmarks.loader", *sizes, "--batches", "1", "--rounds", "1"]
    done = subprocess.run([*command, "--output", output], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rates = json.loads(output.read_text())
    assert [(rate["work"], rate["unit"]) for rate in rates] == [
        (work, unit)
        for unit in ("token", "word", "span")
        for work in ("masking alone", "loader, none", "loader, packed")
    ]
    assert all(rate["ours"] > 0 and (rate["theirs"] is None) == (rate["work"] == "loader, packed") for rate in rates)
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 9 and all(line.endswith(("| met |", "| MISSED |")) for line in rows[2:])


def test_rows_say_what_was_missed():
    assert row(Rate("w", "word", 4096, GOAL, 1e5)) == ("w", "word", "4,096", "3.0 M/s", "0.10 M/s", "30 x", "met")
    assert row(Rate("w", "span", 128, GOAL / 2, None))[3:] == ("1.5 M/s", "-", "-", "MISSED")
