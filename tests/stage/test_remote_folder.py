"""A remote folder: files are whole or not there, and what goes wrong is one line."""

import sys

import fsspec
import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.remote_folder import RemoteFolder


@pytest.fixture(params=["file", "plain", "memory"])
def there(request, tmp_path):
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()
        return RemoteFolder("memory://bucket/run/")
    return RemoteFolder(f"{'file://' if request.param == 'file' else ''}{tmp_path}/far/run")


def local(tmp_path, content):
    (tmp_path / "local").write_bytes(content)
    return tmp_path / "local"


def test_files_come_and_go(there, tmp_path):
    assert there.sizes() == {}
    there.put(local(tmp_path, b"first"), "a.pt")
    there.put(local(tmp_path, b"second one"), "a.pt")
    there.copy("a.pt", "b.pt")
    there.put(local(tmp_path, b""), "empty")
    assert there.sizes() == {"a.pt": 10, "b.pt": 10, "empty": 0}
    there.copy("empty", "b.pt")
    there.remove("a.pt")
    there.remove("a.pt")
    assert there.sizes() == {"b.pt": 0, "empty": 0}
    there.put(local(tmp_path, b"third"), "b.pt")
    there.fetch("b.pt", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"third"


def test_a_write_that_breaks_off_leaves_what_was_there(there, tmp_path, monkeypatch):
    there.put(local(tmp_path, b"old"), "a.pt")

    def breaks_off(self, path, place, **options):
        with self.open(place, "wb") as file:
            file.write(b"ne")
        raise OSError("the line is cut")

    for name in ("put_file", "cp_file"):
        monkeypatch.setattr(type(there._files), name, breaks_off)
    for attempt in (lambda: there.put(tmp_path / "local", "a.pt"), lambda: there.copy("x", "a.pt")):
        with pytest.raises(UserError, match="cannot be written: the line is cut; check the address"):
            attempt()
    monkeypatch.undo()
    assert there.sizes() == {"a.pt": 3, "a.pt.part": 2}
    there.fetch("a.pt", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"old"


def test_a_read_that_breaks_off_leaves_nothing(there, tmp_path, monkeypatch):
    there.put(local(tmp_path, b"content"), "a.pt")

    def breaks_off(self, place, path, **options):
        with open(path, "wb") as file:
            file.write(b"co")
        raise OSError("the line is cut")

    monkeypatch.setattr(type(there._files), "get_file", breaks_off)
    with pytest.raises(UserError, match=r"run/a\.pt: cannot be read: the line is cut"):
        there.fetch("a.pt", tmp_path / "fetched")
    assert not list(tmp_path.glob("fetched*"))


def test_object_stores_are_written_in_one_go_and_asked_for_no_folder(tmp_path, monkeypatch):
    """Drivers of object stores make a bucket where they are asked for a folder whose bucket is not there."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    monkeypatch.setattr(type(files), "protocol", ("gs", "gcs"))
    monkeypatch.setattr(type(files), "put_file", lambda self, path, place: self.pipe_file(place, b"content"))
    monkeypatch.setattr(type(files), "makedirs", lambda *args, **options: pytest.fail("a bucket is made"))
    monkeypatch.setattr(type(files), "mv", lambda *args, **options: pytest.fail("moved"))
    there = RemoteFolder("memory://bucket/run")
    there.put(local(tmp_path, b"content"), "a.pt")
    there.copy("a.pt", "b.pt")
    assert there.sizes() == {"a.pt": 7, "b.pt": 7}


def test_without_a_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UserError) as told:
        RemoteFolder("gs://bucket/run")
    assert str(told.value) == "gs://bucket/run: no driver for gs:// is installed; install it with: pip install gcsfs"


def test_a_scheme_nobody_knows():
    with pytest.raises(UserError, match="nosuch://bucket/run: cannot be read: Protocol not known: nosuch"):
        RemoteFolder("nosuch://bucket/run")


def test_a_file_in_the_folders_place(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        RemoteFolder(f"{local(tmp_path, b'')}/run").put(tmp_path / "local", "a.pt")
