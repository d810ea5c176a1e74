"""What XLA's compiler says a step needs: the parts add up, the gather saves, and reports that are none are told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contenders import Setting
from benchmarks.xla_memory import Asked, Needed, analysed, largest
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.xla.memory import REPORTS, last_report, read_report

ROOT = Path(__file__).parents[2]
SETTING = Setting("hallelubert", 2, 64, 1009, 32, dropout=0.1)
MASKED, ROWS = 5, 8

# Two weights with their gradients and averages would be eight parameters; here are enough to be told apart.
REPORT = """BufferAssignment:
allocation 0: size 40, maybe-live-out:
 value: <9 out @0> (size=40,offset=0): f32[2,5]{1,0}
allocation 1: size 40, parameter 0, shape |f32[2,5]| at ShapeIndex {}:
 value: <1 p0.1 @0> (size=40,offset=0): f32[2,5]{1,0}
allocation 2: size 40, parameter 1, shape |f32[2,5]| at ShapeIndex {}:
 value: <2 p1.2 @0> (size=40,offset=0): f32[2,5]{1,0}
allocation 3: size 4, parameter 2, shape |f32[]| at ShapeIndex {}:
 value: <3 p2.3 @0> (size=4,offset=0): f32[]
allocation 4: size 4, constant:
 value: <4 constant.1 @0> (size=4,offset=0): f32[]
allocation 5: size 128, preallocated-temp:
 value: <5 first @0> (size=64,offset=0): f32[4,4]{1,0}
 value: <6 second{1} @0> (size=64,offset=0): f32[4,4]{1,0}
 value: <7 third @0> (size=64,offset=64): f32[2,8]{1,0}

Total bytes used: 256 (256B)

HloLiveRange (max 9):
  BufferLiveRange:
    first{}:1-3
    second{1}:3-5
    third{}:3-6
    out{}:6-9
  Live ranges at 3 (peak):
    first{}: 64 bytes (cumulative: 64 bytes)
"""


def report(folder: Path, text: str = REPORT, name: str = "module_0001.cpu-buffer-assignment.txt") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_report_is_read(tmp_path):
    found = read_report(report(tmp_path))
    assert found.parameters == (((2, 5), 40), ((2, 5), 40), ((), 4))
    assert (found.temporaries, found.rest) == (128, 4), "what is left takes the place of what was given"
    assert found.taken([(2, 5)], 2) == 80
    assert found.at_peak() == {("f32", (4, 4)): 64, ("f32", (2, 8)): 64}, "what is written over in place stands once"
    assert found.most_with_axis(4) == 64 and found.most_with_axis(8, [(2, 8)]) == 0


def test_weights_that_the_graph_is_not_given_are_told(tmp_path):
    with pytest.raises(ValueError, match="too few parameters"):
        read_report(report(tmp_path)).taken([(2, 5)], 4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing of the kind\n",
        REPORT[: REPORT.index("Total")],
        REPORT[: REPORT.index("  Live ranges")],
        REPORT.replace("size 128, pre", "size 64, pre"),
        REPORT.replace("parameter 2, shape |f32[]| at ShapeIndex {}", "parameter 2"),
        "\0\xff\n" * 9,
    ],
    ids=["empty", "other text", "cut before the total", "cut before the peak", "sum", "no shape", "bytes"],
)
def test_what_is_no_whole_report_is_one_line(tmp_path, text):
    path = report(tmp_path, text)
    with pytest.raises(UserError, match=r"\S+; have XLA write it again") as told:
        read_report(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "module_0001.cpu-buffer-assignment.txt"
    path.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(UserError, match="it is not text"):
        read_report(path)


def test_no_report(tmp_path):
    with pytest.raises(UserError, match="XLA wrote no report"):
        last_report(tmp_path)
    with pytest.raises(UserError, match="there is no report"):
        read_report(tmp_path / REPORTS)


def test_the_last_graph_is_read(tmp_path):
    report(tmp_path, "of the graph before", "module_0000.cpu-buffer-assignment.txt")
    report(tmp_path)
    assert last_report(tmp_path).temporaries == 128


@pytest.fixture(scope="module")
def needed():
    return {step: analysed(Asked(SETTING, ROWS, step, MASKED)) for step in ("gather", "every")}


def test_the_parts_are_those_of_the_model(needed):
    from tests.xla.models import parameters

    weights = 4 * parameters(SETTING)
    for found in needed.values():
        assert (found.weights, found.gradients, found.optimizer) == (weights, weights, 2 * weights)
        assert found.total > 4 * weights + found.temporaries


def test_logits_are_of_the_positions_that_are_projected(needed):
    """At least the logits themselves stand at once."""
    entries = 4 * SETTING.vocab_size * ROWS
    assert needed["gather"].logits >= entries * MASKED
    assert needed["every"].logits >= entries * SETTING.positions
    assert needed["gather"].logits < needed["every"].logits / 2
    assert needed["gather"].temporaries < needed["every"].temporaries


def test_activations_that_are_computed_again_are_not_kept(needed):
    deep = Setting("hallelubert", 6, 64, 1009, 32, dropout=0.1)
    again = Setting("hallelubert", 6, 64, 1009, 32, dropout=0.1, options={"checkpoint_activations": True})
    kept, recomputed = (analysed(Asked(setting, ROWS, "gather", MASKED)) for setting in (deep, again))
    assert recomputed.temporaries < kept.temporaries / 2
    assert recomputed.weights == kept.weights


@pytest.mark.parametrize(
    "bytes_of",
    [lambda rows: 7 * rows, lambda rows: 7 * rows + rows * rows // 50, lambda rows: 64 * (rows // 9)],
    ids=["a line", "a bend", "steps"],
)
@pytest.mark.parametrize("limit", [47, 100, 500, 5000])
def test_the_largest_batch_is_compiled_and_one_more_does_not_fit(bytes_of, limit):
    asked = []

    def ask(rows: int) -> Needed:
        asked.append(rows)
        return Needed(10, 10, 20, 0, bytes_of(rows), 0, {})

    found, bytes_at, beyond = largest(ask, 8, limit)
    assert bytes_at == 40 + bytes_of(found) <= limit < beyond == 40 + bytes_of(found + 1)
    assert {found, found + 1} <= set(asked) and len(asked) < 20


def test_not_even_one_row_fits():
    assert largest(lambda rows: Needed(10, 10, 20, 0, 7 * rows, 0, {}), 8, 41) == (0, 0, 47)


def test_the_command():
    command = [
        *(sys.executable, "-m", "benchmarks.xla_memory", "--sizes", "base", "--steps", "gather", "--recomputed", "no"),
        *("--layers", "1", "--width", "64", "--vocab-size", "1009", "--length", "32", "--masked", "5", "--rows", "16"),
        *("--limit", "4500000"),
    ]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = [cell.strip() for cell in done.stdout.splitlines()[-1].strip("|").split("|")]
    assert cells[:4] == ["base", "no", "predicted positions", "16"] and int(cells[10]) >= 16
    assert "A TPU's compiler makes" in done.stdout
