"""Downloading one file from a server that breaks off, changes its mind and lies."""

import hashlib
import json
import random
import shutil
from collections import deque

import pytest

from fairseq_hebrew.preprocess.fetching import download as module
from fairseq_hebrew.preprocess.fetching.download import RemoteFile, download
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.serving import serving


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(module, "BLOCK", 1000)
    monkeypatch.setattr(module, "TIMEOUT", 5.0)
    with serving() as served:
        yield served


CONTENT = random.Random(1).randbytes(50_000)
OTHER = random.Random(2).randbytes(50_000)


def sha1(content):
    return "sha1", hashlib.sha1(content).hexdigest()


def remote(server, **options):
    return RemoteFile("a.bin", f"{server.root}/a.bin", **options)


def ranges(server):
    return [asked for method, _, asked in server.asked if method == "GET"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_file(server, tmp_path):
    server.put("/a.bin", CONTENT)
    for checksum in (None, sha1(CONTENT), ("sha256", hashlib.sha256(CONTENT).hexdigest().upper())):
        made = download(remote(server, bytes=len(CONTENT), checksum=checksum), tmp_path / "new" / "folder")
        path = tmp_path / "new" / "folder" / "a.bin"
        assert path.read_bytes() == CONTENT and names(path.parent) == ["a.bin"]
        assert made["bytes"] == len(CONTENT) and made["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_connection_that_drops_is_taken_up_where_it_broke(server, tmp_path, capsys):
    server.put("/a.bin", CONTENT, first=deque([1, 20_000, 0, 0, 7]))
    download(remote(server, checksum=sha1(CONTENT)), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=1-", *["bytes=20001-"] * 3, "bytes=20008-"]
    assert "the connection ended after 1 of 50,000 bytes; trying again" in capsys.readouterr().err


def test_passing_refusals_are_waited_out(server, tmp_path):
    server.put("/a.bin", CONTENT, first=deque([("status", 503), ("status", 429), 10_000, ("status", 500)]))
    download(remote(server), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("mark", ["etag", "modified", "checksum"])
def test_a_killed_run_is_continued_by_the_next(server, tmp_path, monkeypatch, mark):
    state = {"etag": None, "modified": None}
    if mark != "checksum":
        state[mark] = '"one"' if mark == "etag" else "Tue, 01 Sep 2026 10:00:00 GMT"
    file = remote(server, checksum=sha1(CONTENT) if mark == "checksum" else None)
    monkeypatch.setattr(module, "TRIES", 1)
    server.put("/a.bin", CONTENT, first=deque([30_000]), **state)
    with pytest.raises(UserError, match=r"tried 1 times in vain, run again to go on from there"):
        download(file, tmp_path)
    assert names(tmp_path) == [".a.bin.part", ".a.bin.part.json"]
    download(file, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT and ranges(server) == [None, "bytes=30000-"]
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_halves_that_may_not_belong_together_are_not_joined(server, tmp_path, etag):
    server.put("/a.bin", CONTENT, first=deque([30_000]), etag=etag)
    download(remote(server), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT and ranges(server) == [None, None]


@pytest.mark.parametrize("length", [50_000, 20_000, 30_000, 90_000])
def test_a_file_that_changed_between_tries_is_fetched_anew(server, tmp_path, monkeypatch, length):
    monkeypatch.setattr(module, "TRIES", 1)
    server.put("/a.bin", CONTENT, first=deque([30_000]))
    with pytest.raises(UserError):
        download(remote(server), tmp_path)
    monkeypatch.setattr(module, "TRIES", 3)
    other = (OTHER * 2)[:length]
    server.put("/a.bin", other)
    download(remote(server), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == other


def test_another_address_or_checksum_begins_anew(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TRIES", 1)
    server.put("/a.bin", CONTENT, first=deque([30_000]), etag='"same"')
    with pytest.raises(UserError):
        download(remote(server, checksum=sha1(CONTENT)), tmp_path)
    server.put("/b.bin", OTHER, etag='"same"')
    download(RemoteFile("a.bin", f"{server.root}/b.bin", checksum=sha1(OTHER)), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == OTHER


def test_a_server_without_ranges(server, tmp_path, capsys):
    server.put("/a.bin", CONTENT, first=deque([30_000, 40_000]), ranges=False)
    download(remote(server, checksum=sha1(CONTENT)), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_file_that_was_whole_when_the_run_was_killed(server, tmp_path):
    file = remote(server, checksum=sha1(CONTENT))
    server.put("/a.bin", CONTENT)
    (tmp_path / ".a.bin.part").write_bytes(CONTENT)
    note = {"url": file.url, "checksum": list(file.checksum), "etag": server.files["/a.bin"].etag}
    (tmp_path / ".a.bin.part.json").write_text(json.dumps(note))
    download(file, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT and ranges(server) == ["bytes=50000-"]


@pytest.mark.parametrize("note", ["", "{", "[]", "null", '{"url": 5}'])
def test_a_note_that_was_cut_off_begins_anew(server, tmp_path, note):
    server.put("/a.bin", CONTENT)
    (tmp_path / ".a.bin.part").write_bytes(OTHER[:100])
    (tmp_path / ".a.bin.part.json").write_text(note)
    download(remote(server, checksum=sha1(CONTENT)), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_that_claims_more_than_it_has(server, tmp_path):
    server.put("/a.bin", CONTENT, extra=100, ranges=False)
    with pytest.raises(UserError, match=r"ended after 50,000 of 50,100 bytes; tried 6 times in vain"):
        download(remote(server), tmp_path)
    assert "a.bin" not in names(tmp_path)
    server.put("/a.bin", CONTENT, extra=100)
    download(remote(server), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT, "asked for the rest, it says that there is none"


def test_a_length_that_is_not_the_published_one(server, tmp_path):
    server.put("/a.bin", CONTENT)
    with pytest.raises(UserError, match="has 50,000 bytes where 50,001 are published"):
        download(remote(server, bytes=50_001), tmp_path)
    assert names(tmp_path) == []


def test_no_length_at_all(server, tmp_path):
    server.put("/a.bin", CONTENT, sends_length=False)
    download(remote(server), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    server.put("/a.bin", CONTENT, sends_length=False, first=deque([100, 200]), etag=None)
    download(remote(server, bytes=50_000), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    server.put("/a.bin", OTHER)
    said = rf"its sha1 is {sha1(OTHER)[1]}, published is {sha1(CONTENT)[1]}; what was fetched is thrown away"
    with pytest.raises(UserError, match=said):
        download(remote(server, checksum=sha1(CONTENT)), tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("code, said", [(404, "answers 404"), (401, "it wants a login"), (403, "it wants a login")])
def test_a_refusal_is_told_at_once(server, tmp_path, code, said):
    server.put("/a.bin", CONTENT, first=deque([("status", code)] * 9))
    with pytest.raises(UserError, match=said):
        download(remote(server), tmp_path)
    assert len(server.asked) == 1 and names(tmp_path) == []


def test_a_server_that_is_not_there(server, tmp_path):
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9/a: .*refused.*; tried 6 times in vain"):
        download(RemoteFile("a", "http://127.0.0.1:9/a"), tmp_path)
    with pytest.raises(UserError, match="is no web address"):
        download(RemoteFile("a", "nowhere"), tmp_path)


def test_a_disk_too_small_is_told_before_anything_is_fetched(server, tmp_path, monkeypatch):
    server.put("/a.bin", CONTENT)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=49_999))
    with pytest.raises(UserError, match="50,000 more bytes are needed, 49,999 are free"):
        download(remote(server), tmp_path)
    assert names(tmp_path) == []


def test_a_folder_or_a_file_in_the_way(server, tmp_path):
    server.put("/a.bin", CONTENT)
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(UserError, match="a folder stands where the file should be"):
        download(remote(server), tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="a file stands where the output folder should be"):
        download(remote(server), tmp_path / "file")
