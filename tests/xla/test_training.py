"""fairseq-train --tpu, on XLA's own compiler and runtime: one graph for a kind of step, and the losses of the CPU."""

import json
import math

import pytest
import torch

from tests.conftest import the_error
from tests.tasks import runs
from tests.xla.commands import compiles, logged, losses, plain, recorded, said, start

NEO = ("--arch", "neodictabert_tiny")
PACKED = ("--sample-break-mode", "packed")
# 27 batches of 4 rows an epoch with `eos`: the last update of an epoch has one batch, and that one is not full
LINES = 106


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", LINES), runs.plugin(folder)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """(folder, result) of two epochs with validation and checkpoints in between."""
    save = tmp_path_factory.mktemp("whole")
    done = start(plain(place[0], save, "--save-interval-updates", 6, "--validate-interval-updates", 6))
    assert done.returncode == 0, done.stderr[-3000:]
    return save, done


def test_two_epochs_with_validation_and_checkpoints_compile_nothing_new(whole):
    """2 of an update: its first batch, and its last with the optimizer's step; and what is made ready before."""
    _, done = whole
    assert int(logged(done)[-1]["num_updates"]) == 28, "two epochs"
    steps = [(step, new) for step, new, _ in compiles(done)]
    assert [step for step, _ in steps] == ["update 1", "validation"], said(done)[-3000:]
    assert steps[1][1] == 1


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


def test_a_resumed_run_compiles_nothing_more_and_goes_on_as_if_it_had_not_stopped(place, whole, tmp_path):
    _, done = whole
    first = start(plain(place[0], tmp_path, "--save-interval-updates", 6, "--max-update", 6))
    assert first.returncode == 0, first.stderr[-3000:]
    again = start(plain(place[0], tmp_path, "--save-interval-updates", 6, "--validate-interval-updates", 6))
    assert again.returncode == 0, again.stderr[-3000:]
    assert [step for step, _, _ in compiles(again)] == ["update 7", "validation"], said(again)[-3000:]
    told = {row["num_updates"]: row["loss"] for row in logged(done)}
    rest = {row["num_updates"]: row["loss"] for row in logged(again)}
    assert list(rest) == list(told)[6:]
    assert rest == {update: told[update] for update in rest}


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


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("more", [(), ("--xla-shard-parameters",)], ids=["replicated", "sharded"])
def test_several_devices_train_as_one(place, whole, tmp_path, devices, more):
    """To 1e-5; what is logged has five digits."""
    done = start(plain(place[0], tmp_path, "--max-update", 8, *more), devices=devices)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"spread over {devices} devices" in said(done)
    if more:
        assert "and their optimizer state, are spread over the devices" in said(done)
    ours = [float(row["loss"]) for row in logged(done)]
    assert ours == pytest.approx([float(row["loss"]) for row in logged(whole[1])[:8]], rel=1e-5, abs=1.1e-3)
    ours, theirs = (runs.state_of(folder / "checkpoint_last.pt")["model"] for folder in (tmp_path, tmp_path))
    assert [step for step, _, _ in compiles(done)][:1] == ["update 1"]


def test_checkpoints_go_from_xla_to_the_cpu_and_back(place, whole, tmp_path):
    """As a run on either that was never moved, but for the order of sums."""
    told = [float(row["loss"]) for row in logged(whole[1])]
    for name, first, second in (("to the cpu", "--tpu", "--cpu"), ("to xla", "--cpu", "--tpu")):
        for device, updates in ((first, 6), (second, 12)):
            fixed = ("--fixed-shapes",) if device == "--cpu" else ()
            done = start(plain(place[0], tmp_path / name, "--max-update", updates, *fixed, device=device))
            assert done.returncode == 0, done.stderr[-3000:]
        ours = [float(row["loss"]) for row in logged(done)]
        assert len(ours) == 6 and ours == pytest.approx(told[6:12], abs=2e-3)


