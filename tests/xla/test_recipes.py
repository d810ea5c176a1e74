"""fairseq-train --tpu: other recipes, the losses of the CPU, what is not finite, stock's task, bad input."""

import json
import math
import re

import pytest
import torch

from tests.conftest import the_error
from tests.tasks import runs
from tests.xla.commands import compiles, logged, losses, plain, recorded, said, start

NEO = ("--arch", "neodictabert_tiny")
PACKED = ("--sample-break-mode", "packed")


# 27 batches of 4 rows an epoch with `eos`: the last update of an epoch has one batch, and that one is not full
@pytest.mark.parametrize(
    "options",
    [
        (*NEO, "--update-freq", 1),
        (*PACKED, "--update-freq", 3, "--tokens-per-sample", 48),
        (*NEO, *PACKED, "--tokens-per-sample", 48),
        ("--optimizer", "stable_adamw", "--update-freq", 1),
    ],
    ids=["neodictabert", "packed", "neodictabert, packed", "stable_adamw"],
)
def test_other_recipes_compile_nothing_new(place, tmp_path, options):
    done = start(plain(place[0], tmp_path, "--validate-interval-updates", 5, *options))
    assert done.returncode == 0, done.stderr[-3000:]
    assert [step for step, _, _ in compiles(done)] == ["update 1", "validation"], said(done)[-3000:]
    if PACKED[1] in options and NEO[1] in options:
        updates = int(logged(done)[-1]["num_updates"])
        again = start(plain(place[0], tmp_path, "--validate-interval-updates", 5, *options, "--max-epoch", 3))
        assert again.returncode == 0, again.stderr[-3000:]
        resumed = [step for step, _, _ in compiles(again)]
        assert resumed == [f"update {updates + 1}", "validation"], said(again)[-3000:]


def test_length_buckets_compile_once_for_each_length(place, tmp_path):
    """The warnings name the shapes: 15 % of 32 and of 64 tokens are 5 and 10 positions."""
    more = ("--length-buckets", "16,32", "--update-freq", 1, "--max-epoch", 3, "--xla-warn-recompile")
    done = start(plain(place[0], tmp_path, *more))
    assert done.returncode == 0, done.stderr[-3000:]
    updates = [(step, new) for step, new, _ in compiles(done) if step != "validation"]
    validations = [new for step, new, _ in compiles(done) if step == "validation"]
    assert len(updates) == 3 and [new for _, new in updates][1:] == [1, 1], said(done)[-3000:]
    assert 1 <= len(validations) <= 3
    told = [row for row in said(done).splitlines() if "WARNING" in row and "XLA compiled" in row and "update" in row]
    assert len(told) == 2 and all("new shapes: src_tokens 4 x " in row for row in told)
    assert {(32, 5), (64, 10)} & {
        tuple(map(int, found)) for row in told for found in re.findall(r"src_tokens 4 x (\d+), .*target 4 x (\d+)", row)
    }


@pytest.mark.parametrize("options", [(), (*NEO, *PACKED)], ids=["hallelubert", "neodictabert, packed"])
def test_losses_are_those_of_the_cpu(place, tmp_path, options):
    """50 updates without dropout, to 1e-4 relative."""
    still = ("--dropout", 0, "--attention-dropout", 0, "--optimizer", "adamw", "--max-update", 50, *options)
    for device in ("--tpu", "--cpu"):
        done = start(recorded(place, tmp_path / device, *still, device=device))
        assert done.returncode == 0, done.stderr[-3000:]
    ours, theirs = losses(tmp_path / "--tpu"), losses(tmp_path / "--cpu")
    assert len(ours) >= 50 and ours == pytest.approx(theirs, rel=1e-4)


def test_dropout_is_the_same_for_the_same_seed(place, tmp_path):
    on = ("--dropout", 0.1, "--attention-dropout", 0.1, "--max-update", 5)
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("off", 1)):
        more = (*on, "--seed", seed) if name != "off" else ("--max-update", 5)
        done = start(plain(place[0], tmp_path / name, *more))
        assert done.returncode == 0, done.stderr[-3000:]
        (tmp_path / name / "told").write_text(json.dumps([row["loss"] for row in logged(done)]))
    told = {name: (tmp_path / name / "told").read_text() for name in ("a", "b", "c", "off")}
    assert told["a"] == told["b"]
    assert told["a"] != told["c"] and told["a"] != told["off"]


def test_activations_are_computed_again_with_the_same_dropout(place, tmp_path):
    """The first gradient, of which the optimizer has kept a tenth. Later ones have other random numbers: torch_xla goes
    on from those of the layer that was computed last.
    """
    on = ("--dropout", 0.1, "--attention-dropout", 0.1, "--max-update", 1, "--update-freq", 1, "--disable-validation")
    kept = []
    for name, more in (("kept", ()), ("again", ("--checkpoint-activations",))):
        done = start(plain(place[0], tmp_path / name, *on, *more))
        assert done.returncode == 0, done.stderr[-3000:]
        state = runs.state_of(tmp_path / name / "checkpoint_last.pt")["last_optimizer_state"]["state"]
        kept.append([state[number]["exp_avg"] for number in sorted(state)])
    assert len(kept[0]) == len(kept[1]) > 10
    assert all(one.allclose(other, rtol=1e-4, atol=1e-6) for one, other in zip(*kept))
    assert all(one.abs().max() > 1e-4 for one in kept[0][:1])


