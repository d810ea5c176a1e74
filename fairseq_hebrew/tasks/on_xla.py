"""A task on XLA devices: fixed shapes, rows spread over the devices, which are asked for nothing between two logs."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from fairseq import metrics
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II

from fairseq_hebrew.data.fixed_shapes import empty_batch
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.preemption import ASKED
from fairseq_hebrew.xla import mesh
from fairseq_hebrew.xla.feeding import DeviceBuffer, Placement
from fairseq_hebrew.xla.ledger import Ledger
from fairseq_hebrew.xla.precision import MEANS
from fairseq_hebrew.xla.priming import prime
from fairseq_hebrew.xla.recompute import recompute
from fairseq_hebrew.xla.start import begun
from fairseq_hebrew.xla.transfer import fetch, sync

logger = logging.getLogger(__name__)

LEDGER = "in_the_ledger"  # in a batch's logging output: what it told is in the ledger
UPDATES = "updates"
READ_AHEAD = 2  # batches at least


@dataclass
class XlaOptions(FairseqDataclass):
    """Options of the tasks with the mixin. fairseq reads the annotations at run time."""

    xla_matmul_precision: ChoiceEnum(list(MEANS)) = field(
        default="default",
        metadata={"help": "of fp32 matrix products on a TPU: " + "; ".join(f"{k}: {v}" for k, v in MEANS.items())},
    )
    xla_warn_recompile: bool = field(
        default=False, metadata={"help": "a warning that names the shapes whenever XLA compiles another graph"}
    )
    xla_shard_parameters: bool = field(
        default=False,
        metadata={"help": "spread weights and optimizer state over the devices too: less memory, more exchange"},
    )
    tpu: bool = II("common.tpu")
    log_interval: int = II("common.log_interval")


class TrainsOnXla:
    """Mixin for tasks whose options are XlaOptions; without --tpu it does nothing. Stands first among the bases.

    fairseq's trainer sees one device. It is told a sample size of 1 a batch, which is a number of the host; what the
    gradient is divided by is summed on the device.
    """

    def __init__(self, cfg, *args, **kwargs):
        asked = cfg.tpu is True  # a name that was not looked up is no flag
        self.on_xla = asked and begun()  # what --tpu trained is looked at elsewhere too, in batches of the same shapes
        if asked and hasattr(cfg, "fixed_shapes"):
            cfg.fixed_shapes = True
        super().__init__(cfg, *args, **kwargs)
        self._watched_on_xla = None
        self._sizes = []  # of this update's batches, on the device

    def build_model(self, cfg, from_checkpoint=False):
        model = super().build_model(cfg, from_checkpoint)
        if self.on_xla:
            model.encoder.execution.recompute = recompute
        return model

    def get_batch_iterator(self, dataset, max_sentences=None, data_buffer_size=0, **kwargs):
        """FairseqTask's; of this host's share, on the devices. Raises UserError for rows that cannot be shared out."""
        if self.on_xla:
            devices, (host, hosts) = mesh.local_devices(), mesh.processes()
            if max_sentences is not None and max_sentences % devices:
                raise UserError(
                    f"a batch of {max_sentences} rows cannot be shared by {devices} devices; give a --batch-size (and "
                    f"--batch-size-valid) that is a multiple of {devices}"
                )
            dataset.shapes.spread(hosts, devices)
            DeviceBuffer.placement = Placement(mesh.rows_to_devices, self._empty_batch)
            data_buffer_size = max(data_buffer_size, READ_AHEAD)
            # what hosts read at once stays together
            kwargs.update(shard_id=host, num_shards=hosts, grouped_shuffling=hosts > 1)
        return super().get_batch_iterator(
            dataset, max_sentences=max_sentences, data_buffer_size=data_buffer_size, **kwargs
        )

    def _empty_batch(self, batch: Mapping) -> dict:
        return empty_batch(batch, self.source_dictionary.pad())

    def train_step(self, sample, model, criterion, optimizer, update_num, *args, **kwargs):
        if not self.on_xla:
            return super().train_step(sample, model, criterion, optimizer, update_num, *args, **kwargs)
        if self._watched_on_xla is not optimizer:
            self._watched_on_xla = optimizer
            self._prepare(optimizer)
        loss, size, output = super().train_step(sample, model, criterion, optimizer, update_num, *args, **kwargs)
        if output[ASKED] and mesh.processes()[1] == 1:
            self.stop()  # several hosts have to stop after the same update: the next that is logged
        output[UPDATES] = 0 if self._sizes else 1
        self._sizes.append(size)
        counted = torch.isfinite(loss.detach())
        self._ledger.add(
            {
                name: torch.where(counted, value, torch.zeros_like(value)) if torch.is_tensor(value) else value
                for name, value in output.items()
            }
        )
        return loss, 1.0, {LEDGER: 1}

    def valid_step(self, *args, **kwargs):
        loss, size, output = super().valid_step(*args, **kwargs)
        if self.on_xla and mesh.processes()[1] > 1:
            output[ASKED] = 0  # not all hosts would leave the validation
        return loss, size, output

    def reduce_metrics(self, logging_outputs, criterion) -> None:
        """FairseqTask's; of all updates since the last time, where fairseq's trainer has those of the last alone."""
        if not any(LEDGER in output for output in logging_outputs):
            return super().reduce_metrics(logging_outputs, criterion)
        total = self._ledger.take(fetch(self._ledger.tensors()))
        self.look_back(fetch)
        updates = total.pop(UPDATES)
        mean = {name: value if name == ASKED else value / updates for name, value in total.items()}
        super().reduce_metrics([mean], criterion)
        # What is counted by the clock is counted of all.
        metrics.log_speed("ups", updates - 1, priority=100, round=2)
        metrics.log_speed("wps", total["ntokens"] - mean["ntokens"], priority=90, round=1)

    def _prepare(self, optimizer) -> None:
        """Before the first update: the optimizer's state, where it is, and what it is asked to do."""
        spread = None if mesh.processes()[1] == 1 else mesh.spread_numbers
        self._ledger = Ledger(mesh.to_device, spread)
        inner = optimizer.optimizer
        if not inner.state:
            prime(inner, sync)
        if self.cfg.xla_shard_parameters:
            self._shard(inner)
        stock = optimizer.multiply_grads

        def multiply_grads(factor):
            """`factor` is one over the number of batches; the trainer means one over the sum of their sizes."""
            sizes, self._sizes = self._sizes, []
            stock(1.0 / torch.stack(sizes).sum().clamp(min=1).float())

        optimizer.multiply_grads = multiply_grads

    def _shard(self, inner: torch.optim.Optimizer) -> None:
        spread = total = 0
        for group in inner.param_groups:
            for p in group["params"]:
                total += p.numel()
                spread += p.numel() * mesh.shard(p.data)
                for state in inner.state[p].values():
                    if torch.is_tensor(state) and state.shape == p.shape:
                        mesh.shard(state)
        sync()
        logger.info(f"{spread:,} of {total:,} weights, and their optimizer state, are spread over the devices")
