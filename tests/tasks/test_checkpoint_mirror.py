"""The copying of checkpoints beside training: newest first and whole, one set at a time, and never the run's end."""

import logging
import os
import threading

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.remote_folder import RemoteFolder
from fairseq_hebrew.tasks.checkpoint_mirror import CheckpointMirror, Keeps, newest_first


class Recorder(RemoteFolder):
    """Writes down what is done; holds or fails a put where it is told to."""

    def __init__(self, address):
        super().__init__(address)
        self.calls = []
        self.fails = 0
        self.holds = None

    def put(self, path, name):
        if self.holds:
            self.holds.wait()
        if self.fails:
            self.fails -= 1
            raise UserError("the line is cut; mend it")
        self.calls.append(("put", name, path.read_text()))
        super().put(path, name)

    def copy(self, name, other):
        self.calls.append(("copy", name, other))
        super().copy(name, other)


@pytest.fixture
def there(tmp_path):
    return Recorder(f"file://{tmp_path}/far")


@pytest.fixture
def run(tmp_path):
    """The run's folder, and `save(content, name...)`, which writes checkpoints as fairseq does: by renaming."""
    folder = tmp_path / "run"
    folder.mkdir()

    def save(content, *names):
        for name in names:
            (folder / "new").write_text(content)
            os.replace(folder / "new", folder / f"checkpoint{name}.pt")

    return folder, save


def contents(there):
    return {name: open(f"{there.address}/{name}").read() for name in there.sizes()}


def test_a_set_is_copied_the_last_one_first_and_no_byte_twice(run, there):
    folder, save = run
    save("at 2", "_1_2", "_best", "_last")
    (folder / "train.log").write_text("log")
    (folder / "checkpoint_3_4.pt.tmp").write_text("unfinished")
    mirror = CheckpointMirror(folder, there)
    mirror.offer()
    mirror.finish()
    assert [call[:2] for call in there.calls] == [("put", "checkpoint_last.pt"), *[("copy", "checkpoint_last.pt")] * 2]
    assert contents(there) == dict.fromkeys(["checkpoint_1_2.pt", "checkpoint_best.pt", "checkpoint_last.pt"], "at 2")
    save("at 4", "_1_4", "_last")
    there.calls.clear()
    mirror.offer()
    mirror.finish()
    assert there.calls == [("put", "checkpoint_last.pt", "at 4"), ("copy", "checkpoint_last.pt", "checkpoint_1_4.pt")]
    assert not (folder / ".mirror").exists()


def test_what_was_copied_is_not_copied_again_by_a_run_that_goes_on(run, there):
    folder, save = run
    save("at 2", "_1_2", "_last")
    for _ in range(2):
        mirror = CheckpointMirror(folder, there)
        mirror.offer()
        mirror.finish()
    assert len(there.calls) == 2
    there.remove("checkpoint_1_2.pt")
    mirror.offer()
    mirror.finish()
    assert there.calls[2:] == [("put", "checkpoint_1_2.pt", "at 2")]
    other = Recorder(f"{there.address}2")
    mirror = CheckpointMirror(folder, other)
    mirror.offer()
    mirror.finish()
    assert "checkpoint_last.pt" in contents(other), "the record of another place was believed"


def test_the_newest_set_wins_and_is_copied_as_it_was(run, there):
    """While a set is on its way, later ones take each other's place; what fairseq removes is still copied."""
    folder, save = run
    mirror = CheckpointMirror(folder, there)
    there.holds = threading.Event()
    for update in (2, 4, 6):
        save(f"at {update}", f"_1_{update}", "_last")
        mirror.offer()
    (folder / "checkpoint_1_2.pt").unlink()
    there.holds.set()
    mirror.finish()
    puts = [call[1:] for call in there.calls if call[0] == "put"]
    assert puts[0] == ("checkpoint_last.pt", "at 2")
    assert ("checkpoint_last.pt", "at 4") not in puts and ("checkpoint_last.pt", "at 6") in puts
    mirror.offer()
    mirror.finish()
    assert contents(there) == {"checkpoint_1_4.pt": "at 4", "checkpoint_1_6.pt": "at 6", "checkpoint_last.pt": "at 6"}


