"""The plugin under fairseq-train, from a wheel and from an editable install, inside the clone and outside of it."""

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TASK = "hebrew_masked_lm"
ARCH = "hallelubert_tiny"
LEFT_OUT = shutil.ignore_patterns(
    *(".venv", ".git", "*.egg-info", "__pycache__", ".pytest_cache", ".ruff_cache", "build", "tests", "benchmarks")
)
WHERE = "import fairseq_hebrew, fairseq_hebrew_compat; print(fairseq_hebrew.__file__, fairseq_hebrew_compat.__file__)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, run_any):
    """A clone of the project, and an environment where the wheel built of it is installed.

    The environment sees the packages of this one through a .pth file that names their folder: Python reads no .pth
    file of that folder then, so the editable install in it stays out of sight.
    """
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    shutil.copytree(ROOT, clone, ignore=LEFT_OUT)
    steps = [
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, clone],
        [sys.executable, "-m", "venv", "--without-pip", folder / "env"],
    ]
    for step in steps:
        done = run_any(step, cwd=folder)
        assert done.returncode == 0, done.stderr
    python = folder / "env" / "bin" / "python"
    site = next((folder / "env" / "lib").glob("python*/site-packages"))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    built = next(folder.glob("*.whl"))
    install = [sys.executable, "-m", "pip", "-q", "--python", python, "install", "--no-deps", "--no-index", built]
    done = run_any(install, cwd=folder)
    assert done.returncode == 0, done.stderr
    return python, clone, site


@pytest.fixture(params=["wheel", "editable"])
def install(request):
    """How the plugin is installed: the interpreter, the clone, and where its packages must come from outside it."""
    if request.param == "editable":
        return Path(sys.executable), ROOT, ROOT
    return request.getfixturevalue("wheel")


@pytest.mark.parametrize("first", ["", "import fairseq_hebrew\n"], ids=["plain", "imported-first"])
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_user_dir(install, inside, first, run_any, tmp_path, corpus, tiny_run):
    python, clone, packages = install
    cwd = clone if inside else tmp_path
    train = Path(sys.executable).with_name("fairseq-train").read_text(encoding="utf-8")
    command = tmp_path / "fairseq-train"  # its folder, not the current one, is first on sys.path, as for the real one
    command.write_text(first + train, encoding="utf-8")
    arguments = [
        *("--user-dir", "fairseq_hebrew", "--task", TASK, "--arch", ARCH, *tiny_run),
        *("--save-dir", tmp_path / "saved"),
    ]
    for updates in (1,) if first else (1, 2):  # the second resumes from the first
        done = run_any([python, command, corpus, *arguments, "--max-update", updates], cwd=cwd)
        assert done.returncode == 0, done.stderr
        assert f"num_updates {updates}" in done.stdout
    where = run_any([python, "-c", "import sys; sys.path.remove('')\n" + WHERE], cwd=tmp_path)
    assert all(path.startswith(str(packages)) for path in where.stdout.split()), where


def test_torch_imports_where_fairseq_is_not_installed(wheel, run_any, tmp_path):
    python, *_ = wheel
    code = "import sys; sys.modules['fairseq'] = None; import torch, fairseq_hebrew_compat; print(torch.ones(1).item())"
    done = run_any([python, "-c", code], cwd=tmp_path)
    assert done.stdout == "1.0\n", done.stderr
