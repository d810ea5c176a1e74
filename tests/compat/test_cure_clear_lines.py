"""Errors with a clear line are printed as that line by fairseq's commands, and by nobody else."""

import errno
import os
import shutil

import pytest
import torch

from fairseq_hebrew_compat import ClearLineError, clear_line


def error_lines(done):
    """What a command that failed on a clear line must have said: that one line on stderr, and no traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def cut(trained, tmp_path):
    """A folder whose checkpoint_last.pt was cut short, as a full disk or a killed copy leaves it."""
    path = shutil.copy(trained, tmp_path / "checkpoint_last.pt")
    os.truncate(path, os.path.getsize(path) // 2)
    return path


def test_resume_from_a_truncated_checkpoint(run, cut, corpus, stock_arguments):
    more = ["--max-update", 4, "--save-dir", cut.parent]
    line = error_lines(run("fairseq-train", corpus, *stock_arguments, *more, cwd=cut.parent))
    assert line.startswith(f"error: {cut}: the checkpoint is truncated") and "give another checkpoint" in line


@pytest.mark.parametrize("option", ["--restore-file", "--finetune-from-model"])
def test_start_from_a_truncated_checkpoint(run, cut, corpus, stock_arguments, option):
    other = cut.rename(cut.with_name("other.pt"))
    more = ["--max-update", 4, "--save-dir", other.parent, option, other]
    line = error_lines(run("fairseq-train", corpus, *stock_arguments, *more, cwd=other.parent))
    assert line.startswith(f"error: {other}: the checkpoint is truncated")


def test_validate_a_file_that_is_no_checkpoint(run, tmp_path, corpus):
    (tmp_path / "page.html").write_text("<html></html>")
    line = error_lines(
        run("fairseq-validate", corpus, "--task=masked_lm", "--path=page.html", "--batch-size=8", "--cpu", cwd=tmp_path)
    )
    assert line.startswith("error: page.html: not a checkpoint (13 bytes); ")


def test_hydra_train_with_a_truncated_checkpoint(run, cut, corpus):
    line = error_lines(
        run(
            *("fairseq-hydra-train", "task=language_modeling", f"task.data={corpus}", "task.tokens_per_sample=32"),
            *("criterion=cross_entropy", "optimizer=adam", "lr_scheduler=fixed", "common.cpu=true"),
            *("model=transformer_lm", "model.decoder_layers=1", "dataset.batch_size=8", "optimization.lr=[0.001]"),
            *(f"checkpoint.save_dir={cut.parent}", f"hydra.run.dir={cut.parent / 'run'}"),
            cwd=cut.parent,
        )
    )
    assert line.startswith(f"error: {cut}: the checkpoint is truncated")


@pytest.mark.parametrize(
    ("save_dir", "problem"),
    [("file/below", "Not a directory"), ("file", "Not a directory"), ("/proc/nodir", "No such file or directory")],
)
def test_a_save_dir_that_cannot_be(run, corpus, stock_arguments, tmp_path, save_dir, problem):
    (tmp_path / "file").touch()
    line = error_lines(run("fairseq-train", corpus, *stock_arguments, "--save-dir", save_dir, cwd=tmp_path))
    assert line.startswith(f"error: {save_dir}")
    assert line.endswith(f": {problem}; check the path and its permissions")


def test_only_an_error_that_names_a_path_gets_a_line_of_it():
    line = clear_line.path_line_of(PermissionError(errno.EACCES, "Permission denied", b"/a\nb"))
    assert line == "/a b: Permission denied; check the path and its permissions"
    assert clear_line.path_line_of(OSError(errno.EXDEV, "Cross-device link", "a", None, "b")).startswith("a -> b: ")
    assert clear_line.path_line_of(OSError(errno.EDQUOT, "Quota", "a")).endswith(
        "; free some there, or write to another disk"
    )
    for other in (OSError("text"), OSError(errno.EIO, "Input/output error"), OSError(errno.EIO, "x", 3), KeyError("a")):
        assert clear_line.path_line_of(other) is None
    try:
        raise ValueError("about something else") from FileNotFoundError(errno.ENOENT, "No such file", "a")
    except ValueError as error:
        assert clear_line.path_line_of(error) is None


SCRIPT = """
import sys
import torch, fairseq_cli
import fairseq_hebrew_compat as compat
class Mine(Exception):
    clear_line = True
compat.show_tracebacks(sys.argv[1] == "shown")
try:
    raise Mine("a.txt:3: no such label;\\nuse one of labels.txt")
except Mine as error:
    raise RuntimeError("while loading") from error
"""


def test_anywhere_in_the_chain_on_one_line(python, tmp_path):
    line = error_lines(python(SCRIPT, "hidden", cwd=tmp_path))
    assert line == "error: a.txt:3: no such label; use one of labels.txt"


def test_tracebacks_on_request(python, tmp_path):
    done = python(SCRIPT, "shown", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" in done.stderr and "RuntimeError: while loading" in done.stderr


@pytest.mark.parametrize("code", ["import torch, fairseq_cli\n1 / 0", "import torch\nimport fairseq_cli.train\n1 / 0"])
def test_other_errors_keep_their_traceback(python, tmp_path, code):
    done = python(code, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" in done.stderr and "ZeroDivisionError" in done.stderr


class Failing(torch.utils.data.Dataset):
    """A dataset whose every sentence is a user's error."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise ClearLineError("a.txt:7: a sentence of no words; delete the line")


def test_from_a_worker_of_a_data_loader():
    with pytest.raises(ClearLineError) as caught:
        next(iter(torch.utils.data.DataLoader(Failing(), num_workers=1)))
    assert clear_line.clear_line_of(caught.value) == "a.txt:7: a sentence of no words; delete the line"


def test_lines_are_found_and_circles_survived():
    assert clear_line.clear_line_of(ValueError("x")) is None
    assert clear_line.clear_line_of(None) is None
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert clear_line.clear_line_of(first) is None
    second.clear_line = True
    assert clear_line.clear_line_of(first) == "b"
