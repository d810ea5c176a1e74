"""The beginning of a --tpu run: before anything asks for a device, which fairseq does with its first random seed."""

from __future__ import annotations

import functools
import logging

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.xla import mesh
from fairseq_hebrew.xla.feeding import DeviceBuffer, Placement
from fairseq_hebrew.xla.precision import set_precision
from fairseq_hebrew.xla.table import CURES
from fairseq_hebrew.xla.versions import check_versions

logger = logging.getLogger(__name__)

_begun = {"cures": False, "run": False}


def stand_by() -> None:
    """Have fairseq's commands begin a --tpu run as it has to be; made when the plugin is imported, changes no other."""
    from fairseq.distributed import utils

    stock = utils.call_main
    if getattr(stock, "begins_on_xla", False):
        return

    @functools.wraps(stock)
    def call_main(cfg, main, **options):
        if cfg.common.tpu:
            begin(cfg)
        return stock(cfg, main, **options)

    call_main.begins_on_xla = True
    utils.call_main = call_main


def begin(cfg) -> None:
    """Check what --tpu needs, make the cures, and set SPMD and the precision of products as a task of ours asks.

    Raises UserError for what cannot work. Tasks of others run on one device.
    """
    ours = hasattr(cfg.task, "xla_matmul_precision")
    if ours and cfg.common.bf16:
        raise UserError("--bf16 means a TPU to fairseq, and bf16 weights; use --autocast bf16, which keeps fp32 ones")
    check_versions()
    _begun["run"] = True
    if cfg.common.fp16 or cfg.common.amp:
        raise UserError(f"--{'fp16' if cfg.common.fp16 else 'amp'} is for GPUs; with --tpu use --autocast bf16")
    world = cfg.distributed_training.distributed_world_size
    if world > 1:
        raise UserError(
            f"--distributed-world-size {world}: SPMD drives all devices of a host from one process; leave it out"
        )
    if ours and cfg.common.cpu:
        raise UserError("--cpu and --tpu: give one of them")
    if ours:
        mesh.use_spmd()
    make_cures()
    DeviceBuffer.placement = Placement(mesh.to_device)
    set_precision(str(cfg.task.xla_matmul_precision) if ours else "default")
    if ours:
        index, hosts = mesh.processes()
        many = f", host {index + 1} of {hosts}" if hosts > 1 else ""
        logger.info(f"XLA: rows of a batch are spread over {mesh.local_devices()} devices{many}")


def begun() -> bool:
    """Whether this process is a --tpu run; a checkpoint of one may be read anywhere."""
    return _begun["run"]


def make_cures() -> None:
    """Make the cures of the table, once."""
    if not _begun["cures"]:
        _begun["cures"] = True
        for cure in CURES:
            cure.make()
