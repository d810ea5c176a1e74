"""datatrove's executors as this project runs them: on this machine, on Slurm, on Ray; their lines in log files."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import datatrove.executor.ray
from datatrove.executor.base import DistributedEnvVars
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.executor.ray import RayPipelineExecutor
from datatrove.executor.slurm import SlurmPipelineExecutor
from datatrove.utils.stats import PipelineStats
from loguru import logger

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.parallel import WORKER_KILLED


class _Silent(io.TextIOBase):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """datatrove logs to stderr as well as to its files; within this block to its files alone."""
    logger.remove()
    with contextlib.redirect_stderr(_Silent()):
        yield
    logger.remove()


class _Quiet:
    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        with quiet():
            return super()._run_for_rank(rank, local_rank, node_rank)


class Local(_Quiet, LocalPipelineExecutor):
    """Ranks in the processes of a pool that serves all phases; without one, in this process.

    The pool is not datatrove's, which waits for ever for a worker that was killed, and whose workers go on writing
    when the command itself is killed.
    """

    def run_in(self, pool: Executor | None) -> None:
        """Run what is incomplete, until a rank fails. Raises UserError when a worker was killed."""
        ranks = self.get_incomplete_ranks()
        self.save_executor_as_json()
        if pool is None:
            for rank in ranks:
                if not _succeeds(self, rank):
                    return
            return
        futures = [pool.submit(_succeeds, self, rank) for rank in ranks]
        try:
            for future in as_completed(futures):
                if not future.result():
                    return
        except BrokenProcessPool:
            raise UserError(WORKER_KILLED) from None
        finally:
            for future in futures:
                future.cancel()


def _succeeds(executor: Local, rank: int) -> bool:
    # What a task raised may not survive the way back from another process; its line is kept in a file.
    try:
        executor._run_for_rank(rank, local_rank=1)
        return True
    except Exception:
        return False


class Slurm(SlurmPipelineExecutor):
    """A phase as one job array; `launch_job` submits it and `job_id` is what the next one waits for."""

    def launch_merge_stats(self) -> None:
        """No job of its own for statistics: the records of the tasks are added up by the last phase."""

    def get_distributed_env(self, node_rank: int = -1) -> DistributedEnvVars:
        # A task runs on one node and asks for no other: no `scontrol` is needed there.
        return DistributedEnvVars(
            datatrove_node_ips=os.environ.get("SLURM_NODELIST", ""),
            datatrove_cpus_per_task=str(self.cpus_per_task),
            datatrove_mem_per_cpu=str(self.mem_per_cpu_gb),
            datatrove_gpus_on_node="0",
            datatrove_executor="SLURM",
        )


def this_environment() -> str:
    """Shell commands that give a job on another node the Python of this process."""
    return f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"


class RankWorker(datatrove.executor.ray.RankWorker):
    """Runs its ranks in the actor itself.

    datatrove's runs them in a pool inside the actor, which waits for ever for a process that was killed; an actor
    that is killed is seen by Ray and started again.
    """

    def run_for_rank(
        self, executor_ref: RayPipelineExecutor, ranks: list[int], node_ips: list[str], node_idx: int
    ) -> PipelineStats:
        os.environ["RAY_NODELIST"] = ",".join(node_ips)
        for rank in ranks:
            executor_ref._run_for_rank(rank, local_rank=1)
        return PipelineStats()


class Ray(_Quiet, RayPipelineExecutor):
    """Ranks as actors of a Ray cluster this process is connected to."""

    def run(self) -> None:
        datatroves = datatrove.executor.ray.RankWorker
        datatrove.executor.ray.RankWorker = RankWorker
        try:
            super().run()
        finally:
            datatrove.executor.ray.RankWorker = datatroves
