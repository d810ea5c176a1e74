"""--tpu where it cannot be, and what several hosts share and tell, which one machine can only play."""

import importlib.util
from types import SimpleNamespace

import pytest
import torch
from fairseq import metrics
from fairseq.data import iterators

from fairseq_hebrew.criterions.masked_lm import HebrewMaskedLMCriterion
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks import on_xla
from fairseq_hebrew.xla import mesh
from fairseq_hebrew.xla.feeding import DeviceBuffer
from tests.conftest import the_error
from tests.tasks import runs
from tests.tasks.test_masked_lm import task


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 26), runs.plugin(folder)


@pytest.mark.skipif(importlib.util.find_spec("torch_xla") is not None, reason="torch_xla is installed here")
def test_without_torch_xla_there_is_one_line(place, tmp_path):
    line = the_error(runs.train(*place, tmp_path, "--tpu"))
    assert line.startswith("error: --tpu needs torch_xla 2.9, which is not installed; make setup-xla")


def test_what_was_trained_with_tpu_is_read_without_it(place):
    """As a checkpoint's task is set up to validate or to look at batches: of the same shapes, on the host."""
    made = task(place[0], tpu=True, sample_break_mode="eos", tokens_per_sample=64)
    made.load_dataset("train")
    batches = list(made.get_batch_iterator(made.dataset("train"), max_sentences=4).next_epoch_itr())
    assert {tuple(batch["net_input"]["src_tokens"].shape) for batch in batches} == {(4, 64)} and len(batches) == 7
    assert {batch["target"].device.type for batch in batches} == {"cpu"}


def test_fp16_and_tpu_exclude_each_other(place, tmp_path):
    line = the_error(runs.train(*place, tmp_path, "--tpu", "--fp16"))
    told = "use --autocast bf16 on TPUs, --bf16 with a model that has no such option; leave out one of them"
    assert line == f"error: Cannot combine --fp16 and --tpu, {told}"


def test_bf16_is_a_tpu_to_fairseq(place, tmp_path):
    line = the_error(runs.train(*place, tmp_path, "--bf16"))
    assert line.startswith("error: --bf16 means a TPU to fairseq, and bf16 weights; use --autocast bf16, which keeps")


@pytest.fixture
def on_host(place, monkeypatch):
    """(which host, how many) -> the task as it is on that one, with tensors that stay where they are."""
    monkeypatch.setattr(on_xla, "begun", lambda: True)
    monkeypatch.setattr(on_xla, "fetch", list)
    monkeypatch.setattr(iterators, "BufferedIterator", DeviceBuffer)
    monkeypatch.setattr(DeviceBuffer, "placement", None, raising=False)
    monkeypatch.setattr(mesh, "local_devices", lambda: 1)
    for name in ("to_device", "rows_to_devices"):
        monkeypatch.setattr(mesh, name, list)

    def made(host: int, hosts: int):
        monkeypatch.setattr(mesh, "processes", lambda: (host, hosts))
        monkeypatch.setattr(mesh, "spread_numbers", lambda numbers: numbers.repeat(hosts, 1))
        return task(place[0], tpu=True, sample_break_mode="eos", tokens_per_sample=64)

    return made


def test_hosts_share_the_data(on_host):
    """26 samples of 4 a batch are 8 batches for two hosts, with 6 empty rows: each has as many, of the same shape."""
    epochs = []
    for host in range(2):
        made = on_host(host, 2)
        made.load_dataset("train")
        reading = made.get_batch_iterator(made.dataset("train"), max_sentences=4)
        epochs.append([[batch["id"].tolist() for batch in reading.next_epoch_itr()] for _ in range(2)])
    for one, other in zip(*epochs):
        assert len(one) == len(other) == 4 and {len(ids) for ids in (*one, *other)} == {4}
        assert sorted(index for ids in (*one, *other) for index in ids if index >= 0) == list(range(26))
    assert epochs[0][0] != epochs[0][1], "both epochs in one order"


