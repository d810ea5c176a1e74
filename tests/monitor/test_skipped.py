"""The updates that were skipped, as training writes them down."""

import json

import pytest

from fairseq_hebrew.monitor.skipped import FILE, read_skipped
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run
from tests.monitor.synthetic import train_line


def line(update, **more):
    return json.dumps({"update": update, "epoch": 1, "gnorm": "nan", "batches": [{"rank": 0, "ids": [3, 1]}], **more})


def test_records_in_order_and_those_told_again_once(tmp_path):
    assert read_skipped(tmp_path) == []
    lines = [line(5), line(9), line(12), line(9, gnorm="inf")]
    (tmp_path / FILE).write_text("\n".join(lines) + "\n" + line(14)[:20])
    found = read_skipped(tmp_path)
    assert [(one["update"], one["gnorm"]) for one in found] == [(5, "nan"), (9, "inf")]
    assert found[0]["batches"] == [{"rank": 0, "ids": [3, 1]}]


@pytest.mark.parametrize("bad", ["{", "5", '{"epoch": 1}', '{"update": null}'])
def test_a_line_that_is_no_record_is_named(tmp_path, bad):
    (tmp_path / FILE).write_text(f"{line(5)}\n{bad}\n{line(9)}\n")
    with pytest.raises(UserError, match=rf"{FILE}:2: no record of a skipped update"):
        read_skipped(tmp_path)


def test_the_command_tells_of_them(tmp_path):
    (tmp_path / "train.log").write_text("".join(train_line(update, 5.0) + "\n" for update in range(1, 40)))
    (tmp_path / FILE).write_text(line(17) + "\n")
    done = run("fairseq-hebrew", "monitor", tmp_path, "--output", tmp_path / "out")
    assert "skipped updates: 1, the last 17; batches: " in done.stdout
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["skipped"] == [json.loads(line(17))]
