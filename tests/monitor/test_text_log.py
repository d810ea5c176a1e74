"""Reading fairseq's text logs: whole, torn, damaged, growing, and written by a run that was stopped and resumed."""

import pytest

from fairseq_hebrew.monitor.curves import EPOCH, TRAIN
from fairseq_hebrew.monitor.text_log import TextLog, parse, read_log
from fairseq_hebrew.stage.errors import UserError
from tests.monitor.synthetic import train_line, valid_line

LOG = """
2026-01-01 | INFO | fairseq_cli.train | task: x
{"epoch": 1, "loss": "9.5", "wpb": "4096", "num_updates": "10", "wall": "3"}
{"epoch": 1, "valid_loss": "9.1", "valid_f1": "12.5", "valid_num_updates": "10"}
{"epoch": 1, "train_loss": "9.5", "train_num_updates": "10"}
{"epoch": 2, "loss": "8.5", "num_upda
"""
SETTINGS = "{'_name': None, 'common': {'log_format': 'json', 'model_overrides': '{}'}}\n"
PREFIX = "2026-01-01 10:00:00 | INFO | train_inner | "


def read(path, growing=False):
    return [(record.split, record.update) for record in TextLog(path).read(growing)]


def test_steps_and_validations_are_told_apart_and_a_torn_last_line_is_passed_over(tmp_path):
    path = tmp_path / "train.log"
    path.write_text(LOG)
    records = read_log(path)
    assert records["train"] == [{"epoch": 1.0, "loss": 9.5, "wpb": 4096.0, "num_updates": 10.0, "wall": 3.0}]
    assert records["valid"] == [{"epoch": 1.0, "loss": 9.1, "f1": 12.5, "num_updates": 10.0}]
    assert read(path) == [(TRAIN, 10), ("valid", 10), (EPOCH, 10)]


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(UserError, match="no such log"):
        read_log(tmp_path / "train.log")


def test_a_saved_output_has_something_before_each_record_and_other_lines_with_braces(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text(SETTINGS + PREFIX + train_line(10, 9.5) + "\n" + '{"some": "other json"}\n{"epoch_size": 5}\n{\n')
    assert read(path) == [(TRAIN, 10)]


def test_a_validation_set_of_another_name_keeps_it():
    record = parse(valid_line(30, 4.5, subset="valid_poems").encode())
    assert (record.split, record.update, record.values["loss"]) == ("valid_poems", 30, 4.5)


def test_values_that_are_not_finite_are_kept_and_what_is_no_number_is_left_out():
    record = parse(b'{"epoch": 1, "loss": "nan", "gnorm": "inf", "num_updates": "7", "note": "a", "none": null}')
    assert record.update == 7 and record.values["loss"] != record.values["loss"]
    assert record.values["gnorm"] == float("inf") and not {"note", "none"} & set(record.values)


@pytest.mark.parametrize("updates", ["nan", "inf", "-inf"])
def test_a_record_of_no_update_is_none(updates):
    assert parse(f'{{"epoch": 1, "loss": "3", "num_updates": "{updates}"}}'.encode()) is None


def test_simple_logs_tell_the_same():
    step = parse(
        b"2026-01-01 10:00:00 | INFO | train_inner | epoch 002:     25 / 100 loss=9.5, ppl=724.08, num_updates=125"
    )
    assert (step.split, step.update) == (TRAIN, 125)
    assert step.values == {"loss": 9.5, "ppl": 724.08, "num_updates": 125, "epoch": 2, "update": 1.25}
    valid = parse(b"epoch 002 | valid on 'valid1' subset | loss 9.1 | ppl 548.7 | num_updates 200 | best_loss 9.1")
    assert (valid.split, valid.update, valid.values["ppl"]) == ("valid1", 200, 548.7)
    end = parse(b"epoch 002 | loss 9.3 | ppl 630 | num_updates 200 | lr 0.0001")
    assert (end.split, end.update, end.values["lr"]) == (EPOCH, 200, 0.0001)
    assert parse(b"end of epoch 2 (average epoch stats below)") is None


def test_a_damaged_line_is_named_when_others_follow(tmp_path):
    path = tmp_path / "train.log"
    lines = [train_line(10, 9.5), train_line(20, 9.4)[:-9] + '"', train_line(30, 9.3)]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=r"train\.log:2: a damaged record.*; mend that line or delete it"):
        read(path)
    path.write_text("\n".join(lines[:2]) + "\n\n")
    assert read(path) == [(TRAIN, 10)]


