"""The devices of all hosts as one mesh, over which the rows of a batch are spread (SPMD); weights are on each of them.

One process drives all devices of its host; it is given the host's rows of each batch, and sees tensors as if there were
one device. What it computes from them is of all rows of all hosts.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

AXIS = "data"


def use_spmd() -> None:
    """Before any call that asks for a device: torch_xla cannot go back."""
    import torch_xla.runtime

    torch_xla.runtime.use_spmd()


def is_spmd() -> bool:
    import torch_xla.runtime

    return torch_xla.runtime.is_spmd()


def processes() -> tuple[int, int]:
    """(which of the hosts' processes this is, how many there are); `world_size()` stays 1 under SPMD."""
    import torch_xla.runtime

    return torch_xla.runtime.process_index(), torch_xla.runtime.process_count()


def local_devices() -> int:
    """Devices that this process drives."""
    import torch_xla.runtime

    return torch_xla.runtime.addressable_runtime_device_count()


def device_kind() -> str:
    """TPU, CPU or what else the runtime drives."""
    import torch_xla.runtime

    return torch_xla.runtime.device_type()


@functools.cache
def mesh():
    """All devices of all hosts along one axis."""
    import torch_xla.distributed.spmd as spmd
    import torch_xla.runtime

    count = torch_xla.runtime.global_runtime_device_count()
    return spmd.Mesh(np.arange(count), (count,), (AXIS,))


def to_device(tensors: list[Tensor]) -> list[Tensor]:
    """Tensors of the host -> on the device, as they are: each device has all of it."""
    import torch_xla
    import torch_xla.core.xla_model as xm

    return xm.send_cpu_data_to_device(list(tensors), torch_xla.device())


def rows_to_devices(tensors: list[Tensor]) -> list[Tensor]:
    """Tensors (B, ...) of this host, B a multiple of its devices -> (B x hosts, ...), each device with its rows."""
    import torch_xla
    import torch_xla.core.xla_model as xm
    import torch_xla.distributed.spmd as spmd

    hosts = processes()[1]
    made = []
    for tensor in tensors:
        spec = spmd.ShardingSpec(mesh(), (AXIS, *(None,) * (tensor.dim() - 1)), minibatch=hosts > 1)
        made += xm.send_cpu_data_to_device([tensor], torch_xla.device(), spec)
    return made


def shard(tensor: Tensor) -> bool:
    """Spread a weight or a state of the optimizer over the devices, by its first axis; False where that is no multiple
    of them, or it is too small to be worth it: it stays whole on each.
    """
    import torch_xla.distributed.spmd as spmd

    devices = mesh().size()
    if devices == 1 or tensor.dim() < 2 or tensor.size(0) % devices:
        return False
    spmd.mark_sharding(tensor, mesh(), (AXIS, *(None,) * (tensor.dim() - 1)))
    return True


def local_shards(tensor: Tensor) -> list[torch.Size]:
    """The shapes of what each device of this host has of a tensor."""
    import torch_xla

    return [shard.shape for shard, _ in torch_xla._XLAC._get_local_shards([tensor])[0]]


def spread_numbers(numbers: Tensor) -> Tensor:
    """(n,) of this host -> (devices of all hosts, n), whose sum over the first axis is that over the hosts."""
    rows = torch.zeros(local_devices(), len(numbers))
    rows[0] = numbers
    return rows_to_devices([rows])[0]
