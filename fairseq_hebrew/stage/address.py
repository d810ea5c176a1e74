"""Where an input stands: a local path, or the address of a file that fsspec opens (`s3://`, `https://`, `hf://`...)."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import UserError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:://|::)")
# What a Path makes of an address: its double slash is gone.
_MANGLED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/[^/]")
# What file systems know of a file's content, by the names they give it; the first rows are hashes of the content.
_FINGERPRINTS = (
    ("sha256", "md5Hash", "md5", "content_md5", "Content-MD5", "Digest", "crc32c", "blob_id"),
    ("ETag", "etag", "generation", "version_id", "VersionId"),
    ("Last-Modified", "LastModified", "last_modified", "mtime", "created"),
)
# The package a scheme needs where fsspec's own message names no command.
_DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub", "az": "adlfs"}
_DRIVERS |= {"abfs": "adlfs", "http": "aiohttp requests", "https": "aiohttp requests", "sftp": "paramiko"}


class Address(str):
    """A local path or an fsspec address, kept as it was written: a Path would join the slashes of `s3://`.

    `file://` is a way to write a local path.
    """

    __slots__ = ()

    def __new__(cls, given: str | Path) -> Address:
        return super().__new__(cls, str(given).removeprefix("file://"))

    @property
    def is_remote(self) -> bool:
        return _SCHEME.match(self) is not None

    @property
    def name(self) -> str:
        """The name of the file, without what a web address says after it."""
        path = re.split(r"[?#]", self)[0] if self.is_remote else self
        return path.split("::")[0].rstrip("/").rpartition("/")[2] if self.is_remote else Path(self).name

    @property
    def ending(self) -> str:
        """The end of the name that may say what the file is and how it is compressed: `.jsonl.gz`."""
        return "".join(Path(self.name).suffixes[-2:])

    def open(self) -> BinaryIO:
        """The file, for binary reading; remote ones are read ahead in blocks."""
        if not self.is_remote:
            return open(self, "rb", buffering=0)
        with clear(self):
            files, path = file_system(self)
            return _RemoteFile(self, files.open(path, "rb"))

    def size(self) -> int | None:
        """Bytes of the file, None where a server does not tell."""
        if not self.is_remote:
            return Path(self).stat().st_size
        return self.info().get("size")

    def info(self) -> dict:
        """What the file system of a remote file says about it."""
        with clear(self):
            files, path = file_system(self)
            return files.info(path)

    def record(self) -> dict:
        """`{"path", "bytes", "version"}` of a remote file: a hash of whatever changes when its content does."""
        with clear(self):
            files, path = file_system(self)
            # What was listed earlier in this process may have changed since.
            files.invalidate_cache(path)
            info = files.info(path)
            known = dict(info.get("lfs") or {}) | info
            told = [[(key, str(known[key])) for key in row if known.get(key)] for row in _FINGERPRINTS]
            best = next(filter(None, told), None) or [("ukey", str(files.ukey(path)))]
        version = hashlib.sha256(repr(best).encode()).hexdigest()
        return {"path": str(self), "bytes": info.get("size"), "version": version}


def expand_addresses(patterns: Sequence[str | Path], base: Path | None = None) -> list[Address]:
    """Inputs from names, addresses and glob patterns, each pattern's matches sorted. `base`: of local names."""
    found: list[Address] = []
    for pattern in map(Address, patterns):
        if not pattern.is_remote and base is not None:
            pattern = Address(base / pattern)
        # A question mark starts the query of a web address.
        signs = "*" if pattern.startswith(("http://", "https://")) else "*?["
        # A name that has such a sign in it is a name first.
        if not any(sign in pattern for sign in signs) or (not pattern.is_remote and Path(pattern).exists()):
            found.append(pattern)
            continue
        matches = sorted(_remote_matches(pattern) if pattern.is_remote else map(Address, glob.glob(pattern)))
        if not matches:
            raise UserError(f"{pattern}: no file matches; check the folder and the pattern")
        found += matches
    return found


def local_paths(inputs: Sequence[str | Path]) -> list[Path]:
    """Those of the inputs that are local."""
    return [Path(found) for found in map(Address, inputs) if not found.is_remote]


def mangled(path: Path) -> bool:
    """Whether a path was an address before it was made a path."""
    return _MANGLED.match(str(path)) is not None


class _RemoteFile:
    """An open remote file: what its driver raises becomes a UserError, whenever the connection breaks."""

    def __init__(self, address: Address, file: BinaryIO) -> None:
        self._address, self._file = address, file
        self.tell, self.close = file.tell, file.close

    @property
    def closed(self) -> bool:
        return self._file.closed

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def read(self, size: int = -1) -> bytes:
        with clear(self._address):
            return self._file.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        with clear(self._address):
            return self._file.seek(position, whence)

    def __enter__(self) -> _RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _remote_matches(pattern: Address) -> list[Address]:
    if "::" in pattern:
        raise UserError(f"{pattern}: a pattern in a chain of addresses is not looked up; name the files")
    with clear(pattern):
        files, path = file_system(pattern)
        return [Address(files.unstrip_protocol(match)) for match in files.glob(path)]


def file_system(address: str):
    """(file system of fsspec, the path there) of an address."""
    from fsspec.core import url_to_fs

    return url_to_fs(address)


@contextmanager
def clear(address: Address, done: str = "read") -> Iterator[None]:
    """What a file system raises, as one line that names the address; `done`: to what stands there, read or written."""
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        scheme = address.partition(":")[0]
        how = f"pip install {_DRIVERS[scheme]}" if scheme in _DRIVERS else str(error)
        raise UserError(f"{address}: no driver for {scheme}:// is installed; install it with: {how}") from None
    except FileNotFoundError:
        # Drivers call a server that does not answer a missing file too.
        raise UserError(f"{address}: no such file, or no answer; check the address") from None
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{address}: cannot be {done}: {said}; check the address and your right to it") from error