@pytest.mark.parametrize("rest", [SETTINGS, PREFIX + train_line(20, 9.4) + "\n", train_line(20, 9.4) + "\n"])
@pytest.mark.parametrize("length", [10, 11, 30, 100])
def test_a_kill_leaves_half_a_line_that_the_next_run_writes_on(tmp_path, rest, length):
    path = tmp_path / "train.log"
    path.write_text(train_line(10, 9.5) + "\n" + train_line(20, 9.9)[:length] + rest + train_line(30, 9.3) + "\n")
    told = [(TRAIN, 10), (TRAIN, 20), (TRAIN, 30)] if "20" in rest[-200:] and rest != SETTINGS else [
        (TRAIN, 10), (TRAIN, 30)]  # fmt: skip
    assert read(path) == told


def test_every_place_a_log_can_be_torn_at(tmp_path):
    whole = (train_line(10, 9.5) + "\n" + train_line(20, 9.4) + "\n").encode()
    path = tmp_path / "train.log"
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        told = read(path)
        assert told == [(TRAIN, 10), (TRAIN, 20)][: len(told)]
        # A record whose line has no end yet is whole when its last brace is there.
        assert len(told) == whole[:length].count(b"}")


def test_zeros_that_a_full_disk_or_a_crash_left_are_no_record(tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes(b"\0" * 500 + b"\n" + train_line(10, 9.5).encode() + b"\0\0\n" + train_line(20, 9.4).encode())
    assert read(path) == [(TRAIN, 10), (TRAIN, 20)]


def test_the_copies_that_stock_fairseq_writes_are_skipped(tmp_path):
    path = tmp_path / "train.log"
    path.write_text((train_line(10, 9.5) + "\n") * 61 + train_line(20, 9.4) + "\n")
    assert read(path) == [(TRAIN, 10), (TRAIN, 20)]


def test_a_growing_log_is_read_on_from_where_it_was(tmp_path):
    path = tmp_path / "train.log"
    path.write_text("")
    log = TextLog(path)
    assert list(log.read(growing=True)) == []
    line = train_line(10, 9.5) + "\n"
    with path.open("a") as file:
        file.write(line[:40])
        file.flush()
        assert list(log.read(growing=True)) == []
        file.write(line[40:])
        file.flush()
        assert [record.update for record in log.read(growing=True)] == [10]
        file.write(train_line(20, 9.4))
        file.flush()
        assert list(log.read(growing=True)) == []
        assert [record.update for record in log.read()] == [20]


def test_a_log_written_anew_is_read_from_its_start(tmp_path):
    path = tmp_path / "train.log"
    path.write_text("".join(train_line(u, 9.5) + "\n" for u in (10, 20, 30)))
    log = TextLog(path)
    assert len(list(log.read(growing=True))) == 3
    path.write_text(train_line(10, 9.7) + "\n")
    assert [record.update for record in log.read(growing=True)] == [10]


def test_a_damaged_line_of_a_growing_log_is_named_once_others_follow(tmp_path):
    path = tmp_path / "train.log"
    path.write_text('{"epoch": 1, "loss": "9\n')
    log = TextLog(path)
    assert list(log.read(growing=True)) == []
    with path.open("a") as file:
        file.write(train_line(10, 9.5) + "\n")
    with pytest.raises(UserError, match=r"train\.log:1: "):
        list(log.read(growing=True))