def test_updates_that_are_not_finite_leave_no_trace_and_are_written_down(place, tmp_path):
    """The last after the last log."""
    plants = {"3.1": "nan loss", "4.0": "inf loss", "6.1": "nan gradient", "9.0": "nan loss"}
    more = ("--max-update", 9, "--save-interval-updates", 1, "--optimizer", "adamw", "--log-interval", 4)
    done = start(recorded(place, tmp_path, *more, plant=plants))
    assert done.returncode == 0, done.stderr[-3000:]
    for before, after, same in ((2, 4, True), (5, 6, True), (4, 5, False), (6, 7, False)):
        one, other = (runs.state_of(tmp_path / f"checkpoint_1_{update}.pt") for update in (before, after))
        assert runs._equal(one["model"], other["model"]) == same, (before, after)
    lines = [json.loads(line) for line in (tmp_path / "nonfinite.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["update"], line["in_a_row"]) for line in lines] == [(3, 1), (4, 2), (6, 1), (9, 1)]
    ids = {}
    for update, _, batch, _ in runs.records(tmp_path):
        ids.setdefault(update, []).append(batch)
    assert [[batch["ids"] for batch in line["batches"]] for line in lines] == [ids[3], ids[4], ids[6], ids[9]]
    assert all(math.isfinite(float(row["loss"])) for row in logged(done))


def test_a_run_of_nothing_but_nan_ends(place, tmp_path):
    plants = {f"{update}.0": "nan loss" for update in range(3, 20)}
    done = start(recorded(place, tmp_path, "--max-update", 20, "--stop-after-nonfinite", 4, plant=plants))
    assert "4 updates in a row had a loss or gradient that is not finite" in the_error(done)


STOCK = ("--task", "masked_lm", "--criterion", "masked_lm", "--arch", "roberta_base")


def stock(place, save, *more) -> list:
    data, _ = place
    return [
        data, "--user-dir", runs.ROOT / "fairseq_hebrew", *STOCK, "--encoder-layers", 1, "--encoder-embed-dim", 64,
        "--encoder-ffn-embed-dim", 128, "--encoder-attention-heads", 1, "--optimizer", "adam", "--lr", 1e-3,
        "--lr-scheduler", "polynomial_decay", "--total-num-update", 60, "--sample-break-mode", "complete",
        "--tokens-per-sample", 64, "--batch-size", 4, "--max-update", 6, "--save-dir", save, "--tpu",
        "--log-format", "json", "--log-interval", 2, "--num-workers", 0, "--validate-interval-updates", 3,
        "--mask-prob", 0.15, *more,
    ]  # fmt: skip


def test_stock_masked_lm_runs_through_the_cures(place, tmp_path):
    done = start(stock(place, tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    rows = logged(done)
    assert [row["num_updates"] for row in rows] == ["2", "4", "6"]
    assert float(rows[-1]["gb_total"]) > 0
    assert logged(done, "valid")
    state = runs.state_of(tmp_path / "checkpoint_last.pt")["model"]
    embedding, output = (state[f"encoder.{name}.weight"] for name in ("sentence_encoder.embed_tokens", "lm_head"))
    assert torch.equal(embedding, output), "tied after the move"


def test_stock_masked_lm_ends_on_a_gradient_that_is_not_finite(place, tmp_path):
    told = the_error(start(stock(place, tmp_path, "--lr", 1e30)))
    assert "the gradient is not finite after" in told and "go on from a checkpoint before that" in told


@pytest.mark.parametrize(
    ("options", "devices", "told"),
    [
        (("--batch-size", 3), 2, "a batch of 3 rows cannot be shared by 2 devices; give a --batch-size"),
        (("--criterion", "masked_lm"), 1, "--criterion masked_lm knows no fixed shapes"),
        (("--amp",), 1, "--amp is for GPUs; with --tpu use --autocast bf16"),
        (("--fp16",), 1, "Cannot combine --fp16 and --tpu, use --autocast bf16 on TPUs, --bf16 with a model that"),
        (("--distributed-world-size", 2), 1, "SPMD drives all devices of a host from one process; leave it out"),
        (("--cpu",), 1, "--cpu and --tpu: give one of them"),
    ],
)
def test_bad_input_gets_one_line(place, tmp_path, options, devices, told):
    assert told in the_error(start(plain(place[0], tmp_path, *options), devices=devices))


def test_bf16_products_keep_fp32_weights(place, tmp_path):
    done = start(plain(place[0], tmp_path, "--autocast", "bf16", "--max-update", 6, "--update-freq", 1))
    assert done.returncode == 0, done.stderr[-3000:]
    assert [step for step, _, _ in compiles(done)] == ["update 1", "validation"]
    state = runs.state_of(tmp_path / "checkpoint_last.pt")
    assert {value.dtype for value in state["model"].values()} == {torch.float32}
    assert all(math.isfinite(float(row["loss"])) for row in logged(done))


def test_precision_is_told(place, tmp_path):
    done = start(plain(place[0], tmp_path, "--xla-matmul-precision", "highest", "--max-update", 1))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "matrix products of fp32 tensors: highest: six bf16 passes: true fp32" in said(done)