def test_what_was_removed_here_is_removed_there(run, there, tmp_path):
    folder, save = run
    (tmp_path / "far").mkdir()
    for name in ("checkpoint_1_2.pt", "checkpoint_best.pt", "checkpoint_1_4.pt.part", "notes.txt"):
        (tmp_path / "far" / name).write_text("of the machine before")
    mirror = CheckpointMirror(folder, there)
    for update in (6, 8):
        save(f"at {update}", f"_2_{update}", "_last")
    mirror.offer()
    mirror.finish()
    kept = {"checkpoint_1_2.pt", "checkpoint_best.pt", "notes.txt", "checkpoint_2_8.pt", "checkpoint_last.pt"}
    assert set(contents(there)) == kept | {"checkpoint_2_6.pt"}, "an unfinished part is somebody's, or all is kept"
    (folder / "checkpoint_2_6.pt").unlink()
    mirror = CheckpointMirror(folder, there)  # of a process that goes on: it knows what the one before had copied
    mirror.offer()
    mirror.finish()
    assert set(contents(there)) == kept


def test_what_the_machines_before_had_is_kept_as_fairseq_would(run, there, tmp_path):
    """A new machine has the last one alone: fairseq never sees the numbered ones that it would remove."""
    folder, save = run
    (tmp_path / "far").mkdir()
    for name in ("_1_2", "_1_4", "_1_5", "_1_6", "1", "2", "3", "_best"):
        (tmp_path / "far" / f"checkpoint{name}.pt").write_text("of the machine before")
    save("at 7", "_1_7", "_last")
    mirror = CheckpointMirror(folder, there, keeps=Keeps(updates=2, epochs=1, pattern=4))
    mirror.offer()
    mirror.finish()
    kept = {f"checkpoint{name}.pt" for name in ("_1_4", "_1_6", "_1_7", "3", "_best", "_last")}
    assert set(contents(there)) == kept, "of 4 updates is one that stays"


def test_failures_are_warnings_and_the_next_offer_tries_again(run, there, caplog):
    caplog.set_level(logging.INFO)
    folder, save = run
    save("at 2", "_1_2", "_last")
    mirror = CheckpointMirror(folder, there)
    there.fails = 1
    mirror.offer()
    with mirror._changed:
        mirror._changed.wait_for(lambda: not mirror._busy)
    assert contents(there) == {}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["the checkpoints are not copied: the line is cut; mend it; tried again with the next one"]
    save("at 4", "_1_4", "_last")
    mirror.offer()
    mirror.finish()
    assert contents(there) == {"checkpoint_1_2.pt": "at 2", "checkpoint_1_4.pt": "at 4", "checkpoint_last.pt": "at 4"}


@pytest.mark.parametrize("fails, there_in_the_end", [(1, True), (2, False)])
def test_at_the_end_it_is_tried_once_more(fails, there_in_the_end, run, there, caplog):
    folder, save = run
    save("at 2", "_last")
    mirror = CheckpointMirror(folder, there)
    there.fails = fails
    mirror.offer()
    mirror.finish()
    assert ("checkpoint_last.pt" in contents(there)) == there_in_the_end
    assert any("does not have the last checkpoints" in message for message in caplog.messages) != there_in_the_end


def test_a_folder_in_which_nothing_can_be_linked(run, there, caplog, monkeypatch):
    folder, save = run
    save("at 2", "_last")
    mirror = CheckpointMirror(folder, there)
    (folder / ".mirror").write_text("a file in the way")
    mirror.offer()
    assert "the checkpoints are not copied" in caplog.text
    (folder / ".mirror").unlink()

    def no_links(*names):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    mirror.offer()
    mirror.finish()
    assert contents(there) == {"checkpoint_last.pt": "at 2"}


def test_each_of_several_processes_copies_its_own(run, there):
    folder, save = run
    save("0", "_last-shard0", "_1_2-shard0")
    save("1", "_last-shard1")
    mirror = CheckpointMirror(folder, there, "-shard0")
    mirror.offer()
    mirror.finish()
    assert set(contents(there)) == {"checkpoint_last-shard0.pt", "checkpoint_1_2-shard0.pt"}


def test_a_place_that_cannot_be_written_is_told_at_once(run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be"):
        CheckpointMirror(run[0], RemoteFolder(f"{tmp_path}/file/far")).check()


def test_which_is_the_newest():
    names = ["checkpoint_best.pt", "checkpoint2.pt", "checkpoint_2_9.pt", "checkpoint10.pt", "checkpoint_1_10.pt"]
    names += ["checkpoint_last.pt", "checkpoint.best_loss_2.3.pt", "checkpoint_previous.pt", "checkpoint_last.pt.part"]
    expected = ["checkpoint_last.pt", "checkpoint_1_10.pt", "checkpoint_2_9.pt", "checkpoint10.pt", "checkpoint2.pt"]
    assert newest_first(names)[:5] == expected
    assert set(newest_first(names)[5:]) == {"checkpoint_best.pt", "checkpoint.best_loss_2.3.pt"}
    assert newest_first([*names, "checkpoint_last-shard1.pt"], "-shard1") == ["checkpoint_last-shard1.pt"]
