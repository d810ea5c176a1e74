"""The benchmark of training runs, proves that its contenders do the same work, and prints what was missed."""

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import train, train_process, train_questions
from benchmarks.contenders import CONTENDERS, Setting, vocabulary
from benchmarks.train_batch import PAD, make_batch
from benchmarks.train_equal import Same, equal_to_modernbert, equal_to_padded, equal_to_roberta
from benchmarks.train_process import Job, Result
from benchmarks.train_questions import Faced, Varied

ROOT = Path(__file__).parents[2]
TINY = [*("--layers", 2, "--width", 64, "--vocab-size", 300, "--length", 24, "--rounds", 1), *("--steps", 1)]
TINY = [*map(str, TINY), "--threads", "1"]
SETTING = {"layers": 2, "width": 64, "vocab_size": 300, "positions": 24}


def rows(text: str, first: str) -> list[list[str]]:
    """The cells of the table whose head begins with this cell."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    body = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        body.append([cell.strip() for cell in line.strip("|").split("|")])
    return body


def test_a_small_run(tmp_path):
    output = tmp_path / "bench.json"
    command = ["-m", "benchmarks.train", *TINY, "--questions", "modernbert", "--output", output]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [cells[-1] for cells in rows(done.stdout, "beside ours")] == ["same"]
    ours, twin = rows(done.stdout, "work")
    assert ours[0] == "NeoDictaBERT" and ours[10] == twin[10] == "1.00 x" and {ours[11], twin[11]} <= {"met", "MISSED"}
    for faced in json.loads(output.read_text())["faced"]:
        for found in (faced["ours"], faced["theirs"]):
            assert 0 < found["forward_backward"] < found["step"] and found["peak"] > 100e6
            assert found["tokens"] == 4 * 24 and found["masked"] == 4 * 4


def test_all_questions(monkeypatch, capsys):
    """Without processes, which take longer than what they measure here."""
    jobs = []
    monkeypatch.setattr(train_questions, "run", lambda job: jobs.append(job) or train_process.train(job))
    monkeypatch.setattr(train, "proved", train_questions.same_work)
    monkeypatch.setattr(sys, "argv", ["train", *TINY, "--variants", "recomputed", "bf16"])
    train.main()
    told = capsys.readouterr().out
    assert [cells[-1] for cells in rows(told, "beside ours")] == ["same"] * 4
    faced = rows(told, "work")
    assert [cells[0].split(",")[0] for cells in faced[:2]] == ["HalleluBERT"] * 2 and len(faced) == 4 + 4 + 2
    assert [cells[10] for cells in faced] == ["1.60 x"] * 4 + ["1.50 x"] * 4 + ["1.00 x"] * 2
    assert [cells[13] for cells in faced] == ["0.70", ""] * 2 + [""] * 6
    assert all(cells[11] in ("met", "MISSED") for cells in faced)
    assert [cells[:2] for cells in rows(told, "model")] == [
        [f"{family}, dropout {dropout}", variant]
        for family, dropout in (("hallelubert", "0.1"), ("neodictabert", "0"))
        for variant in ("recomputed", "bf16")
    ]
    # all that stand beside each other have the same dropout and the same documents
    first = [(job.contender, job.setting.dropout, job.lengths, job.documents) for job in jobs[:6]]
    assert first == [(name, d, "full", 4) for d in (0.1, 0.0) for name in ("ours", "fairseq", "roberta")]


def test_contenders_take_turns(monkeypatch):
    results = iter([Result(2.0, 3.0, 5, 10, 1), Result(1, 1, 1, 10, 1), Result(1.0, 4.0, 4, 10, 1)] * 2)
    order = []
    monkeypatch.setattr(train_questions, "run", lambda job: order.append(job) or next(results))
    found = train_questions.interleaved({"a": "a", "b": "b"}, rounds=2)
    assert order == ["a", "b", "a", "b"]
    assert found["a"] == Result(1.0, 3.0, 5, 10, 1)


@pytest.mark.parametrize("lengths", [(24, 24), (24, 9)])
@pytest.mark.parametrize("proof", [equal_to_roberta, equal_to_padded])
def test_the_same_weights_make_the_same_loss(proof, lengths):
    found = list(proof(Setting("hallelubert", **SETTING, dropout=0.1), make_batch(lengths, 300)))
    assert found and all(same.holds for same in found), found


def test_the_same_weights_make_the_same_loss_as_modernberts():
    (same,) = equal_to_modernbert(Setting("neodictabert", **SETTING), make_batch((24, 9), 300))
    assert same.holds, same


def test_other_work_is_noticed(monkeypatch):
    build = CONTENDERS["ours"].build

    def more(setting):
        model, loss = build(setting)
        return model, lambda batch: loss(batch) * (1 + 1e-4)

    monkeypatch.setitem(CONTENDERS, "ours", dataclasses.replace(CONTENDERS["ours"], build=more))
    (same,) = equal_to_modernbert(Setting("neodictabert", **SETTING), make_batch((24, 9), 300))
    assert not same.holds and same.loss == pytest.approx(1e-4, rel=0.1)


def test_nothing_is_timed_when_the_work_differs(monkeypatch, capsys):
    monkeypatch.setattr(train, "proved", lambda asked: [Same("p", 7.0, 1e-4, 1e-6)])
    monkeypatch.setattr(train_questions, "run", lambda job: pytest.fail("something was timed"))
    monkeypatch.setattr(sys, "argv", ["train", *TINY, "--questions", "modernbert"])
    with pytest.raises(SystemExit, match="do not do the same work"):
        train.main()
    assert "DIFFERS" in capsys.readouterr().out


@pytest.mark.parametrize("name", CONTENDERS)
def test_contenders_have_the_sizes_they_should(name):
    family = "neodictabert" if name == "modernbert" else "hallelubert"
    setting = Setting(family, layers=2, width=64, vocab_size=300, positions=24)
    model, loss = CONTENDERS[name].build(setting)
    shapes = {tuple(p.shape) for p in model.parameters()}
    assert {(300, 64), (2 * 176 if family == "neodictabert" else 256, 64)} <= shapes
    assert loss(make_batch((24,), 300)).requires_grad


def test_a_contender_that_fails_tells_why():
    with pytest.raises(RuntimeError, match=r"exit status 1\n(.|\n)*positions"):
        train_process.run(Job("ours", Setting("hallelubert", **{**SETTING, "positions": 8}), "full", 1, 24))


def test_peak_memory_is_the_processes_own():
    held = bytearray(b"x") * 900_000_000
    found = train_process.run(Job("ours", Setting("hallelubert", **SETTING), "full", 1, 24, 1, 0, 1))
    assert 100e6 < found.peak < len(held) < train_process._peak("cpu")


def test_rows_say_what_was_missed():
    ours, theirs = Result(1.0, 2.0, 70_000_000, 100, 15), Result(3.0, 3.2, 100_000_000, 100, 15)
    told = train.row(Faced("w", "p", ours, theirs, 1.6, 0.7))
    assert told == (
        *("w", "p", "100", "50", "70", "33", "31", "100"),
        *("3.00 x", "1.60 x", "1.60 x", "met", "0.70", "0.70", "met"),
    )
    told = train.row(Faced("w", "p", ours, theirs, 1.61, 0.69))
    assert told[-4:] == ("MISSED", "0.70", "0.69", "MISSED")
    assert train.row(Faced("w", "p", ours, theirs, 1.5, None))[-2:] == ("", "")
    assert train.variant_row(Varied("m", "v", ours, theirs))[-2:] == ("0.62 x", "1.43")
    assert train.same_row(Same("p", 7.0, 1e-6, 1e-5))[-1] == "same"
    assert train.same_row(Same("p", 7.0, 2e-5, 1e-5))[-1] == train.same_row(Same("p", 7, 0, 2e-3))[-1] == "DIFFERS"


def test_sizes_are_the_published_ones_when_none_are_given():
    asked = argparse.Namespace(layers=None, width=None, vocab_size=52_009, length=512)
    config = train_questions.setting(asked, "hallelubert", 0.1).config
    assert (config.layers, config.width, config.feed_forward_width, config.attention_dropout) == (12, 768, 3072, 0.1)
    config = train_questions.setting(asked, "neodictabert").config
    assert (config.layers, config.width, config.feed_forward_width, config.dropout) == (28, 768, 2048, 0.0)
    assert len(vocabulary(52_009)) == 52_009 and vocabulary(52_009).pad() == PAD
