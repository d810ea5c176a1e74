"""Where files are: plain local paths, or addresses of any file system fsspec knows (s3://, gs://, hf://...)."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairseq_hebrew.stage.address import Address
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import file_record

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Stores that show an object only when all of it has arrived, and have no cheap way to rename one.
WHOLE_UPLOADS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "hf", "memory"}
# What a store tells of a file that changes with its content, the strongest first.
STAMPS = ("ETag", "etag", "md5Hash", "crc32c", "content_md5", "sha256", "checksum", "LastModified", "mtime", "created")


def is_remote(address: str) -> bool:
    """Whether an address needs fsspec: everything with a protocol but `file://`."""
    return Address(address).is_remote


def local_path(address: str) -> Path:
    """The path of a local address."""
    return Path(Address(address))


def join(folder: str, name: str) -> str:
    """The address of a file named relative to a folder."""
    return f"{folder.rstrip('/')}/{name}"


def open_file_system(address: str) -> tuple[AbstractFileSystem, str]:
    """(file system, path in it) of an address. Raises UserError for a protocol that is unknown or not installed."""
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(address)
    except ImportError as error:
        raise UserError(f"{address}: {str(error).rstrip('.')}; pip install it on every machine that works") from None
    except ValueError as error:
        raise UserError(f"{address}: {error}; give a path or an address fsspec knows, such as s3://") from None


@contextlib.contextmanager
def _told(address: str, what: str) -> Iterator[None]:
    """What a store raises, as one line that names the address; a file that is not there is not its fault."""
    try:
        yield
    except (UserError, FileNotFoundError):
        raise
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{address}: cannot be {what}: {said}; check the address and your right to it") from error


def read_bytes(address: str) -> bytes | None:
    """The content of a small file, None where there is none."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if not is_remote(address):
            return local_path(address).read_bytes()
        system, path = open_file_system(address)
        # Listings and files that are cached in this process may have been changed by another.
        system.invalidate_cache()
        with _told(address, "read"):
            return system.cat_file(path)
    return None


def write_bytes(address: str, content: bytes) -> None:
    """Write a small file whole."""
    if is_remote(address):
        system, path = open_file_system(address)
        with _told(address, "written"):
            _make_parent(system, path)
            system.pipe_file(path, content)
        return
    path = local_path(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several processes may write a file of this name at the same time.
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_bytes(content)
    os.replace(partial, path)


def remove(address: str) -> None:
    """Remove a file or a folder with all in it, if it is there."""
    import shutil

    if not is_remote(address):
        path = local_path(address)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        return
    system, path = open_file_system(address)
    with contextlib.suppress(FileNotFoundError):
        system.rm(path, recursive=True)


def list_files(folder: str) -> dict[str, dict]:
    """The files under a folder by their name relative to it: `{"bytes", "stamp"}` of each."""
    if not is_remote(folder):
        base = local_path(folder)
        found = {}
        for above, _, names in os.walk(base):
            for name in names:
                path = os.path.join(above, name)
                with contextlib.suppress(FileNotFoundError):
                    found[os.path.relpath(path, base)] = _local_state(path)
        return found
    system, path = open_file_system(folder)
    system.invalidate_cache()
    base = path.strip("/") + "/"
    with _told(folder, "listed"):
        found = system.find(path, detail=True)
    return {
        name.strip("/").removeprefix(base): _remote_state(info)
        for name, info in found.items()
        if info["type"] == "file"
    }


def state(address: str) -> dict | None:
    """`{"bytes", "stamp"}` of a file, None where there is none. The stamp changes whenever the file is written."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if not is_remote(address):
            return _local_state(local_path(address))
        system, path = open_file_system(address)
        system.invalidate_cache()
        with _told(address, "looked at"):
            info = system.info(path)
        return _remote_state(info) if info["type"] == "file" else None
    return None


def _local_state(path: str | Path) -> dict:
    found = os.stat(path)
    return {"bytes": found.st_size, "stamp": str(found.st_mtime_ns)}


def _remote_state(info: dict[str, Any]) -> dict:
    told = next((info[key] for key in STAMPS if info.get(key)), "")
    # A listing may tell in seconds what a look at the file tells as a date.
    return {"bytes": info["size"], "stamp": str(told.timestamp() if hasattr(told, "timestamp") else told)}


def sha256(path: Path) -> str:
    return file_record(path)["sha256"]


def short_hash(text: str) -> str:
    """12 hexadecimal digits: enough to tell folders apart."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def download(address: str, to: Path) -> None:
    """Copy a remote file to a local one. Raises UserError when it is missing or arrives cut short."""
    system, path = open_file_system(address)
    system.invalidate_cache()
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _told(address, "read"):
            size = system.info(path)["size"]
            system.get_file(path, str(to))
    except FileNotFoundError:
        raise UserError(f"{address}: no such file; was it removed while the corpus was being prepared?") from None
    if size is not None and to.stat().st_size != size:
        raise UserError(f"{address}: {to.stat().st_size:,} of {size:,} bytes arrived; run the same command again")


def upload(path: Path, address: str) -> None:
    """Copy a local file to an address, whole or not at all."""
    with _told(address, "written"):
        _upload(path, *open_file_system(address))


def _upload(path: Path, system: AbstractFileSystem, final: str) -> None:
    _make_parent(system, final)
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    if protocols & WHOLE_UPLOADS:
        system.put_file(str(path), final)
        return
    folder, _, name = final.rpartition("/")
    partial = f"{folder}/.{name}.part"
    system.put_file(str(path), partial)
    with contextlib.suppress(FileNotFoundError):
        system.rm_file(final)
    system.mv(partial, final)


def _make_parent(system: AbstractFileSystem, path: str) -> None:
    # A store without folders may refuse to make a bucket; writing tells whether there is one.
    with contextlib.suppress(OSError, NotImplementedError):
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
