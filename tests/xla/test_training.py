"""fairseq-train --tpu, on XLA's own compiler and runtime: one graph for a kind of step, resumed, moved, on devices."""

import itertools
import json
import math

import pytest
import torch
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


SHARDS = """
import json
from dataclasses import dataclass, field
import fairseq_hebrew.models.hallelubert
from fairseq.tasks import register_task
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask
from fairseq_hebrew.xla import mesh


@dataclass
class ShardsConfig(HebrewMaskedLMConfig):
    shards: str = field(default="", metadata={"help": "file: each weight's shape, and of what a device has of it"})


@register_task("shards", dataclass=ShardsConfig)
class ShardsTask(HebrewMaskedLMTask):
    def train_step(self, sample, model, criterion, optimizer, update_num, ignore_grad=False):
        if update_num == 2:
            found = {}
            for name, weight in model.named_parameters():
                states = (weight, *(optimizer.optimizer.state[weight][key] for key in ("exp_avg", "exp_avg_sq")))
                found[name] = [list(weight.shape), [mesh.local_shards(one.detach()) for one in states]]
            with open(self.cfg.shards, "w") as file:
                json.dump(found, file)
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)
"""


def test_spread_weights_compile_nothing_new_but_to_be_saved(place, tmp_path):
    """torch_xla gathers them by a small graph for each weight, and does not keep those for the next checkpoint.

    And after an update each device has half of every matrix and of what the optimizer keeps of it.
    """
    (tmp_path / "shards_plugin").mkdir()
    (tmp_path / "shards_plugin" / "__init__.py").write_text(SHARDS, encoding="utf-8")
    more = ("--max-update", 20, "--xla-shard-parameters", "--save-interval-updates", 6)
    after_saving = {"update 7", "update 13", "update 15", "update 19"}  # 14 are an epoch
    for name, saving, others in (("none", ("--no-save",), set()), ("saved", (), after_saving)):
        given = plain(place[0], tmp_path / name, *more, *saving, "--task", "shards", "--shards", tmp_path / "shards")
        given[given.index("--user-dir") + 1] = tmp_path / "shards_plugin"
        done = start(given, devices=2)
        assert done.returncode == 0, done.stderr[-3000:]
        steps = [step for step, _, _ in compiles(done)]
        assert steps[:2] == ["update 1", "validation"] and set(steps[2:]) == others, said(done)[-3000:]
    found = json.loads((tmp_path / "shards").read_text(encoding="utf-8"))
    assert found["encoder.embed_tokens.weight"][0][0] % 2, "rows of an odd number"
    for name, (shape, states) in found.items():
        share = (math.prod(shape) // 2) if len(shape) > 1 else math.prod(shape)
        assert [[math.prod(one) for one in shards] for shards in states] == [[share] * 2] * 3, name


COUNTING = """
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
    saving = ("--save-interval-updates", 7, "--no-epoch-checkpoints")
    given = plain(place[0], tmp_path / "save", "--disable-validation", *saving, "--update-freq", 1, *more)
    given[given.index("--user-dir") + 1] = tmp_path / "counting_plugin"
    done = start(given)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = [json.loads(line) for line in (tmp_path / "counts").read_text(encoding="utf-8").splitlines()]
    fetched = {update: after - before for (update, before), (_, after) in itertools.pairwise(counts)}
    assert sorted(fetched) == list(range(12))
    assert [update for update, count in fetched.items() if count] == [4, 6, 9], fetched
    assert [step for step, _, _ in compiles(done)] == ["update 1"], said(done)[-3000:]
    # what is told is of all five updates, and of nothing but them
    rows = logged(done)
    assert [row["num_updates"] for row in rows] == ["5", "10"]
    assert all(row["bsz"] == "4" for row in rows)


def test_a_checkpoint_of_a_resumed_run_is_exported_with_its_head_tied(tokenizer_dir, tmp_path):
    words = sorted(HANDWRITTEN.glob("a0*.txt"))
    for split in ("train", "valid"):
        binarize(Settings(input=words[:4], output=tmp_path / "data", tokenizer=tokenizer_dir, split=split))
    checkpoint, rows = tmp_path / "save" / "checkpoint_last.pt", []
    for updates in (2, 4):
        more = ("--max-update", updates, "--tokenizer-dir", tokenizer_dir, "--disable-validation")
        done = start(plain(tmp_path / "data", tmp_path / "save", *more))
        assert done.returncode == 0, done.stderr[-3000:]
        rows.append(runs.state_of(checkpoint)["model"]["encoder.embed_tokens.weight"])
    assert not torch.equal(*rows), "the embedding was not trained after the resume"
    done = run("fairseq-hebrew", "export-hf", checkpoint, tmp_path / "hf", "--tokenizer", tokenizer_dir)
    assert done.returncode == 0, done.stderr[-3000:]
    exported = load_file(tmp_path / "hf" / "model.safetensors")
    embedding = exported["roberta.embeddings.word_embeddings.weight"]
    assert sorted(embedding.sum(1).tolist()) == sorted(rows[-1].sum(1).tolist())
    assert json.loads((tmp_path / "hf" / "config.json").read_text(encoding="utf-8"))["tie_word_embeddings"] is True
    assert torch.equal(exported.get("lm_head.decoder.weight", embedding), embedding)


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


def test_a_checkpoint_has_one_matrix_for_embedding_and_head(whole):
    """One matrix in the checkpoint, and no output matrix beside it."""
    state = runs.state_of(whole[0] / "checkpoint_last.pt")["model"]
    assert "encoder.embed_tokens.weight" in state and "lm_head.weight" not in state
    assert all(value.device.type == "cpu" for value in state.values())