def test_a_task_without_fixed_shapes_is_refused(on_host):
    made = on_host(0, 1)
    with pytest.raises(UserError, match="does not train with --tpu, its batches have no fixed shapes; leave it"):
        made.get_batch_iterator(SimpleNamespace(shapes=None), max_sentences=4)


class Optimizer:
    """What the task asks of one."""

    def __init__(self):
        self.params = [torch.ones(1, requires_grad=True)]
        self.optimizer = SimpleNamespace(state={"is": "there"}, param_groups=[])

    def backward(self, loss):
        pass

    def clip_grad_norm(self, limit):
        return torch.ones(())

    def multiply_grads(self, factor):
        pass


class Told:
    """A criterion that tells the same of each batch: tensors are of the rows of all 16 hosts, numbers of this one's."""

    reduce_metrics = staticmethod(HebrewMaskedLMCriterion.reduce_metrics)

    def __call__(self, model, sample):
        told = {"ntokens": 40, "nsentences": 4, "timed_tokens": 30, "timed_seconds": 0.5, "peak_seconds": 0.25}
        tensors = {"loss": torch.tensor(64.0), "right": torch.tensor(8), "sample_size": torch.tensor(32)}
        return tensors["loss"], tensors["sample_size"], {**told, **tensors, "positions": 16 * 64}


def update(made, optimizer, criterion) -> None:
    """Of two batches."""
    model = SimpleNamespace(train=lambda: None, set_num_updates=lambda number: None)
    for _ in range(2):
        made.train_step({"id": torch.zeros(4)}, model, criterion, optimizer, 0)
    optimizer.multiply_grads(0.5)
    optimizer.clip_grad_norm(0.0)


def test_what_hosts_tell_is_told_of_all_of_them(on_host):
    made, optimizer, criterion = on_host(3, 16), Optimizer(), Told()
    for _ in range(3):
        update(made, optimizer, criterion)
    with metrics.aggregate(new_root=True) as meters:
        metrics.log_speed("ups", 1.0)  # of the trainer
        made.reduce_metrics([{on_xla.LEDGER: 1}], criterion)
    told = meters.get_smoothed_values()
    assert (told["wpb"], told["bsz"]) == (16 * 80, 16 * 8)
    assert told["padding_share"] == pytest.approx(100 * (64 - 40) / 64, abs=0.01)
    assert told["tokens_per_second"] == pytest.approx(16 * 30 / 0.5) and told["mfu"] == pytest.approx(50.0)
    assert told["masked_accuracy"] == 25.0
    assert meters["ups"].n == meters["wps"].n == 0, "clocks begin with the first log"


def test_what_no_log_has_told_is_told_before_a_checkpoint(on_host):
    """It weighs as many updates as it is of, in the averages of the epoch and of the next log."""
    made, optimizer, criterion = on_host(0, 1), Optimizer(), Told()
    made.before_saving()
    with metrics.aggregate(new_root=True) as meters:
        for updates in (1, 3):
            for _ in range(updates):
                update(made, optimizer, criterion)
            metrics.log_speed("ups", 1.0)
            made.reduce_metrics([{on_xla.LEDGER: 1}], criterion)
        for _ in range(2):
            update(made, optimizer, criterion)
        made.before_saving()
        made.settle()
    assert meters["wpb"].count == 6 and meters["wpb"].avg == 80
    assert meters["ups"].n == 5 and meters["wps"].n == 5 * 80, "all but the first"
    assert metrics.get_meters("train_inner")["wpb"].count == 2
    metrics.reset_meters("train_inner")


def test_hosts_that_have_loaded_different_states_do_not_train(on_host, monkeypatch):
    made = on_host(0, 3)
    trainer = SimpleNamespace(get_num_updates=lambda: 7)
    made.after_loading(trainer)
    others = torch.tensor([[12.0, on_xla.MOST_UPDATES - 12.0], [0.0, 0.0]])
    monkeypatch.setattr(mesh, "spread_numbers", lambda numbers: torch.cat([numbers[None], others]))
    with pytest.raises(UserError, match="from different states, made after 7 to 12 updates; give --mirror-checkpoints"):
        made.after_loading(trainer)
