"""The memory of a device in fairseq's terms, also where the runtime does not tell."""

import math

import pytest

from fairseq_hebrew.xla import cures
from fairseq_hebrew.xla.memory_info import memory_info


def refused():
    raise RuntimeError("MemoryInfo not supported")


def test_bytes_become_kilobytes():
    told = memory_info(lambda: {"bytes_used": 1024, "bytes_limit": 4096}, "TPU")
    assert told == {"kb_free": 3.0, "kb_total": 4.0}


def test_a_tpu_that_does_not_tell():
    """Nor is 0 logged: a device without memory it is not."""
    assert all(math.isnan(value) for value in memory_info(refused, "TPU").values())


@pytest.mark.parametrize("ask", [refused, lambda: {"other": 1}])
def test_on_the_cpu_it_is_the_hosts(ask):
    told = memory_info(ask, "CPU")
    assert 0 < told["kb_free"] < told["kb_total"]


def test_what_nobody_knows_is_not_logged(monkeypatch):
    import torch_xla.core.xla_model as xm
    import torch_xla.runtime
    from fairseq.logging import metrics

    monkeypatch.setattr(metrics, "log_scalar", metrics.log_scalar)
    for kind, logged in (("TPU", ["loss"]), ("CPU", ["gb_free", "loss"])):
        monkeypatch.setattr(torch_xla.runtime, "device_type", lambda kind=kind: kind)
        monkeypatch.setattr(xm, "get_memory_info", lambda device: refused())
        cures.tell_memory()
        with metrics.aggregate(new_root=True) as meters:
            metrics.log_scalar("gb_free", xm.get_memory_info("the device")["kb_free"])
            metrics.log_scalar("loss", math.nan)
        assert sorted(meters) == logged
