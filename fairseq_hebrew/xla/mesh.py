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

    return xm.send_cpu_data_to_device(list(tensors), torch_xla.device(), _rows())


class _Rows:
    """What torch_xla asks of a ShardingSpec when it sends tensors, for those of any number of axes at once."""

    def __init__(self, minibatch: bool):
        self.minibatch = minibatch  # a tensor is one host's share of the rows
        self._specs: dict[int, object] = {}  # by number of axes: costly to make

    def xla_spec(self, tensor: Tensor):
        import torch_xla.distributed.spmd as spmd

        axes = tensor.dim()
        if axes not in self._specs:
            self._specs[axes] = spmd.ShardingSpec(mesh(), _by_axis(0, axes), minibatch=self.minibatch)
        return self._specs[axes].xla_spec(tensor)


@functools.cache
def _rows() -> _Rows:
    return _Rows(minibatch=processes()[1] > 1)


def _by_axis(axis: int, axes: int) -> tuple[str | None, ...]:
    return tuple(AXIS if one == axis else None for one in range(axes))


def shard(tensor: Tensor) -> bool:
    """Spread a weight or a state of the optimizer over the devices, by its first axis that is a multiple of them (of an
    embedding often the width: the number of rows is odd); False where there is none, or it is too small to be worth it:
    it stays whole on each.
    """
    import torch_xla.distributed.spmd as spmd

    devices = mesh().size()
    axis = next((axis for axis, size in enumerate(tensor.shape) if size % devices == 0), None)
    if devices == 1 or tensor.dim() < 2 or axis is None:
        return False
    spmd.mark_sharding(tensor, mesh(), _by_axis(axis, tensor.dim()))
    return True


def local_shards(tensor: Tensor) -> list[torch.Size]:
    """The shapes of what each device of this host has of a tensor."""
    import torch_xla

    return [shard.shape for shard, _ in torch_xla._XLAC._get_local_shards([tensor])[0]]


def whole(tensors: list[Tensor]) -> list[Tensor]:
    """Tensors of the device, made or given by rows -> the same, whole on each device: part of the graph that makes
    them. One that is fetched as it is spread is gathered by a graph that torch_xla does not keep.
    """
    import torch_xla.distributed.spmd as spmd

    if mesh().size() == 1:
        return list(tensors)
    made = [torch.where(torch.ones_like(tensor, dtype=torch.bool), tensor, tensor) for tensor in tensors]
    for tensor in made:
        spmd.mark_sharding(tensor, mesh(), (None,) * tensor.dim())
    return made


def spread_numbers(numbers: Tensor) -> Tensor:
    """(n,) of this host -> (devices of all hosts, n), whose sum over the first axis is that over the hosts."""
    rows = torch.zeros(local_devices(), len(numbers))
    rows[0] = numbers
    return rows_to_devices([rows])[0]
