"""Plans over addresses: files travel through scratch folders, and stand at their address whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from fairseq_hebrew.preprocess.engine import addresses
from fairseq_hebrew.preprocess.engine.backends import LocalBackend, LocalSettings
from fairseq_hebrew.preprocess.engine.records import open_sources
from fairseq_hebrew.preprocess.engine.run import run_plan
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.engine import small_parts
from tests.preprocess.engine.conftest import ROOT


@pytest.fixture
def store(sources):
    """A store in the memory of this process that holds the sources under memory://in."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    for path in sources:
        system.pipe_file(f"/in/{path.name}", path.read_bytes())
    yield system
    system.store.clear()


def contents(system, folder):
    return {
        name.removeprefix(f"/{folder}/"): system.cat_file(name)
        for name in system.find(folder)
        if name.removeprefix(f"/{folder}/").startswith(("text/", "total/"))
    }


REMOTE = [f"memory://in/s{number}.txt" for number in range(4)]


@pytest.mark.parametrize("files", [REMOTE, None], ids=["remote sources", "local sources"])
def test_a_store_holds_what_a_disk_would(run, made, sources, store, files):
    run("memory://out", files=files or sources)
    assert contents(store, "out") == made(run("local"))
    assert store.isfile("/out/corpus.manifest.json") and not store.find("/out/work")


def test_remote_sources_and_a_local_folder(run, made, store, capsys):
    first = made(run("mixed", files=REMOTE))
    assert first == made(run("local"))
    capsys.readouterr()
    run("mixed", files=REMOTE)
    assert "up to date" in capsys.readouterr().err
    store.pipe_file("/in/s0.txt", b"other words")
    assert made(run("mixed", files=REMOTE)) != first


def test_resuming_in_a_store(run, store, capsys):
    run("memory://out", files=REMOTE)
    before = contents(store, "out")
    capsys.readouterr()
    run("memory://out", files=REMOTE)
    assert "all 10 tasks are up to date" in capsys.readouterr().err
    store.pipe_file("/out/text/1.txt", b"x" * len(before["text/1.txt"]))
    run("memory://out", files=REMOTE)
    assert "corpus: gather: 1 task done" in capsys.readouterr().err and contents(store, "out") == before


def test_a_failure_names_the_address(run, store):
    with pytest.raises(UserError) as error:
        run("memory://out", files=REMOTE, last=small_parts.refuse)
    assert str(error.value).startswith(
        "scatter/3: memory://in/s3.txt:1: a word too many; take it out; log: memory://out/"
    )
    assert not store.find("/out/work") or all("-3.txt" not in name or "/3-" not in name for name in store.find("/out"))


def test_a_source_that_is_missing_or_vanishes(run, store, monkeypatch):
    with pytest.raises(UserError, match=r"memory://in/none.txt: no such file; check the address"):
        run("memory://out", files=["memory://in/none.txt"])
    real = addresses.download

    def vanishing(address, to):
        store.rm("/in/s2.txt")
        real("memory://in/s2.txt", to)

    monkeypatch.setattr("fairseq_hebrew.preprocess.engine.staging.download", vanishing)
    with pytest.raises(UserError, match=r"memory://in/s2.txt: no such file; was it removed"):
        run("memory://out", files=REMOTE)


def test_a_download_cut_short(run, store, monkeypatch, tmp_path):
    monkeypatch.setattr(type(store), "get_file", lambda self, source, target, **_: Path(target).write_bytes(b"half"))
    with pytest.raises(UserError, match=r"memory://in/s0.txt: 4 of [\d,]+ bytes arrived"):
        addresses.download(REMOTE[0], tmp_path / "x" / "s0.txt")


def test_a_store_that_refuses(run, store, monkeypatch):
    def refuse(self, *arguments, **options):
        raise PermissionError("Access Denied\nRequest 17")

    monkeypatch.setattr(type(store), "pipe_file", refuse)
    with pytest.raises(UserError) as error:
        run("memory://out", files=REMOTE)
    assert str(error.value).startswith("memory://out/engine/") and "cannot be written: Access Denied Req" in str(
        error.value
    )
    monkeypatch.undo()
    monkeypatch.setattr(type(store), "put_file", refuse)
    file = "/".join(("memory://out", "work", r".*\.txt"))
    with pytest.raises(UserError, match=rf"scatter/0: {file}: cannot be written: Access Denied"):
        run("memory://out", files=REMOTE)


def test_scratch_folders_are_left_empty(run, store, tmp_path):
    root = "memory://out"
    left = tmp_path / "scratch" / f"fairseq-hebrew-{addresses.short_hash(root)}" / "of a killed run"
    left.mkdir(parents=True)
    (left / "large").write_text("x")
    phases = small_parts.phases_of(list(open_sources(root, REMOTE).values()))
    run_plan(phases, root, LocalBackend(LocalSettings()), scratch=str(tmp_path / "scratch"))
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    "address, said",
    [("nosuch://bucket/a.txt", "Protocol not known"), ("libarchive://bucket/a.txt", "pip install")],
)
def test_an_address_nobody_can_open(address, said, tmp_path):
    with pytest.raises(UserError, match=said) as error:
        open_sources(str(tmp_path), [address])
    assert str(error.value).startswith(address) and "\n" not in str(error.value)


def test_a_local_address_is_a_path(run, made, sources, tmp_path):
    folder = run(f"file://{tmp_path}/made", files=[f"file://{path}" for path in sources])
    assert folder and made(tmp_path / "made") == made(run("local"))


# A store of another protocol that several processes see: a folder of the disk behind an address. Renames are real.
BUCKET = """
import os, fsspec
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

class Bucket(DirFileSystem):
    protocol = "bucket"

    def __init__(self, **options):
        super().__init__(path=os.environ["BUCKET"], fs=LocalFileSystem(auto_mkdir=True))

fsspec.register_implementation("bucket", Bucket, clobber=True)
"""
COMMAND = """
import sys
from fairseq_hebrew.preprocess.engine.backends import LocalBackend, LocalSettings
from fairseq_hebrew.preprocess.engine.records import open_sources
from fairseq_hebrew.preprocess.engine.run import run_plan
from tests.preprocess.engine import small_parts
if __name__ == "__main__":
    files = [f"bucket://in/s{number}.txt" for number in range(4)]
    phases = small_parts.phases_of(list(open_sources("bucket://out", files).values()))
    run_plan(phases, "bucket://out", LocalBackend(LocalSettings(workers=3)))
"""


def test_a_store_that_several_processes_share(run, made, sources, tmp_path):
    """Uploads under a temporary name, and a rename."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BUCKET)
    (tmp_path / "command.py").write_text(COMMAND)
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    (tmp_path / "sources").rename(bucket / "in")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}",
        "BUCKET": str(bucket),
        "TMPDIR": str(tmp_path / "site"),
    }
    command = [sys.executable, tmp_path / "command.py"]
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "all 10 tasks are up to date" in done.stderr
    (bucket / "in").rename(tmp_path / "sources")
    assert made(bucket / "out") == made(run("local"))
    assert not list(bucket.rglob("*.part"))
