"""A folder that fsspec reaches (gs://, s3://, file://...), in which a file is whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .address import Address, clear, file_system

PART = ".part"  # behind the name of a file that is on its way
# Schemes of stores where a file appears with its last byte. They have no folders to make: asked for one, a driver might
# make a bucket of its first name.
OBJECT_STORES = {"gs", "gcs", "s3", "s3a", "az", "abfs", "abfss", "adl", "oci", "oss"}


class RemoteFolder:
    """Files by name, in a folder that is made when the first one is put there. All failures are UserErrors.

    Where a file could be seen while it is written, it is written under a temporary name and moved from there.
    """

    def __init__(self, address: str) -> None:
        """Raises UserError where no driver for the address is installed."""
        self.address = Address(address.rstrip("/"))
        with clear(self.address):
            self._files, path = file_system(self.address)
        self._path = path.rstrip("/")
        protocol = self._files.protocol
        self._appear_whole = not OBJECT_STORES.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def sizes(self) -> dict[str, int]:
        """Bytes of the files that are there, by name; parts of unfinished ones as well."""
        with clear(self.address):
            self._files.invalidate_cache(self._path)
            try:
                found = self._files.ls(self._path, detail=True)
            except FileNotFoundError:
                return {}
        return {entry["name"].rpartition("/")[2]: entry["size"] for entry in found if entry["type"] == "file"}

    def put(self, path: Path, name: str) -> None:
        """A local file, under its name, in the place of one that had it."""
        with self._arriving(name) as place:
            self._files.put_file(str(path), place)

    def copy(self, name: str, other: str) -> None:
        """A file that is there, under another name as well; of an object store's file no byte leaves the store."""
        with self._arriving(other) as place:
            self._files.cp_file(self._at(name), place)

    def fetch(self, name: str, path: Path) -> None:
        """A file that is there, under a local path."""
        part = f"{path}{PART}"
        with clear(Address(f"{self.address}/{name}")):
            try:
                self._files.get_file(self._at(name), part)
                os.replace(part, path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(part)

    def remove(self, name: str) -> None:
        with clear(self.address, "written"), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(name))

    @contextlib.contextmanager
    def _arriving(self, name: str) -> Iterator[str]:
        """Where to write a file; what is there afterwards has its name."""
        with clear(self.address, "written"):
            if self._appear_whole:
                yield self._at(name)
                return
            self._files.makedirs(self._path, exist_ok=True)
            yield self._at(name + PART)
            self._files.mv(self._at(name + PART), self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"
