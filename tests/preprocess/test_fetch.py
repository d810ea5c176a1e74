"""`fetch`: the licence first, then the files of a corpus as its server lists them."""

import hashlib
import json
import os
import pty
import random
import subprocess
import sys
import time

import pytest

from fairseq_hebrew.preprocess.fetch import fetch
from fairseq_hebrew.preprocess.fetching import download as download_module
from fairseq_hebrew.preprocess.fetching.public_sources import SOURCES
from fairseq_hebrew.stage.errors import UsageError, UserError
from tests.preprocess.serving import serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DUMP = "hewiki-20260101-pages-articles-multistream.xml.bz2"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download_module, "FIRST_WAIT", 0.001)
    with serving() as served:
        yield served


@pytest.fixture
def wikimedia(server):
    """A mirror of the dumps with one of January."""
    content = b"BZh91AY&SY" * 1000
    digest = hashlib.sha1(content).hexdigest()
    sums = f"{'0' * 40}  hewiki-20260101-pages-articles-multistream-index.txt.bz2\n{digest}  {DUMP}\n"
    server.put(f"/hewiki/20260101/{DUMP}", content)
    for snapshot in ("latest", "20260101"):
        server.put(f"/hewiki/{snapshot}/hewiki-{snapshot}-sha1sums.txt", sums.encode())
    server.content = content
    return server


@pytest.fixture
def hub(server):
    """A mirror of the Hub with wikimedia/wikipedia, its list in two pages."""
    folder = f"/api/datasets/wikimedia/wikipedia/tree/{COMMIT}/20231101.he"
    files = {f"train-0000{n}-of-00003.parquet": f"PAR1 {n}".encode() * 100 for n in (2, 0, 1)}
    entries = [{"type": "directory", "path": "20231101.he/x.parquet", "oid": "1"}]
    entries += [{"type": "file", "path": "20231101.he/README.md", "oid": "2", "size": 7}]
    for name, content in files.items():
        large = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        entry = {"type": "file", "path": f"20231101.he/{name}", "oid": "3", "size": len(content), "lfs": large}
        entries.append(entry)
        server.put(f"/datasets/wikimedia/wikipedia/resolve/{COMMIT}/20231101.he/{name}", content)
    server.put("/api/datasets/wikimedia/wikipedia/revision/main", json.dumps({"sha": COMMIT}).encode())
    link = f'<{server.root}{folder}?cursor=x>; rel="next"'
    server.put(folder, json.dumps(entries[:3]).encode(), headers={"Link": link})
    server.put(f"{folder}?cursor=x", json.dumps(entries[3:]).encode())
    server.contents = files
    return server


def test_a_dump_by_its_list_of_checksums(wikimedia, tmp_path, capsys):
    for snapshot in ("latest", "20260101"):
        (path,) = fetch("wikipedia", tmp_path / snapshot, True, wikimedia.root, snapshot)
        assert path.name == DUMP and path.read_bytes() == wikimedia.content
    told = capsys.readouterr().err
    assert "licence: CC BY-SA 4.0 and GFDL" in told and f"from:    {wikimedia.root}/hewiki/20260101/{DUMP}" in told
    assert "size:    0.0 MB in 1 file" in told and "(sha1 as published)" in told
    assert told.index("licence") < told.index("done")
    manifest = json.loads((tmp_path / "latest" / f"{DUMP}.manifest.json").read_text())
    assert manifest["source"] == "wikipedia" and manifest["licence"] == SOURCES["wikipedia"].licence
    assert manifest["outputs"][0]["sha256"] == hashlib.sha256(wikimedia.content).hexdigest()


def test_what_is_there_and_whole_is_skipped(wikimedia, tmp_path, capsys):
    (path,) = fetch("wikipedia", tmp_path, True, wikimedia.root)
    fetch("wikipedia", tmp_path, True, wikimedia.root)
    address = f"/hewiki/20260101/{DUMP}"
    assert wikimedia.counts()["GET", address] == 1 and "up to date, skipped" in capsys.readouterr().err
    path.write_bytes(b"damage")
    fetch("wikipedia", tmp_path, True, wikimedia.root)
    assert wikimedia.counts()["GET", address] == 2 and path.read_bytes() == wikimedia.content


@pytest.mark.parametrize(
    "snapshot, said",
    [
        ("20250101", r"hewiki-20250101-sha1sums\.txt: the server answers 404"),
        ("yesterday", "a dump is named by its day"),
        ("../../x", "a dump is named by its day"),
    ],
)
def test_a_day_without_a_dump(wikimedia, tmp_path, snapshot, said):
    with pytest.raises(UserError, match=said):
        fetch("wikipedia", tmp_path, True, wikimedia.root, snapshot)


def test_a_dump_that_is_not_finished(wikimedia, tmp_path):
    wikimedia.put("/hewiki/latest/hewiki-latest-sha1sums.txt", b"")
    with pytest.raises(UserError, match="the dump is not finished yet; say --snapshot"):
        fetch("wikipedia", tmp_path, True, wikimedia.root)


def test_the_files_of_a_data_set_at_one_commit(hub, tmp_path, capsys):
    made = fetch("wikipedia-parquet", tmp_path, True, f"{hub.root}/")
    assert [path.name for path in made] == sorted(hub.contents)
    assert {path.name: path.read_bytes() for path in made} == hub.contents
    assert "size:    0.0 MB in 3 files" in capsys.readouterr().err
    (path,) = fetch("wikipedia-parquet", tmp_path / "one", True, hub.root, only=["*-00001-of-*"])
    assert path.name == "train-00001-of-00003.parquet"
    with pytest.raises(UserError, match=r"--only b\*: fits none of the files \(train-00000-of-00003.parquet, "):
        fetch("wikipedia-parquet", tmp_path, True, hub.root, only=["b*"])


