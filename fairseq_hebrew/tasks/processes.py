"""What the processes of a training tell one another."""

import torch
from fairseq.distributed.utils import (
    get_data_parallel_group,
    get_data_parallel_rank,
    get_data_parallel_world_size,
)


def of_all_processes(found: object) -> tuple[list, int]:
    """What each process found, in the order of their ranks, and the rank of this one."""
    if not torch.distributed.is_initialized():
        return [found], 0
    gathered: list = [None] * get_data_parallel_world_size()
    torch.distributed.all_gather_object(gathered, found, group=get_data_parallel_group())
    return gathered, get_data_parallel_rank()
