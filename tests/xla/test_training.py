"""fairseq-train --tpu, on XLA's own compiler and runtime: one graph for a kind of step, resumed, moved, on devices."""

import itertools
import json

import pytest
from safetensors.torch import load_file

from fairseq_hebrew.preprocess.binarize import Settings, binarize
from tests.conftest import HANDWRITTEN, run
from tests.tasks import runs
from tests.xla.commands import compiles, logged, losses, plain, recorded, said, start


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


STILL = ("--dropout", 0, "--attention-dropout", 0, "--optimizer", "adamw", "--max-update", 8)


@pytest.fixture(scope="module")
def one_device(place, tmp_path_factory):
    """The loss of each batch of 8 updates on one device."""
    save = tmp_path_factory.mktemp("one")
    assert start(recorded(place, save, *STILL)).returncode == 0
    return losses(save)


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("more", [(), ("--xla-shard-parameters",)], ids=["replicated", "sharded"])
def test_several_devices_train_as_one(place, one_device, tmp_path, devices, more):
    """To 1e-5."""
    done = start(recorded(place, tmp_path, *STILL, *more), devices=devices)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"spread over {devices} devices" in said(done)
    assert ("and their optimizer state, are spread over the devices" in said(done)) == bool(more)
    assert len(one_device) == 16 and losses(tmp_path) == pytest.approx(one_device, rel=1e-5)


def test_spread_weights_compile_nothing_new_but_to_be_saved(place, tmp_path):
    """torch_xla gathers them by a small graph for each weight, and does not keep those for the next checkpoint."""
    more = ("--max-update", 20, "--xla-shard-parameters", "--save-interval-updates", 6)
    after_saving = {"update 7", "update 13", "update 15", "update 19"}  # 14 are an epoch
    for name, saving, others in (("none", ("--no-save",), set()), ("saved", (), after_saving)):
        done = start(plain(place[0], tmp_path / name, *more, *saving), devices=2)
        assert done.returncode == 0, done.stderr[-3000:]
        steps = [step for step, _, _ in compiles(done)]
        assert steps[:2] == ["update 1", "validation"] and set(steps[2:]) == others, said(done)[-3000:]


COUNTING = """
import itertools
import json
from dataclasses import dataclass, field
import fairseq_hebrew.models.hallelubert
from fairseq.tasks import register_task
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask


@dataclass
class CountingConfig(HebrewMaskedLMConfig):
    counts: str = field(default="", metadata={"help": "file: [update, tensors fetched from the device so far]"})


@register_task("counting", dataclass=CountingConfig)
class CountingTask(HebrewMaskedLMTask):
    def train_step(self, sample, model, criterion, optimizer, update_num, ignore_grad=False):
        import torch_xla.debug.metrics
        with open(self.cfg.counts, "a") as file:
            data = torch_xla.debug.metrics.metric_data("TransferFromDeviceTime")
            file.write(json.dumps([update_num, data[0] if data else 0]) + chr(10))
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)
"""


def test_between_two_logs_nothing_is_fetched_from_the_device(place, tmp_path):
    (tmp_path / "counting_plugin").mkdir()
    (tmp_path / "counting_plugin" / "__init__.py").write_text(COUNTING, encoding="utf-8")
    more = ("--task", "counting", "--counts", tmp_path / "counts", "--log-interval", 5, "--max-update", 13)
    given = plain(place[0], tmp_path / "save", "--disable-validation", "--no-save", "--update-freq", 1, *more)
    given[given.index("--user-dir") + 1] = tmp_path / "counting_plugin"
    done = start(given)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = [json.loads(line) for line in (tmp_path / "counts").read_text(encoding="utf-8").splitlines()]
    fetched = {update: after - before for (update, before), (_, after) in itertools.pairwise(counts)}
    assert sorted(fetched) == list(range(12))
    assert [update for update, count in fetched.items() if count] == [4, 9], fetched
    # what is told is of all five updates, and of nothing but them
    rows = logged(done)
    assert [row["num_updates"] for row in rows] == ["5", "10"]
    assert all(row["bsz"] == "4" for row in rows)


def test_a_checkpoint_is_exported(tokenizer_dir, tmp_path):
    words = sorted(HANDWRITTEN.glob("a0*.txt"))
    for split in ("train", "valid"):
        binarize(Settings(input=words[:4], output=tmp_path / "data", tokenizer=tokenizer_dir, split=split))
    more = ("--max-update", 2, "--tokenizer-dir", tokenizer_dir, "--disable-validation")
    done = start(plain(tmp_path / "data", tmp_path / "save", *more))
    assert done.returncode == 0, done.stderr[-3000:]
    checkpoint = tmp_path / "save" / "checkpoint_last.pt"
    done = run("fairseq-hebrew", "export-hf", checkpoint, tmp_path / "hf", "--tokenizer", tokenizer_dir)
    assert done.returncode == 0, done.stderr[-3000:]
    embedding = load_file(tmp_path / "hf" / "model.safetensors")["roberta.embeddings.word_embeddings.weight"]
    rows = runs.state_of(checkpoint)["model"]["encoder.embed_tokens.weight"]
    assert len(embedding) == len(rows) and sorted(embedding.sum(1).tolist()) == sorted(rows.sum(1).tolist())


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