def test_a_file_that_is_not_what_the_list_says(hub, tmp_path):
    name = "train-00000-of-00003.parquet"
    address = f"/datasets/wikimedia/wikipedia/resolve/{COMMIT}/20231101.he/{name}"
    hub.put(address, b"PAR1 x" * 100)
    with pytest.raises(UserError, match="its sha256 is"):
        fetch("wikipedia-parquet", tmp_path, True, hub.root)
    assert list(tmp_path.iterdir()) == []
    hub.put(address, b"PAR1")
    with pytest.raises(UserError, match="has 4 bytes where 600 are published"):
        fetch("wikipedia-parquet", tmp_path, True, hub.root)


@pytest.mark.parametrize(
    "path, answer, said",
    [
        ("revision/main", b"<html>", "does not answer as the Hub does; check --base-url"),
        ("revision/main", b"[]", "has no commit main"),
        ("revision/main", b"\xff", "what the server sends is no text"),
        (f"tree/{COMMIT}/20231101.he", b"[]", "holds no data file"),
        (f"tree/{COMMIT}/20231101.he", b"{}", "holds no data file"),
    ],
)
def test_a_server_that_is_no_hub(hub, tmp_path, path, answer, said):
    hub.put(f"/api/datasets/wikimedia/wikipedia/{path}", answer)
    with pytest.raises(UserError, match=said):
        fetch("wikipedia-parquet", tmp_path, True, hub.root)


def test_one_file_without_a_checksum(server, tmp_path, capsys):
    server.put("/he.txt.xz", b"\xfd7zXZ")
    (path,) = fetch("cc100", tmp_path, True, server.root)
    assert path.read_bytes() == b"\xfd7zXZ" and "no checksum is published" in capsys.readouterr().err
    with pytest.raises(UserError, match="this corpus has no snapshots"):
        fetch("cc100", tmp_path, True, server.root, "20260101")


def test_nothing_is_downloaded_before_the_licence_is_accepted(wikimedia, tmp_path):
    with pytest.raises(UsageError, match="say --accept-licence once you have read the licence"):
        fetch("wikipedia", tmp_path, base_url=wikimedia.root)
    assert ("GET", f"/hewiki/20260101/{DUMP}") not in wikimedia.counts()


@pytest.mark.parametrize("answer, fetched", [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False)])
def test_the_question_on_a_terminal(wikimedia, tmp_path, answer, fetched):
    command = [sys.executable, "-m", "fairseq_hebrew.cli", "fetch", "wikipedia"]
    command += ["--output", str(tmp_path / "o"), "--base-url", wikimedia.root]
    outer, inner = pty.openpty()
    with subprocess.Popen(command, stdin=inner, stderr=inner, stdout=subprocess.DEVNULL) as process:
        os.close(inner)
        os.write(outer, answer.encode())
        told = b""
        while True:
            try:
                block = os.read(outer, 10_000)
            except OSError:  # the other side was closed
                break
            if not block:
                break
            told += block
        assert process.wait(60) == (0 if fetched else 1)
    os.close(outer)
    assert b"licence: CC BY-SA 4.0" in told and b"do you accept it? [y/N]" in told
    assert (tmp_path / "o" / DUMP).exists() is fetched
    assert fetched or b"the licence was not accepted" in told


def test_the_command(wikimedia, tmp_path, command, refused):
    options = ["--output", tmp_path / "o", "--base-url", wikimedia.root]
    done = command("fetch", "wikipedia", *options, "--accept-licence")
    assert done.returncode == 0 and done.stdout == "", done.stderr
    assert "say --accept-licence" in refused("fetch", "wikipedia", *options, status=2)
    assert "give the NAME of a corpus and --output FOLDER" in refused("fetch", "wikipedia", status=2)
    assert command("fetch", "nothing", *options).returncode == 2


def test_the_list_names_every_corpus_with_its_licence(command):
    done = command("fetch", "--list")
    assert done.returncode == 0 and done.stderr == ""
    for name, source in SOURCES.items():
        assert f"{name}\n  {source.title}\n  licence: {source.licence} ({source.page})" in done.stdout
        assert source.base.startswith("https://") and source.page.startswith("https://")


def test_killed_at_any_moment_the_next_run_ends_whole(server, tmp_path):
    content = random.Random(1).randbytes(5_000_000)
    server.put("/he.txt.xz", content, pause=0.005)
    arguments = ["fetch", "cc100", "--output", str(tmp_path), "--base-url", server.root, "--accept-licence"]
    command = [sys.executable, "-m", "fairseq_hebrew.cli", *arguments]
    partial = tmp_path / ".he.txt.xz.part"
    for size in (1, 1_000_000, 2_500_000):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not (partial.exists() and partial.stat().st_size >= size):
                time.sleep(0.002)
            process.kill()
        assert not (tmp_path / "he.txt.xz").exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "he.txt.xz").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["he.txt.xz", "he.txt.xz.manifest.json"]
    resumed = [int(asked[len("bytes=") : -1]) for _, _, asked in server.asked if asked]
    assert len(resumed) >= 2 and resumed[-1] >= 2_500_000, "what was there was not fetched again"