def test_the_head_is_tied_after_the_move_and_after_loading(whole):
    """One matrix in the checkpoint, and no output matrix beside it."""
    state = runs.state_of(whole[0] / "checkpoint_last.pt")["model"]
    assert "encoder.embed_tokens.weight" in state and "lm_head.weight" not in state
    assert all(value.device.type == "cpu" for value in state.values())


def test_a_checkpoint_is_exported(whole, place, tmp_path, tokenizer_dir):
    from fairseq_hebrew.models.hallelubert import HalleluBertModel  # noqa: F401  fairseq has to know it
    from fairseq_hebrew.hub.checkpoint import read_checkpoint

    read = read_checkpoint(whole[0] / "checkpoint_last.pt")
    assert read is not None


def test_updates_that_are_not_finite_leave_no_trace_and_are_written_down(place, tmp_path):
    plants = {"3.1": "nan loss", "4.0": "inf loss", "6.1": "nan gradient"}
    more = ("--max-update", 8, "--save-interval-updates", 1, "--optimizer", "adamw", "--log-interval", 4)
    done = start(recorded(place, tmp_path, *more, plant=plants))
    assert done.returncode == 0, done.stderr[-3000:]
    for before, after, same in ((2, 4, True), (5, 6, True), (4, 5, False), (6, 7, False)):
        one, other = (runs.state_of(tmp_path / f"checkpoint_1_{update}.pt") for update in (before, after))
        assert runs._equal(one["model"], other["model"]) == same, (before, after)
    lines = [json.loads(line) for line in (tmp_path / "nonfinite.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["update"], line["in_a_row"]) for line in lines] == [(3, 1), (4, 2), (6, 1)]
    ids = {}
    for update, _, batch, _ in runs.records(tmp_path):
        ids.setdefault(update, []).append(batch)
    assert [[batch["ids"] for batch in line["batches"]] for line in lines] == [ids[3], ids[4], ids[6]]
    assert all(math.isfinite(float(row["loss"])) for row in logged(done))


def test_a_run_of_nothing_but_nan_ends(place, tmp_path):
    plants = {f"{update}.0": "nan loss" for update in range(3, 20)}
    done = start(recorded(place, tmp_path, "--max-update", 20, "--stop-after-nonfinite", 4, plant=plants))
    assert "4 updates in a row had a loss or gradient that is not finite" in the_error(done)


STOCK = ("--task", "masked_lm", "--criterion", "masked_lm", "--arch", "roberta_base")


def test_stock_masked_lm_runs_through_the_cures(place, tmp_path):
    data, _ = place
    more = (
        data, "--user-dir", runs.ROOT / "fairseq_hebrew", *STOCK, "--encoder-layers", 1, "--encoder-embed-dim", 64,
        "--encoder-ffn-embed-dim", 128, "--encoder-attention-heads", 1, "--optimizer", "adam", "--lr", 1e-3,
        "--lr-scheduler", "polynomial_decay", "--total-num-update", 60, "--sample-break-mode", "complete",
        "--tokens-per-sample", 64, "--batch-size", 4, "--max-update", 6, "--save-dir", tmp_path, "--tpu",
        "--log-format", "json", "--log-interval", 2, "--num-workers", 0, "--validate-interval-updates", 3,
        "--mask-prob", 0.15,
    )  # fmt: skip
    done = start(more)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = logged(done)
    assert [row["num_updates"] for row in rows] == ["2", "4", "6"]
    assert float(rows[-1]["gb_total"]) > 0
    assert logged(done, "valid") and (tmp_path / "checkpoint_last.pt").exists()


@pytest.mark.parametrize(
    ("options", "devices", "told"),
    [
        (("--batch-size", 3), 2, "a batch of 3 rows cannot be shared by 2 devices"),
        (("--amp",), 1, "--amp is for GPUs; with --tpu use --autocast bf16"),
        (("--fp16",), 1, "Cannot combine --fp16 and --tpu, use --bf16 on TPUs; leave out one of them"),
        (("--distributed-world-size", 2), 1, "with --tpu one process drives all devices of a host; leave it out"),
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
