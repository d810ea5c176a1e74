"""The three ways to run phases, each with its settings: `--executor local|slurm|ray`."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import from_mapping, setting
from fairseq_hebrew.stage.progress import log

EXECUTORS = ("local", "slurm", "ray")
# Ranks of a phase at most: each has a log, a marker and a place in a job array.
MOST_RANKS = 1000
# On one machine: enough to keep every worker busy to the end; a rank costs 50 ms of logs and markers.
RANKS_A_WORKER = 16
# Seconds a Ray cluster has to answer.
ANSWER = 20


@dataclass
class Job:
    """A phase as an executor sees it: its step, its ranks, the folder of its logs and markers."""

    name: str
    step: Any  # PhaseStep: datatrove is imported when something is run
    ranks: int
    folder: str


@dataclass
class LocalSettings:
    workers: int = setting(1, "tasks that run at the same time", least=1)
    memory: int = setting(1000, "MB of memory of all tasks together", least=1)


@dataclass
class SlurmSettings:
    partition: str = setting(help="the partition to run in")
    time: str = setting(help='the time limit of a job, in quotes: "24:00:00"')
    cpus: int = setting(1, "cores of a job", least=1)
    memory: int = setting(4, "GB of memory a core", least=1)
    workers: int = setting(0, "jobs of a phase that run at the same time; 0: as many as Slurm starts", least=0)
    jobs: int = setting(MOST_RANKS, "most jobs of a phase, at most the cluster's MaxArraySize", least=1)
    qos: str = setting(None, "quality of service")
    environment: str = setting(
        None, "shell commands at the start of a job; by default its PATH begins with this Python"
    )
    options: list[str] = setting([], "more options of sbatch, such as `account=nlp`")
    phases: Mapping[str, dict] = field(default_factory=dict)


@dataclass
class RaySettings:
    address: str = setting(None, "of the Ray cluster; by default RAY_ADDRESS, or a cluster of this machine alone")
    cpus: int = setting(1, "cores of a task", least=1)
    memory: float = setting(2, "GB of memory a core", least=0.1)
    workers: int = setting(0, "tasks that run at the same time; 0: as many as the cluster has room for", least=0)
    jobs: int = setting(MOST_RANKS, "most actors of a phase", least=1)
    phases: Mapping[str, dict] = field(default_factory=dict)


def read_settings(kind: type, values: Mapping | None, where: str, phases: Sequence[str]) -> Any:
    """The settings of an executor from its section; `phases:` in it changes some of them for single phases."""
    if values is not None and not isinstance(values, Mapping):
        raise UserError(f"{where}: expected `key: value` lines, found {values!r}; see docs/cluster.md")
    values = dict(values or {})
    special = values.pop("phases", None)
    if "options" in values and not isinstance(values["options"], list):
        raise UserError(f"{where}.options: expected a list such as [account=nlp], found {values['options']!r}")
    made = from_mapping(kind, values, where)
    if special is None:
        return made
    if not isinstance(special, Mapping):
        raise UserError(f"{where}.phases: expected the name of a phase and its settings, found {special!r}")
    for phase, changed in special.items():
        if phase not in phases:
            raise UserError(f"{where}.phases: no phase {phase!r}; the phases are {', '.join(phases)}")
        if not isinstance(changed, Mapping):
            raise UserError(f"{where}.phases.{phase}: expected `key: value` lines, found {changed!r}")
        of_phase = from_mapping(kind, {**values, **changed}, f"{where}.phases.{phase}")
        made.phases[phase] = {str(key): getattr(of_phase, str(key)) for key in changed}
    return made


class Backend(ABC):
    """How phases are run. `ranks`, `workers` and `memory` say how a phase is divided and what its tasks may use.

    `waits` is False where the jobs go on without this process.
    """

    waits: bool

    @abstractmethod
    def ranks(self, phase: str, tasks: int) -> int:
        """How many ranks share so many tasks."""

    @abstractmethod
    def workers(self, phase: str, tasks: int) -> int:
        """Processes or threads of one task."""

    @abstractmethod
    def memory(self, phase: str, tasks: int) -> int:
        """MB of memory of one task."""

    @abstractmethod
    def run(self, jobs: Sequence[Job]) -> Iterator[Job]:
        """Run the jobs in order, each yielded when it has ended (or was submitted), well or not."""


class LocalBackend(Backend):
    waits = True

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings

    def ranks(self, phase: str, tasks: int) -> int:
        return min(tasks, RANKS_A_WORKER * self.settings.workers)

    def workers(self, phase: str, tasks: int) -> int:
        return max(1, self.settings.workers // tasks)

    def memory(self, phase: str, tasks: int) -> int:
        return max(1, self.settings.memory // min(tasks, self.settings.workers))

    def run(self, jobs: Sequence[Job]) -> Iterator[Job]:
        from fairseq_hebrew.stage.parallel import worker_pool

        from .executors import Local, quiet

        workers = self.settings.workers
        with contextlib.nullcontext() if workers == 1 else worker_pool(workers) as pool:
            for job in jobs:
                with quiet():
                    Local([job.step], tasks=job.ranks, workers=workers, logging_dir=job.folder).run_in(pool)
                yield job


class _Cluster(Backend):
    """An executor with cores and memory by the task, other ones for single phases."""

    def __init__(self, settings: SlurmSettings | RaySettings) -> None:
        self.settings = settings

    def of(self, phase: str) -> SlurmSettings | RaySettings:
        return replace(self.settings, **self.settings.phases.get(phase, {}))

    def ranks(self, phase: str, tasks: int) -> int:
        # Never more than one array takes: the next phase waits for the last array alone.
        return min(tasks, self.of(phase).jobs)

    def workers(self, phase: str, tasks: int) -> int:
        return self.of(phase).cpus

    def memory(self, phase: str, tasks: int) -> int:
        # Python, the libraries and what is at hand of a text need the rest.
        return max(1, int(self.of(phase).memory * self.of(phase).cpus * 1000 * 0.6))


class SlurmBackend(_Cluster):
    waits = False

    def run(self, jobs: Sequence[Job]) -> Iterator[Job]:
        from .executors import Slurm, quiet, this_environment

        if jobs and any(sign.isspace() for sign in jobs[0].folder):
            raise UserError(f"{jobs[0].folder}: Slurm's scripts take no path with a blank in its name; choose another")
        before: str | None = None
        for job in jobs:
            chosen = self.of(job.name)
            with quiet():
                executor = Slurm(
                    [job.step],
                    tasks=job.ranks,
                    time=chosen.time,
                    partition=chosen.partition,
                    cpus_per_task=chosen.cpus,
                    mem_per_cpu_gb=chosen.memory,
                    workers=chosen.workers or -1,
                    job_name=f"corpus-{job.name}",
                    qos=chosen.qos,
                    env_command=chosen.environment or this_environment(),
                    # A job whose predecessor failed would wait for ever.
                    sbatch_args={"kill-on-invalid-dep": "yes", **_options(chosen.options)},
                    max_array_size=chosen.jobs,
                    depends_job_id=before,
                    logging_dir=job.folder,
                    slurm_logs_folder=_slurm_logs(job.folder),
                )
                try:
                    executor.launch_job()
                except FileNotFoundError:
                    raise UserError(
                        "sbatch: no such command; run --executor slurm where jobs of a Slurm cluster are submitted"
                    ) from None
                except subprocess.CalledProcessError as error:
                    raise UserError(
                        f"sbatch refused the job of phase {job.name} (exit status {error.returncode}, its reason "
                        "stands above); correct the section slurm of the configuration and run again"
                    ) from None
            before = executor.job_id
            log(f"corpus: {job.name}: job {before}, {job.ranks} in its array")
            yield job


def _options(given: Sequence[str]) -> dict[str, str]:
    """`name=value` or `name` as datatrove writes them into a script."""
    return {name.lstrip("-"): value for name, _, value in (option.partition("=") for option in given)}


def _slurm_logs(folder: str) -> str | None:
    from .addresses import is_remote, join, local_path

    # Slurm itself writes these: datatrove's default stands under the current folder.
    return None if is_remote(folder) else join(str(local_path(folder)), "slurm_logs")


class RayBackend(_Cluster):
    waits = True

    def run(self, jobs: Sequence[Job]) -> Iterator[Job]:
        from .executors import Ray, quiet

        with self._connected():
            for job in jobs:
                chosen = self.of(job.name)
                self._check_room(job.name, chosen)
                with quiet():
                    Ray(
                        [job.step],
                        tasks=job.ranks,
                        workers=chosen.workers or -1,
                        logging_dir=job.folder,
                        cpus_per_task=chosen.cpus,
                        mem_per_cpu_gb=chosen.memory,
                    ).run()
                yield job

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        if ray.is_initialized():
            yield
            return
        address = self.settings.address or os.environ.get("RAY_ADDRESS")
        _require_answer(address)
        # Only plans travel through Ray; files do not: its store can be small.
        alone = {} if address else {"object_store_memory": 100 << 20, "include_dashboard": False}
        if not address and self.settings.workers:
            alone["num_cpus"] = self.settings.workers * self.settings.cpus
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **alone)
        except (ConnectionError, ValueError) as error:
            raise UserError(f"ray: no cluster at {address} ({str(error).splitlines()[0]}); is it started?") from None
        try:
            yield
        finally:
            ray.shutdown()

    def _check_room(self, phase: str, chosen: RaySettings) -> None:
        """Raise UserError where no machine of the cluster could ever run a task: Ray would wait for one."""
        import ray

        need = {"CPU": chosen.cpus, "memory": int(chosen.memory * chosen.cpus * (1 << 30))}
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(all(machine.get(name, 0) >= amount for name, amount in need.items()) for machine in machines):
            most = max((machine.get("memory", 0) for machine in machines), default=0)
            raise UserError(
                f"ray: no machine has the {chosen.cpus} cores and {chosen.memory * chosen.cpus:g} GB a task of phase "
                f"{phase} asks for (most memory: {most / (1 << 30):.1f} GB); lower `cpus` or `memory`"
            )


def _require_answer(address: str | None) -> None:
    """Raise UserError where nothing answers at HOST:PORT: Ray itself would go on trying for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"ray: no cluster at {address} ({error}); is it started?") from None
