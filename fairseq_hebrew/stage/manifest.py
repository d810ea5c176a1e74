"""The small JSON record a stage leaves beside its output, and the rule by which a finished stage is skipped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .. import __version__
from .address import Address, local_paths, mangled
from .background import Background
from .errors import UserError
from .output import Outputs, make_folder, write_text
from .progress import log

# Part of every manifest: raised when a stage's result changes for the same input and settings.
FORMAT = 1


def file_record(path: Path | Address) -> dict:
    """`{"path", "bytes", "sha256"}` of a file; the hash is what tells a changed input, not its date.

    A remote file is not read for it: `version` stands for what its file system says of its content.
    """
    if Address(path).is_remote:
        return Address(path).record()
    path = Path(path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)
    return {"path": str(path), "bytes": path.stat().st_size, "sha256": digest}


def _digest(file) -> str:
    # hashlib.file_digest came with Python 3.11.
    made = hashlib.sha256()
    while block := file.read(1 << 20):
        made.update(block)
    return made.hexdigest()


def require_inputs(paths: Sequence[Path | Address]) -> None:
    """Raise a UserError for the first input that is missing, no regular file, or empty."""
    if not paths:
        raise UserError("no input files; give at least one after --input")
    for given in paths:
        if Address(given).is_remote:
            _require_remote(Address(given))
            continue
        path = Path(given)
        if not path.exists():
            if mangled(path):
                raise UserError(f"{path}: an address is read by clean alone; copy the file here and give its name")
            raise UserError(f"{path}: no such file; check the path")
        if path.is_dir():
            raise UserError(f"{path}: is a folder; name the files in it, for instance {path}/*.txt")
        if not path.is_file():
            raise UserError(f"{path}: is no regular file, and input is read twice; write it to a file first")
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty; leave it out or give the file it should have been")


def _require_remote(address: Address) -> None:
    info = address.info()
    if info.get("type") == "directory":
        raise UserError(f"{address}: is a folder; name the files in it, for instance {address.rstrip('/')}/*.jsonl")
    if info.get("size") == 0:
        raise UserError(f"{address}: the file is empty; leave it out or give the file it should have been")


def manifest_path(output: Path) -> Path:
    """Where the manifest of an output stands: beside it, `NAME.manifest.json`."""
    return output.with_name(f"{output.name}.manifest.json")


def run_stage(
    name: str,
    output: Path,
    inputs: Sequence[Path | Address],
    settings: Mapping,
    work: Callable[[Outputs], tuple[list[Path], dict]],
    force: bool = False,
) -> dict:
    """Run a stage unless its manifest says that the same work is done; return the manifest.

    `work(outputs)` writes its files through `outputs` and returns (final paths, counts). `settings` are those the
    result depends on: the number of workers and the memory bound are not among them. The manifest is written last,
    so one that stands beside an output speaks of a whole output. Raises UserError, and leaves no output, when an
    input is changed meanwhile.
    """
    require_inputs(inputs)
    if mangled(output):
        raise UserError(f"{output}: a stage writes to local files; give a folder here, or use corpus with --executor")
    recorded = json.loads(json.dumps(settings, ensure_ascii=False, default=str))
    wanted = {"stage": name, "format": FORMAT, "settings": recorded}
    before = [_state(path) for path in inputs]
    # Where no manifest has to be compared, the inputs are hashed while the stage reads them.
    records = Background(lambda: [file_record(path) for path in inputs])
    path = manifest_path(output)
    make_folder(path.parent)
    # An output of several files is named by its folder.
    shown = output if output.suffix else output.parent
    if not force and path.exists() and (done := _finished(path, {**wanted, "inputs": records.result()})) is not None:
        log(f"{name}: {shown} is up to date, skipped")
        return done
    path.unlink(missing_ok=True)
    started = time.monotonic()
    with Outputs(local_paths(inputs)) as outputs:
        finals, counts = work(outputs)
        _require_unchanged(name, inputs, before)
        wanted["inputs"] = records.result()
        _require_unchanged(name, inputs, before)
    manifest = {
        **wanted,
        # By name, from the manifest's folder: a folder that is moved stays finished.
        "outputs": [
            {**_output_record(final, outputs), "path": os.path.relpath(final, path.parent)} for final in finals
        ],
        "counts": counts,
        "seconds": round(time.monotonic() - started, 3),
        "version": __version__,
    }
    write_text(path, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    told = ", ".join(
        f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"
        for key, value in counts.items()
        if not isinstance(value, list)  # quotations are for the manifest
    )
    log(f"{name}: {shown} done in {manifest['seconds']:.1f} s ({told})")
    return manifest


def _state(path: Path | Address) -> tuple | dict | None:
    """What tells that a file was written to or replaced; None: it is not there."""
    if Address(path).is_remote:
        return Address(path).record()
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def _require_unchanged(name: str, inputs: Sequence[Path | Address], before: Sequence) -> None:
    for path, state in zip(inputs, before):
        if _state(path) != state:
            raise UserError(f"{path}: was changed while {name} read it; run again when it is whole")


def _output_record(path: Path, outputs: Outputs) -> dict:
    if (digest := outputs.digest(path)) is None:
        return file_record(path)
    return {"path": str(path), "bytes": path.stat().st_size, "sha256": digest}


def _finished(path: Path, wanted: dict) -> dict | None:
    """The manifest at `path` if it records exactly the work that is wanted and its outputs are as it left them."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_text(encoding="utf-8"))
        # Inputs are compared by content: a corpus that was moved is the same corpus.
        same = _contents(found["inputs"]) == _contents(wanted["inputs"])
        if same and all(found[key] == wanted[key] for key in ("stage", "format", "settings")):
            for record in found["outputs"]:
                if {**file_record(path.parent / record["path"]), "path": record["path"]} != record:
                    return None
            return found
    return None


def _contents(records: Sequence[Mapping]) -> list[dict]:
    # The ending of a name may say how the content is read.
    return [{**record, "path": Address(record["path"]).ending} for record in records]
