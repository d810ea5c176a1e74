"""What is done: a record for each finished task, believed only while its outputs are as it left them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.address import Address
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import FORMAT, file_record

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


def write_record(
    root: str, task: Task, key: str, outputs: Sequence[dict], counts: dict, seconds: Mapping[str, float]
) -> None:
    """Say that a task is done; written last, so that it speaks of whole outputs.

    `seconds`: `seconds` that went by, `cpu_seconds` of the process and its threads.
    """
    record = {
        "task": task.name,
        "part": f"{task.part.__module__}.{task.part.__qualname__}",
        "key": key,
        "format": FORMAT,
        "settings": plain(task.settings),
        "outputs": list(outputs),
        "counts": counts,
        **{name: round(value, 3) for name, value in seconds.items()},
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


def whole_outputs(root: str, phases: Iterable[Phase], keys: Mapping[str, str]) -> dict[str, set[str]]:
    """Of each task whose record has its key: which of its outputs are as it left them."""
    records = read_records(root)
    files = list_files(root)
    found = {}
    for phase in phases:
        for task in phase.tasks:
            record = records.get(task.name)
            if record is not None and record.get("key") == keys[task.name]:
                found[task.name] = {one["name"] for one in record["outputs"] if _is_whole(root, one, files)}
    return found


def _is_whole(root: str, output: Mapping, files: Mapping[str, dict]) -> bool:
    found = files.get(output["name"])
    if found is None or found["bytes"] != output["bytes"]:
        return False
    if found["stamp"] == output["stamp"]:
        return True
    # A folder that was copied has new dates and the same content.
    address = join(root, output["name"])
    return not is_remote(address) and sha256(local_path(address)) == output["sha256"]


def wanted_tasks(phases: Sequence[Phase], whole: Mapping[str, set[str]]) -> set[str]:
    """The names of the tasks to run: those of which an output is missing that lasts, or that a task to run reads."""
    wanted: set[str] = set()
    used: set[str] = set()
    for phase in reversed(phases):
        for task in phase.tasks:
            needed = {file for file in task.output_files() if not file.startswith(WORK) or file in used}
            if not needed <= whole.get(task.name, set()):
                wanted.add(task.name)
                used.update(file for file in task.input_files() if isinstance(file, str))
    return wanted


def open_sources(root: str, addresses: Sequence[str]) -> dict[str, Source]:
    """The sources by their addresses, each with what tells its content (as in the manifests of stages).

    Remembered under the output folder: a local file is read for its hash only when its size or date are new. Names
    of local files are made absolute: tasks may run in another folder. Raises UserError for a missing file.
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
        address: Source(
            address if is_remote(address) else os.path.abspath(local_path(address)),
            # The ending of a name may say how the content is read.
            f"{one['content']['bytes']} {one['content'].get('sha256') or one['content']['version']} "
            f"{Address(address).ending}",
            **one["state"],
        )
        for address, one in found.items()
    }


def _look(address: str, seen: Mapping | None) -> dict:
    found = state(address)
    if found is None:
        raise UserError(f"{address}: no such file; check the address under `input:`")
    if seen is not None and seen.get("state") == found:
        return dict(seen)
    content = {key: value for key, value in file_record(Address(address)).items() if key != "path"}
    return {"state": found, "content": content}
