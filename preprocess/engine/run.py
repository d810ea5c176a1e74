"""Runs a plan: finds what is done, hands the rest to an executor phase by phase, tells what failed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.progress import log

from .addresses import join, list_files, read_bytes, remove, short_hash, state, write_bytes
from .backends import Backend, Job
from .records import ENGINE, read_records, record_address, wanted_tasks, whole_outputs
from .staging import CURRENT, Place
from .tasks import WORK, Phase, Task, keys_of

MANIFEST = "corpus.manifest.json"
FINISH = "finish"
# Under the output folder: the names of all that runs have made there and not removed.
INVENTORY = f"{ENGINE}/inventory.json"


def run_plan(
    phases: Sequence[Phase], root: str, backend: Backend, scratch: str | None = None, force: bool = False
) -> None:
    """Run the tasks of a plan that are not done.

    Raises UserError with the line of the first task that failed. With an executor that does not wait (Slurm) the
    jobs are submitted and go on without this process.
    """
    from .steps import PhaseStep, failure_address, write_shares

    phases = [*phases, _finish(phases, root)]
    keys = keys_of(phases)
    wanted = wanted_tasks(phases, {} if force else whole_outputs(root, phases, keys))
    if not wanted:
        log(f"corpus: all {len(keys)} tasks are up to date, skipped")
        return
    # The last one cleans up after the others.
    wanted.add(FINISH)
    run = hashlib.sha256(f"{time.time_ns()} {keys[FINISH]}".encode()).hexdigest()[:12]
    _take_stock(root, phases)
    write_bytes(join(root, CURRENT), run.encode())
    # It stands for a whole corpus.
    remove(join(root, MANIFEST))
    place = Place(root, run, scratch)
    place.clear()
    jobs: list[Job] = []
    for phase in phases:
        left = [task for task in phase.tasks if task.name in wanted]
        if not left:
            log(f"corpus: {phase.name}: up to date, skipped")
            continue
        ranks = backend.ranks(phase.name, len(phase.tasks))
        # Markers of another plan, or of the same tasks divided otherwise, would say that work is done that is not.
        content = json.dumps([[keys[task.name] for task in phase.tasks], ranks])
        folder = join(root, f"{ENGINE}/{phase.name}-{short_hash(content)}")
        shares = [
            [(task, keys[task.name]) for task in phase.tasks[r::ranks] if task.name in wanted] for r in range(ranks)
        ]
        write_shares(join(folder, "shares"), shares)
        job = Job(phase.name, PhaseStep(phase.name, folder, place), ranks, folder)
        _set_markers(job, [not share for share in shares])
        for rank, share in enumerate(shares):
            if share:
                remove(failure_address(folder, rank))
        jobs.append(job)
    sizes = {phase.name: len([task for task in phase.tasks if task.name in wanted]) for phase in phases}
    started = time.monotonic()
    for job in backend.run(jobs):
        if not backend.waits:
            continue
        _check_complete(job)
        log(f"corpus: {job.name}: {_tasks(sizes[job.name])} done in {time.monotonic() - started:.1f} s")
        started = time.monotonic()
    if backend.waits:
        place.clear()
    else:
        log(f"corpus: submitted; {MANIFEST} appears in {root} when all is done. Run the same command again to go on")


def _tasks(number: int) -> str:
    return f"{number:,} task{'s' if number != 1 else ''}"


def _set_markers(job: Job, complete: Sequence[bool]) -> None:
    """Make datatrove's completion markers say what is true; Ray's executor adds up statistics of every rank."""
    from datatrove.utils.stats import PipelineStats

    there = set(list_files(join(job.folder, "completions")))
    told = set(list_files(join(job.folder, "stats")))
    for rank, is_complete in enumerate(complete):
        name = f"{rank:05d}"
        if is_complete and f"{name}.json" not in told:
            write_bytes(join(job.folder, f"stats/{name}.json"), PipelineStats([job.step]).to_json().encode())
        if is_complete and name not in there:
            write_bytes(join(job.folder, f"completions/{name}"), b"")
        elif not is_complete and name in there:
            remove(join(job.folder, f"completions/{name}"))


def _check_complete(job: Job) -> None:
    """Raise UserError for the first rank that did not end well, with what it said and where its log is."""
    from .steps import failure_line

    there = set(list_files(join(job.folder, "completions")))
    missing = [rank for rank in range(job.ranks) if f"{rank:05d}" not in there]
    if not missing:
        return
    # A rank that was stopped because of another one said nothing.
    said = [(rank, line) for rank in missing if (line := failure_line(job.folder, rank)) is not None]
    rank, line = said[0] if said else (missing[0], f"{job.name}: a process was killed, most likely for want of memory")
    more = f" ({len(said) - 1} more failed)" if len(said) > 1 else ""
    log_file = join(job.folder, f"logs/task_{rank:05d}.log")
    # A process that was killed may not have left its log.
    raise UserError(f"{line}{more}; log: {log_file if state(log_file) else join(job.folder, 'logs')}")


def _take_stock(root: str, phases: Sequence[Phase]) -> None:
    """Note what is about to be made, so that it can be removed when a later plan makes it no more."""
    names = {file for phase in phases for task in phase.tasks for file in task.output_files()}
    write_bytes(join(root, INVENTORY), json.dumps(sorted(names | _inventory(root))).encode())


def _inventory(root: str) -> set[str]:
    return set(json.loads(read_bytes(join(root, INVENTORY)) or b"[]"))


def _finish(phases: Sequence[Phase], root: str) -> Phase:
    """The last phase: one task that looks whether all is as planned, and removes what no longer serves."""
    keys = keys_of(phases)
    kept = {
        task.name: keys[task.name]
        for phase in phases
        for task in phase.tasks
        if any(not file.startswith(WORK) for file in task.output_files())
    }
    outputs = sorted({file for phase in phases for task in phase.tasks for file in task.output_files()} | {MANIFEST})
    task = Task(
        FINISH,
        finish,
        outputs={"manifest": MANIFEST},
        settings={"tasks": short_hash(json.dumps(keys, sort_keys=True))},
        resources={"root": root, "keys": keys, "kept": kept, "outputs": outputs},
    )
    return Phase(FINISH, [task])


def finish(
    manifest: Path, tasks: str, root: str, keys: Mapping[str, str], kept: Mapping[str, str], outputs: Sequence[str]
) -> dict:
    """Check the records of all tasks, drop what earlier plans left, and write the counts of every phase."""
    records = read_records(root)
    files = list_files(root)
    for name, key in kept.items():
        record = records.get(name)
        whole = record is not None and all(
            one["name"].startswith(WORK) or files.get(one["name"], {}).get("bytes") == one["bytes"]
            for one in record["outputs"]
        )
        if not whole or record["key"] != key:
            raise UserError(f"{root}: the output of {name} was changed by another run; run the same command again")
    for name in sorted(_inventory(root) - set(outputs)):
        remove(join(root, name))
    for name in records:
        if name not in keys and name != FINISH:
            remove(record_address(root, name))
    remove(join(root, WORK.rstrip("/")))
    write_bytes(join(root, INVENTORY), json.dumps(outputs).encode())
    counts: dict[str, dict[str, int]] = {}
    for name, key in keys.items():
        if (record := records.get(name)) is not None and record["key"] == key:
            phase = counts.setdefault(name.split("/")[0], {"tasks": 0, "seconds": 0, "cpu_seconds": 0})
            phase["tasks"] += 1
            for label in ("seconds", "cpu_seconds"):
                phase[label] = round(phase[label] + record[label], 3)
            for label, value in record["counts"].items():
                if isinstance(value, int):
                    phase[label] = phase.get(label, 0) + value
    content = {"version": __version__, "tasks": tasks, "phases": counts}
    manifest.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return {}
