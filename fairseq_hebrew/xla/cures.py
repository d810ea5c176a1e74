"""Stock fairseq 0.12.2 on torch-xla 2.9: what the table (`table.py`) lists, each made once, when a --tpu run begins."""

from __future__ import annotations

import functools
import math

import torch

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.xla import mesh
from fairseq_hebrew.xla.compiles import CompileWatch, signature
from fairseq_hebrew.xla.feeding import DeviceBuffer, device_loader
from fairseq_hebrew.xla.memory_info import memory_info
from fairseq_hebrew.xla.transfer import fetch


def tell_memory() -> None:
    """xm.get_memory_info in kilobytes, and where the runtime does not tell; what nobody knows is not logged."""
    import torch_xla.core.xla_model as xm
    import torch_xla.runtime
    from fairseq.logging import metrics

    log = metrics.log_scalar

    @functools.wraps(log)
    def log_scalar(key, value, *args, **options):
        if not (key in ("gb_free", "gb_total") and math.isnan(value)):
            log(key, value, *args, **options)

    metrics.log_scalar = log_scalar
    stock = xm.get_memory_info
    kind = torch_xla.runtime.device_type()
    xm.get_memory_info = lambda device=None: memory_info(functools.partial(stock, device), kind)


def feed_in_the_background() -> None:
    """Batches are put on the device by the thread that reads them ahead, below the counter of the position."""
    from fairseq import utils
    from fairseq.data import iterators

    iterators.BufferedIterator = DeviceBuffer
    utils.tpu_data_loader = device_loader


def validate_without_meeting() -> None:
    """Processes do not meet before each batch of a validation: there is one, or their graphs wait for each other."""
    import torch_xla.core.xla_model as xm

    stock = xm.rendezvous

    @functools.wraps(stock)
    def rendezvous(tag, *args, **options):
        return [] if tag == "valid_step" else stock(tag, *args, **options)

    xm.rendezvous = rendezvous


def count_compiles() -> None:
    """What is told after each compile says which shapes of the batches were new; validation is looked at as well."""
    from fairseq.trainer import Trainer

    train, validate = Trainer.train_step, Trainer.valid_step

    def watch(trainer) -> CompileWatch:
        if not hasattr(trainer, "compile_watch"):
            trainer.compile_watch = CompileWatch(getattr(trainer.cfg.task, "xla_warn_recompile", False))
        return trainer.compile_watch

    @functools.wraps(train)
    def train_step(self, samples, *args, **options):
        self.signatures = [signature(sample) for sample in samples if sample]
        return train(self, samples, *args, **options)

    def after_update(self) -> None:
        watch(self).look(f"update {self.get_num_updates()}", self.signatures)

    @functools.wraps(validate)
    def valid_step(self, sample, *args, **options):
        output = validate(self, sample, *args, **options)
        if self.tpu and sample:
            watch(self).look("validation", [signature(sample)])
        return output

    Trainer.train_step, Trainer.valid_step, Trainer._check_xla_compilation = train_step, valid_step, after_update


def log_numbers() -> None:
    """What is logged is fetched first: a meter that adds up tensors of the device makes each update another graph.

    A gradient that is not finite ends the run there, for tasks that do not see to it themselves.
    """
    from fairseq.trainer import Trainer

    stock = Trainer._reduce_and_log_stats

    @functools.wraps(stock)
    def reduce_and_log_stats(self, logging_outputs, sample_size, grad_norm=None):
        if not self.tpu:
            return stock(self, logging_outputs, sample_size, grad_norm)
        told = {"size": sample_size, "norm": grad_norm}
        names = [name for name, value in told.items() if torch.is_tensor(value)]
        told.update(zip(names, fetch([told[name] for name in names])))
        if told["norm"] is not None and not hasattr(self.task, "skipped") and not bool(told["norm"].isfinite()):
            raise UserError(
                f"the gradient is not finite after {self.get_num_updates()} updates; go on from a checkpoint before "
                "that with a lower --lr or --clip-norm"
            )
        return stock(self, logging_outputs, told["size"], told["norm"])

    Trainer._reduce_and_log_stats = reduce_and_log_stats


def write_on_one_host() -> None:
    """Under SPMD each host's process is the trainer's only one: the first alone writes checkpoints.

    Weights that are spread over the hosts are fetched by all of them together.
    """
    from fairseq import utils
    from fairseq.trainer import Trainer

    writes = Trainer.should_save_checkpoint_on_current_rank
    state = Trainer.state_dict

    def spread(trainer) -> bool:
        return trainer.tpu and mesh.is_spmd() and mesh.processes()[1] > 1

    def should_save(self) -> bool:
        return writes.fget(self) and not (spread(self) and mesh.processes()[0] > 0)

    @functools.wraps(state)
    def state_dict(self):
        made = state(self)
        if spread(self) and mesh.processes()[0] > 0:
            utils.move_to_cpu(made)
        return made

    Trainer.should_save_checkpoint_on_current_rank = property(should_save)
    Trainer.always_call_state_dict_during_save_checkpoint = property(spread)
    Trainer.state_dict = state_dict
