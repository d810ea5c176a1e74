"""Timing of batches: what is counted, what is left out, and that no device is asked."""

import math
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.criterions import throughput
from fairseq_hebrew.criterions.throughput import Throughput, device_peak
from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.modules.flops import training_flops

CONFIG = EncoderConfig(vocab_size=100, padding_idx=1, layers=2, width=64, heads=1)
NOTHING = {"timed_tokens": 0, "timed_seconds": 0, "peak_seconds": 0}


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when they are told to."""
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: made.now)
    return made


def batch(*lengths: int, masked: int = 3, **changes) -> dict:
    told = {"lengths": list(lengths), "num_masked": masked} | changes
    tokens = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    told = {name: value for name, value in told.items() if value is not None}
    return {"ntokens": sum(lengths), "net_input": {"src_tokens": tokens}, **told}


def known(monkeypatch, value=1e12):
    monkeypatch.setattr(throughput, "device_peak", lambda device: value)


def test_a_batch_takes_until_the_next_begins(clock, monkeypatch):
    known(monkeypatch)
    timed = Throughput()
    assert timed.begin(CONFIG, batch(10, 20)) == NOTHING
    clock.now += 2
    assert timed.begin(CONFIG, batch(5)) == {
        "timed_tokens": 30, "timed_seconds": 2, "peak_seconds": training_flops(CONFIG, [10, 20], 3) / 1e12
    }  # fmt: skip
    clock.now += 0.5
    told = timed.begin(CONFIG, batch(7))
    assert (told["timed_tokens"], told["timed_seconds"]) == (5, 0.5)


def test_the_batch_before_a_validation_is_left_out(clock, monkeypatch):
    known(monkeypatch)
    timed = Throughput()
    timed.begin(CONFIG, batch(10))
    clock.now += 1
    timed.pause()
    clock.now += 50
    assert timed.begin(CONFIG, batch(11)) == NOTHING
    clock.now += 2
    assert timed.begin(CONFIG, batch(12))["timed_tokens"] == 11


def test_processes_together_are_one_machine(clock, monkeypatch):
    """Two processes of 100 tokens in 2 seconds: 100 tokens a second, and the MFU of each."""
    known(monkeypatch, 5e9)
    monkeypatch.setattr(throughput, "get_data_parallel_world_size", lambda: 2)
    told = []
    for timed in (Throughput(), Throughput()):
        timed.begin(CONFIG, batch(100))
        clock.now += 2
        told.append(timed.begin(CONFIG, batch(1)))
    summed = {name: told[0][name] + told[1][name] for name in told[0]}
    assert summed["timed_tokens"] / summed["timed_seconds"] == 100
    mfu = training_flops(CONFIG, [100], 3) / 2 / 5e9
    assert summed["peak_seconds"] / summed["timed_seconds"] == pytest.approx(mfu)


@pytest.mark.parametrize("missing", [{"lengths": None}, {"masked": None}])
def test_a_batch_that_does_not_tell_its_lengths_has_no_mfu(clock, monkeypatch, missing):
    known(monkeypatch)
    timed = Throughput()
    timed.begin(CONFIG, batch(10, **missing))
    clock.now += 1
    told = timed.begin(CONFIG, batch(10))
    assert math.isnan(told["peak_seconds"]) and told["timed_tokens"] == 10


def test_peaks_are_never_guessed(clock, monkeypatch):
    assert math.isnan(device_peak(torch.device("cpu")))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    assert device_peak(torch.device("cuda")) == 989e12
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H900")
    assert math.isnan(device_peak(torch.device("cuda")))
    timed = Throughput()
    timed.begin(CONFIG, batch(10))
    clock.now += 1
    assert math.isnan(timed.begin(CONFIG, batch(10))["peak_seconds"])
