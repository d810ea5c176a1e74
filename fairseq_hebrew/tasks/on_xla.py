"""A task on XLA devices: fixed shapes, rows spread over the devices, which are asked for nothing between two logs."""

import logging
from dataclasses import dataclass, field

import torch
from fairseq import metrics
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II

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
OF_ALL_HOSTS = (UPDATES, "positions", "timed_seconds", "peak_seconds")  # what each host tells of all of them
MOST_UPDATES = 2**24  # that fp32, in which hosts tell one another, counts exactly
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

    What a task has to provide:

    - options `fixed_shapes` (FixedShapesOptions), and datasets with `shapes`, a FixedShapes that makes their batches,
      and `empty_batch(batch)`: one of the shapes of that batch which changes no loss and no count;
    - `placed`, where tensors of a batch beside those of net_input and the target are computed with, or needed for
      counts. The rest of a batch stays on the host, where it is of this host's rows alone;
    - a criterion that asks the device for nothing: no `if`, `int()`, boolean index or nonzero of its tensors. Its
      sample size is a tensor; its logging output has the same names and types for whatever batch, sums alone, and
      `reduce_metrics` takes their means over updates: sizes that are no whole numbers;
    - in validation, what is counted on the host by way of `on_host`.
    """

    placed: tuple[str, ...] = ()

    def __init__(self, cfg, *args, **kwargs):
        asked = cfg.tpu is True  # a name that was not looked up is no flag
        self.on_xla = asked and begun()  # what --tpu trained is looked at elsewhere too, in batches of the same shapes
        if asked and hasattr(cfg, "fixed_shapes"):
            cfg.fixed_shapes = True
        super().__init__(cfg, *args, **kwargs)
        self._watched_on_xla = None
        self._ledger: Ledger | None = None  # before the first update
        self._hosts = 1
        self._criterion = None
        self._sizes = []  # of this update's batches, on the device

    def build_model(self, cfg, from_checkpoint=False):
        model = super().build_model(cfg, from_checkpoint)
        if self.on_xla:
            model.encoder.execution.recompute = recompute
        return model

    def get_batch_iterator(self, dataset, max_sentences=None, data_buffer_size=0, **kwargs):
        """FairseqTask's; of this host's share, on the devices. Raises UserError for rows that cannot be shared out, and
        for a task whose datasets have no fixed shapes.
        """
        if self.on_xla:
            if getattr(dataset, "shapes", None) is None:
                raise UserError(
                    f"--task {self.cfg._name} does not train with --tpu, its batches have no fixed shapes; leave it "
                    "out, on a CPU or a GPU"
                )
            devices, (host, hosts) = mesh.local_devices(), mesh.processes()
            if max_sentences is not None and max_sentences % devices:
                raise UserError(
                    f"a batch of {max_sentences} rows cannot be shared by {devices} devices; give a --batch-size (and "
                    f"--batch-size-valid) that is a multiple of {devices}"
                )
            dataset.shapes.spread(hosts, devices)
            DeviceBuffer.placement = Placement(mesh.rows_to_devices, dataset.empty_batch, self.settle, self.placed)
            data_buffer_size = max(data_buffer_size, READ_AHEAD)
            # what hosts read at once stays together
            kwargs.update(shard_id=host, num_shards=hosts, grouped_shuffling=hosts > 1)
        return super().get_batch_iterator(
            dataset, max_sentences=max_sentences, data_buffer_size=data_buffer_size, **kwargs
        )

    def on_host(self, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        """Tensors of a batch in validation -> on the host, in one go; of rows those of all devices and hosts."""
        if not self.on_xla:
            return [tensor.cpu() for tensor in tensors]
        made = mesh.whole(tensors)
        sync()
        return fetch(made)

    def train_step(self, sample, model, criterion, optimizer, update_num, *args, **kwargs):
        if not self.on_xla:
            return super().train_step(sample, model, criterion, optimizer, update_num, *args, **kwargs)
        if self._watched_on_xla is not optimizer:
            self._watched_on_xla, self._criterion = optimizer, criterion
            self._prepare(optimizer)
        loss, size, output = super().train_step(sample, model, criterion, optimizer, update_num, *args, **kwargs)
        if output[ASKED] and self._hosts == 1:
            self.stop()  # several hosts have to stop after the same update: the next that is logged
        output[UPDATES] = 0 if self._sizes else 1
        self._sizes.append(size)
        for name in OF_ALL_HOSTS:  # the ledger sums what the hosts tell
            if name in output:
                output[name] /= self._hosts
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
        self._tell(criterion, counted=1)

    def settle(self) -> None:
        """Look at what updates have told since the last log: before a checkpoint, and when an epoch ends.

        Raises UserError where too many of them were not finite. The next log is of these as well.
        """
        if self._ledger is not None:
            with metrics.aggregate("train_inner"):
                self._tell(self._criterion, counted=0)

    def before_saving(self) -> None:
        self.settle()
        super().before_saving()

    def after_loading(self, trainer) -> None:
        """MirrorsCheckpoints'; raises UserError where hosts found different states, of which none would be trained."""
        super().after_loading(trainer)
        if not self.on_xla or mesh.processes()[1] == 1:
            return
        updates = trainer.get_num_updates()
        told = mesh.spread_numbers(torch.tensor([float(updates), float(MOST_UPDATES - updates)]))
        most, rest = fetch([told.amax(0)])[0].tolist()
        least = MOST_UPDATES - rest
        if least < most:
            raise UserError(
                f"hosts go on from different states, made after {int(least):,} to {int(most):,} updates; give "
                "--mirror-checkpoints, or a --save-dir that all of them share"
            )

    def _tell(self, criterion, counted: int) -> None:
        """To fairseq's meters, of all updates since the last time; the trainer has `counted` of them in its "ups"."""
        if not self._ledger.tensors():
            return
        total = self._ledger.take(fetch(self._ledger.tensors()))
        self.look_back(fetch)
        updates = round(total.pop(UPDATES))
        mean = {name: value if name == ASKED else value / updates for name, value in total.items()}
        begun = {id(meters) for meters in metrics.get_active_aggregators() if "wps" in meters}
        for _ in range(updates):  # each weighs in an average as if it had been told by itself
            super().reduce_metrics([mean], criterion)
        for meters in metrics.get_active_aggregators():
            if id(meters) not in begun:
                meters["wps"].reset()  # a clock starts with what is told first, which took no time yet
            elif "ups" in meters:
                meters["ups"].update(updates - counted)

    def _prepare(self, optimizer) -> None:
        """Before the first update: the optimizer's state, where it is, and what it is asked to do."""
        self._hosts = mesh.processes()[1]
        spread = None if self._hosts == 1 else mesh.spread_numbers
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
