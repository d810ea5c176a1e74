"""How fast training goes: the work of each batch and the time it took, as numbers of the host that can be summed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from fairseq.distributed.utils import get_data_parallel_world_size

from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.modules.flops import peak, training_flops

UNKNOWN = float("nan")  # not left out: every process has to name the same numbers


class Throughput:
    """Times one process's batches, from the forward pass of one to the forward pass of the next.

    So the time of a batch is all that training needs for it: forward, backward, the optimizer's step where one follows,
    logging, and waiting for the next batch. No device is asked or waited for: fairseq itself waits for each update's
    gradient norm, so over whole updates the host's clock is the device's. The batch before a validation is left out,
    and with it the validation and the checkpoint written after it; a checkpoint without a validation counts.
    """

    def __init__(self) -> None:
        self._started: float | None = None
        self._tokens, self._flops = 0, UNKNOWN
        self._peak: float | None = None  # FLOP/s of this process's device; None before the first batch

    def begin(self, config: EncoderConfig, sample: Mapping) -> dict[str, float]:
        """A training batch begins; returns what is known now of the one before it, 0 where nothing is:

        `timed_tokens`, without padding; `timed_seconds`, and `peak_seconds`, what its matrix products would take at the
        device's dense bf16 peak (NaN for a device that is not known, or a batch that does not tell its lengths). Both
        are divided by the number of processes: summed over them they are the machine's, and their ratio is MFU.
        """
        now = time.perf_counter()
        told = dict.fromkeys(("timed_tokens", "timed_seconds", "peak_seconds"), 0.0)
        if self._started is not None:
            processes = get_data_parallel_world_size()
            told = {
                "timed_tokens": self._tokens,
                "timed_seconds": (now - self._started) / processes,
                "peak_seconds": self._flops / self._peak / processes,
            }
        if self._peak is None:
            self._peak = device_peak(sample["net_input"]["src_tokens"].device)
        self._started, self._tokens, self._flops = now, sample["ntokens"], self._work(config, sample)
        return told

    def pause(self) -> None:
        """Something other than training begins."""
        self._started = None

    def _work(self, config: EncoderConfig, sample: Mapping) -> float:
        lengths, masked = sample.get("lengths"), sample.get("num_masked")
        if self._peak != self._peak or lengths is None or masked is None:
            return UNKNOWN
        return training_flops(config, lengths, masked)


def device_peak(device: torch.device) -> float:
    """The dense bf16 peak of a device in FLOP/s; NaN for one that is not known, as every CPU."""
    known = peak(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    return UNKNOWN if known is None else known
