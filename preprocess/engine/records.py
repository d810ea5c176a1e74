"""What is done: a record for each finished task, believed only while its outputs are as it left them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import FORMAT

from .addresses import (
    is_remote,
    join,
    list_files,
    local_path,
    open_file_system,
    read_bytes,
    remove,
    sha256,
    state,
    write_bytes,
)
from .tasks import WORK, Phase, Source, Task, plain

# Under the output folder: records of tasks, logs and markers of phases.
ENGINE = "engine"
SEEN = f"{ENGINE}/sources.json"


def record_address(root: str, task: str) -> str:
    return join(root, f"{ENGINE}/done/{task}.json")


def write_record(root: str, task: Task, key: str, outputs: Sequence[dict], counts: dict, seconds: float) -> None:
    """Say that a task is done; written last, so that it speaks of whole outputs."""
    record = {
        "task": task.name,
        "part": f"{task.part.__module__}.{task.part.__qualname__}",
        "key": key,
        "format": FORMAT,
        "settings": plain(task.settings),
        "outputs": list(outputs),
        "counts": counts,
        "seconds": round(seconds, 3),
        "version": __version__,
    }
    write_bytes(record_address(root, task.name), (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode())


def forget(root: str, task: Task) -> None:
    """Take the record of a task away: it is about to write its outputs again."""
    remove(record_address(root, task.name))


def read_records(root: str) -> dict[str, dict]:
    """All records under an output folder by the name of their task; damaged ones count as none."""
    folder = join(root, f"{ENGINE}/done")
    contents: dict[str, bytes] = {}
    if is_remote(folder):
        system, path = open_file_system(folder)
        system.invalidate_cache()
        paths = [found for found in system.find(path) if found.endswith(".json")]
        # Many small files: the store's own client reads them side by side.
        contents = system.cat(paths, on_error="omit") if paths else {}
    elif local_path(folder).is_dir():
        contents = {str(path): path.read_bytes() for path in local_path(folder).rglob("*.json")}
    found: dict[str, dict] = {}
    for content in contents.values():
        try:
            record = json.loads(content)
            found[record["task"]] = record
        except (ValueError, KeyError, TypeError):
            continue
    return found


def done_tasks(root: str, phases: Iterable[Phase], keys: Mapping[str, str]) -> dict[str, dict]:
    """The records of the tasks that are done: same key, outputs of the same bytes."""
    records = read_records(root)
    files = list_files(root)
    done = {}
    for phase in phases:
        for task in phase.tasks:
            record = records.get(task.name)
            if record is not None and record.get("key") == keys[task.name] and _whole(root, record, files):
                done[task.name] = record
    return done


def _whole(root: str, record: Mapping, files: Mapping[str, dict]) -> bool:
    for output in record["outputs"]:
        found = files.get(output["name"])
        if found is None or found["bytes"] != output["bytes"]:
            return False
        if found["stamp"] != output["stamp"]:
            # A folder that was copied has new dates and the same content.
            address = join(root, output["name"])
            if is_remote(address) or sha256(local_path(address)) != output["sha256"]:
                return False
    return True


def wanted_tasks(phases: Sequence[Phase], done: Mapping[str, Any]) -> set[str]:
    """The names of the tasks to run: those that are not done, unless only done tasks would use what they make."""
    wanted: set[str] = set()
    used: set[str] = set()
    for phase in reversed(phases):
        for task in phase.tasks:
            if task.name in done:
                continue
            outputs = task.output_files()
            if any(not file.startswith(WORK) or file in used for file in outputs):
                wanted.add(task.name)
                used.update(file for file in task.input_files() if isinstance(file, str))
    return wanted


def open_sources(root: str, addresses: Sequence[str]) -> dict[str, Source]:
    """The sources by their addresses, each with what tells its content; remembered under the output folder.

    Of a local file that is its SHA-256, read again only when size or date differ from what was seen the last time;
    of a remote one its size and what the store tells (a hash or a date).
    """
    from concurrent.futures import ThreadPoolExecutor

    try:
        seen = dict(json.loads(read_bytes(join(root, SEEN)) or b"{}"))
    except ValueError:
        seen = {}
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(addresses, pool.map(lambda address: _look(address, seen.get(address)), addresses)))
    if found != seen:
        write_bytes(join(root, SEEN), json.dumps(found, ensure_ascii=False, indent=0).encode())
    return {
        address: Source(address, f"{one['bytes']} {one.get('sha256', one['stamp'])}", one["bytes"], one["stamp"])
        for address, one in found.items()
    }


def _look(address: str, seen: Mapping | None) -> dict:
    found = state(address)
    if found is None:
        raise UserError(f"{address}: no such file; check the address under `input:`")
    if is_remote(address):
        return found
    if seen is not None and {key: seen.get(key) for key in found} == found and "sha256" in seen:
        return dict(seen)
    return {**found, "sha256": sha256(local_path(address))}
