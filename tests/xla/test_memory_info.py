"""The memory of a device in fairseq's terms, also where the runtime does not tell."""

import pytest

from fairseq_hebrew.xla.memory_info import memory_info


def refused():
    raise RuntimeError("MemoryInfo not supported")


def test_bytes_become_kilobytes():
    told = memory_info(lambda: {"bytes_used": 1024, "bytes_limit": 4096}, "TPU")
    assert told == {"kb_free": 3.0, "kb_total": 4.0}


def test_a_tpu_that_does_not_tell():
    assert memory_info(refused, "TPU") == {"kb_free": 0.0, "kb_total": 0.0}


@pytest.mark.parametrize("ask", [refused, lambda: {"other": 1}])
def test_on_the_cpu_it_is_the_hosts(ask):
    told = memory_info(ask, "CPU")
    assert 0 < told["kb_free"] < told["kb_total"]
