"""Outputs appear whole or not at all."""

import errno
import hashlib
import os

import numpy as np
import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs, partial_name, scratch_folder, write_text


def test_files_appear_together_at_the_end(tmp_path):
    finals = [tmp_path / "new" / "a", tmp_path / "new" / "b"]
    with Outputs() as outputs:
        for final in finals:
            with outputs.open(final) as file:
                file.write(b"x")
            assert partial_name(final).exists() and not final.exists()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a", "b"]


def test_an_error_leaves_the_old_file_and_no_new_one(tmp_path):
    old = tmp_path / "a"
    old.write_bytes(b"old")
    with pytest.raises(RuntimeError), Outputs() as outputs:
        with outputs.open(old) as file:
            file.write(b"half")
        with outputs.open(tmp_path / "b") as file:
            file.write(b"half")
            raise RuntimeError
    assert old.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_reported_with_the_name_of_the_output(tmp_path):
    with pytest.raises(OSError) as error, Outputs() as outputs, outputs.open(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_being_killed_between_two_renames_mixes_no_two_runs(tmp_path, monkeypatch):
    finals = [tmp_path / name for name in ("x.bin", "x.idx", "dict")]

    def write(content):
        with Outputs() as outputs:
            for final in finals:
                with outputs.open(final) as file:
                    file.write(content)

    write(b"first")
    renamed = []

    def replace(source, target):
        if renamed:
            raise KeyboardInterrupt
        renamed.append(target)
        source.rename(target)

    monkeypatch.setattr("fairseq_hebrew.stage.output.os.replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write(b"second")
    assert {path.read_bytes() for path in finals if path.exists()} == {b"second"}


def test_an_input_is_never_overwritten(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("precious")
    (tmp_path / "same.txt").symlink_to(path)
    with pytest.raises(UserError, match="is also an input"), Outputs([tmp_path / "same.txt"]) as outputs:
        outputs.path(path)
    assert path.read_text() == "precious"


def test_folders_and_files_in_the_wrong_place(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="a folder stands where the output file"), Outputs() as outputs:
        outputs.path(tmp_path / "folder")
    with pytest.raises(UserError, match="a file stands where the output folder"), Outputs() as outputs:
        outputs.path(tmp_path / "file" / "a")
    with pytest.raises(UserError, match="a file stands where the output folder"), Outputs() as outputs:
        outputs.path(tmp_path / "file" / "deeper" / "a")


def test_scratch_is_emptied_first_and_removed_last(tmp_path):
    left = tmp_path / ".out.scratch"
    left.mkdir()
    (left / "old").touch()
    with pytest.raises(RuntimeError), scratch_folder(tmp_path / "out") as folder:
        assert folder == left and not list(folder.iterdir())
        (folder / "new").touch()
        raise RuntimeError
    assert not left.exists()


def test_write_text(tmp_path):
    write_text(tmp_path / "a" / "b", "שלום")
    assert (tmp_path / "a" / "b").read_text(encoding="utf-8") == "שלום"


def test_what_is_written_in_order_is_hashed_on_the_way(tmp_path):
    with Outputs() as outputs:
        with outputs.open(tmp_path / "a") as file:
            for part in (b"x" * 7, bytearray(b"y" * 700_000), memoryview(np.arange(1000)), b""):
                file.write(part)
            assert file.tell() == 7 + 700_000 + 8000
        assert outputs.digest(tmp_path / "b") is None
    written = (tmp_path / "a").read_bytes()
    assert written == b"x" * 7 + b"y" * 700_000 + np.arange(1000).tobytes()
    assert outputs.digest(tmp_path / "a") == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize(
    "way",
    [
        lambda file: file.seek(1) and file.write(b"x"),
        lambda file: file.truncate(2),
        lambda file: np.arange(9).tofile(file),
        lambda file: file.flush() or os.write(file.fileno(), b"y"),
    ],
)
def test_what_is_written_in_another_way_has_to_be_read(tmp_path, way):
    with Outputs() as outputs, outputs.open(tmp_path / "a") as file:
        file.write(b"abc")
        way(file)
    assert outputs.digest(tmp_path / "a") is None
    assert (tmp_path / "a").read_bytes() != b"abc"
