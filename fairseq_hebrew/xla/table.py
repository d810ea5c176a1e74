"""The table of cures for --tpu: what stock fairseq 0.12.2 asks of torch-xla 2.9 in vain, or does wrong there.

They are apart from the table of the compat package: that one is made for every command, these when a --tpu run begins.
Of a run in one process, which is what SPMD takes: what fairseq asks for in several (xm.get_ordinal, xm.xrt_world_size,
xmp.spawn with a number, xla_dist for a pod's hosts) is gone too, and such a run is refused (`start.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairseq_hebrew.xla import cures


@dataclass(frozen=True)
class XlaCure:
    """`begins`: the version where the trouble begins, as far as it was measured; `until`: when the cure can go."""

    name: str
    begins: str
    why: str
    until: str
    make: Callable[[], None]


NEVER = "fairseq's trainer no longer serves --tpu"  # it is not maintained
CURES = (
    XlaCure(
        name="memory",
        begins="torch_xla 2.9, or a release before it",
        why="xm.get_memory_info tells bytes_used and bytes_limit, where fairseq looks for kb_free and kb_total; it "
        "raises under SPMD and on the CPU",
        until=NEVER,
        make=cures.tell_memory,
    ),
    XlaCure(
        name="feeding",
        begins="fairseq 0.12",
        why="batches are read ahead above the counter that a checkpoint's position is taken from, so that a resumed "
        "run leaves out what was read ahead; and an epoch's short last update is another graph",
        until=NEVER,
        make=cures.feed_in_the_background,
    ),
    XlaCure(
        name="meeting",
        begins="torch_xla 2.0",
        why="before each batch of a validation processes meet, for which a number is fetched from the device; of those "
        "that are left, one process or one of each host under SPMD, none has to",
        until=NEVER,
        make=cures.validate_without_meeting,
    ),
    XlaCure(
        name="compiles",
        begins="fairseq 0.12",
        why="the warning after a compile does not say what was compiled for",
        until=NEVER,
        make=cures.count_compiles,
    ),
    XlaCure(
        name="logged numbers",
        begins="fairseq 0.12",
        why="the gradient's norm is added up on the device, so that the update after one that was logged is another "
        "graph; and nobody looks whether it is finite: a run goes on with weights that are NaN",
        until=NEVER,
        make=cures.log_numbers,
    ),
    XlaCure(
        name="one host writes",
        begins="torch_xla 2.0",
        why="under SPMD world_size() is 1 on each host, and all of them write the same checkpoints",
        until="fairseq's trainer knows SPMD",
        make=cures.write_on_one_host,
    ),
)
