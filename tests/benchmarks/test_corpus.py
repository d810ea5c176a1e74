"""The benchmark of the corpus stages runs, checks that outputs are the same, and prints what was missed."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.corpus import growth_row, row, table
from benchmarks.growth import Growth
from benchmarks.measure import Comparison, Measured

ROOT = Path(__file__).parents[2]


def test_a_small_run(tmp_path):
    output = tmp_path / "bench.json"
    questions = ["cleaning", "train-bpe", "binaries"]
    command = [*["-m", "benchmarks.corpus", "--megabytes", "1", "--vocab-size", "600", "--questions"], *questions]
    done = subprocess.run(
        [sys.executable, *command, "--output", output], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    compared = json.loads(output.read_text())["compared"]
    assert len(compared) == 4 and all(c["ours"]["seconds"] > 0 < c["theirs"]["peak"] for c in compared)
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4 and all(line.endswith(("| met |", "| MISSED |")) for line in rows[2:])


def test_rows_say_what_was_missed():
    comparison = Comparison("w", "p", 10, Measured(2, 3_000_000), Measured(8, 1), goal=4.5)
    assert row(comparison)[-3:] == ("4.00 x", "4.50 x", "MISSED")
    sizes = {10.0: Measured(2.0, 100), 110.0: Measured(3.0, 100), 1110.0: Measured(14.0, 120)}
    told = growth_row(Growth("s", sizes))
    assert told[2:5] == ("10.0, 11.0", "1.10", "met") and told[5:] == ("0, 0, 0", "1.20", "MISSED")
    sizes[1110.0] = Measured(15.0, 110)
    assert growth_row(Growth("s", sizes))[3:5] == ("1.20", "MISSED")
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
