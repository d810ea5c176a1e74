"""Addresses of inputs: kept as they were written, looked up, recorded; local paths as before."""

import http.server
import threading
from pathlib import Path

import fsspec
import pytest

from fairseq_hebrew.stage.address import Address, expand_addresses
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import file_record, require_inputs, run_stage
from fairseq_hebrew.stage.options import _convert


@pytest.fixture
def memory():
    """fsspec's file system in memory, emptied afterwards."""
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


@pytest.fixture
def server(tmp_path):
    """A folder and the address it is served at."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: fsspec reads https:// with it")
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "given, remote, name",
    [
        ("a/b.txt", False, "b.txt"),
        ("/a/b c.jsonl.gz", False, "b c.jsonl.gz"),
        ("C:/a.txt", False, "a.txt"),
        ("a:b.txt", False, "a:b.txt"),
        ("file:///a/b.txt", False, "b.txt"),
        ("s3://bucket/a//b.parquet", True, "b.parquet"),
        ("hf://datasets/x/y@main/a.csv", True, "a.csv"),
        ("https://a.b/c/d.jsonl.gz?download=true#x", True, "d.jsonl.gz"),
        ("memory://a.txt", True, "a.txt"),
        ("zip://in/a.txt::s3://b/c.zip", True, "a.txt"),
        ("simplecache::s3://b/c.csv", True, ""),
    ],
)
def test_what_an_address_is(given, remote, name):
    address = Address(given)
    assert address == given.removeprefix("file://") and address.is_remote is remote
    if name:
        assert address.name == name
    assert Address(address) == address and isinstance(_convert(Address, given, "x"), Address)


def test_local_names_and_patterns(tmp_path):
    for name in ("b2.txt", "b10.txt", "b1.txt"):
        (tmp_path / name).write_text(name)
    wanted = [tmp_path / "b1.txt", tmp_path / "b10.txt", tmp_path / "b2.txt"]
    for given, base in [(tmp_path / "b*.txt", None), ("b*.txt", tmp_path), (f"file://{tmp_path}/b*.txt", None)]:
        assert [Path(found) for found in expand_addresses([given], base)] == wanted
    (address,) = expand_addresses([wanted[0]])
    assert address.size() == 6 and address.open().read() == b"b1.txt"
    assert file_record(address) == file_record(wanted[0])
    with pytest.raises(UserError, match="no file matches"):
        expand_addresses([tmp_path / "c*"])


def test_remote_patterns_are_looked_up_and_sorted(memory):
    for name in ("b2", "b10", "b1", "c"):
        memory.pipe(f"/x/{name}.txt", name.encode())
    found = expand_addresses(["memory://x/b*.txt", "memory://x/c.txt"], base=Path("/elsewhere"))
    assert [address.open().read() for address in found] == [b"b1", b"b10", b"b2", b"c"]
    assert all(address.is_remote for address in found)
    with pytest.raises(UserError, match=r"memory://x/d\*: no file matches"):
        expand_addresses(["memory://x/d*"])
    with pytest.raises(UserError, match="a pattern in a chain of addresses"):
        expand_addresses(["zip://*.txt::memory://x/a.zip"])


def test_inputs_that_are_none(memory):
    memory.pipe("/x/empty.txt", b"")
    memory.pipe("/x/a.txt", b"a")
    require_inputs([Address("memory://x/a.txt")])
    for given, said in [
        ("memory://x/none.txt", "no such file"),
        ("memory://x/empty.txt", "the file is empty"),
        ("memory://x", "is a folder"),
    ]:
        with pytest.raises(UserError, match=said) as error:
            require_inputs([Address(given)])
        assert given in str(error.value)
    with pytest.raises(UserError, match="s3:/bucket/a: an address is read by clean alone"):
        require_inputs([Path("s3://bucket/a")])


@pytest.mark.parametrize(
    "given, said",
    [
        ("nowhere://a/b.txt", "nowhere://a/b.txt: "),
        ("dropbox://a/b.txt", "no driver for dropbox:// is installed; install it with: "),
    ],
)
def test_a_driver_that_is_missing_is_one_line(given, said):
    for work in (Address.open, Address.size, Address.record):
        with pytest.raises(UserError) as error:
            work(Address(given))
        assert said in str(error.value) and "\n" not in str(error.value)


def test_the_command_that_installs_a_driver(monkeypatch):
    def none(address):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fairseq_hebrew.stage.address.file_system", none)
    with pytest.raises(
        UserError, match="s3://b/c: no driver for s3:// is installed; install it with: pip install s3fs"
    ):
        Address("s3://b/c").open()


def test_a_remote_input_that_changed_runs_the_stage_again(memory, tmp_path):
    address, runs = Address("memory://x/a.txt"), []

    def run():
        def work(outputs):
            runs.append(1)
            with outputs.open(tmp_path / "out.txt") as file:
                file.write(address.open().read())
            return [tmp_path / "out.txt"], {}

        return run_stage("copy", tmp_path / "out.txt", [address], {}, work)

    memory.pipe("/x/a.txt", b"one")
    (record,) = run()["inputs"]
    assert record["path"] == "memory://x/a.txt" and record["bytes"] == 3 and record["version"]
    run()
    assert len(runs) == 1
    memory.pipe("/x/a.txt", b"two")
    run()
    assert len(runs) == 2 and (tmp_path / "out.txt").read_bytes() == b"two"


def test_files_of_a_web_server(server, tmp_path):
    folder, root = server
    (folder / "a.txt").write_bytes(b"content of a file\n" * 1000)
    address = Address(f"{root}/a.txt")
    assert address.size() == 18_000
    with address.open() as file:
        assert file.read(7) == b"content" and file.read(4) == b" of "
    first = address.record()
    assert first == address.record()
    with pytest.raises(UserError, match="no such file"):
        Address(f"{root}/b.txt").open()
    with pytest.raises(UserError, match="no answer"):
        Address("http://127.0.0.1:9/a.txt").open()


def test_a_local_name_with_a_bracket_in_it_is_a_name(tmp_path):
    (tmp_path / "a[1].txt").write_text("x")
    assert expand_addresses(["a[1].txt"], base=tmp_path) == [str(tmp_path / "a[1].txt")]
