"""The benchmark of fine-tuning runs, on the demo's entities, and prints both of Trainer's batches beside ours."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.fine_tuning import Faced, Rate, row

ROOT = Path(__file__).parents[2]


def test_a_small_run(tmp_path):
    output = tmp_path / "bench.json"
    sizes = ["--sizes", "tiny", "--sentences", "160", "--rounds", "1", "--epochs", "8", "--threads", "1"]
    command = [sys.executable, "-m", "benchmarks.fine_tuning", *sizes, "--output", output]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert [(one["encoder"], one["samples"], one["sampling"]) for one in found] == [
        ("hallelubert_tiny", 160, "random"),
        ("hallelubert_tiny", 160, "by length"),
    ]
    assert all(one[side]["tokens"] > 0 for one in found for side in ("ours", "theirs"))
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 and all(line.endswith(("| met |", "| MISSED |")) for line in rows[2:])


def test_rows_say_what_was_missed():
    slow, fast = Rate(900.0, 10**9), Rate(1000.0, 10**9)
    assert row(Faced("e", 1000, 20000, "by length", slow, fast))[-3:] == ("0.90 x", "1.00 x", "MISSED")
    assert row(Faced("e", 1000, 20000, "by length", fast, fast))[-3:] == ("1.00 x", "1.00 x", "met")
    assert row(Faced("e", 1000, 20000, "random", fast, slow))[-3:] == ("1.11 x", "1.30 x", "MISSED")
