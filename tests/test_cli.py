"""The command `fairseq-hebrew`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairseq_hebrew import __version__, cli

ROOT = Path(__file__).parent.parent


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "fairseq_hebrew.cli", *arguments], capture_output=True, text=True, timeout=120
    )


def source_of(module):
    parts = module.split(".")[1:]
    folder = ROOT if parts[0] in ("preprocess", "eval") else ROOT / "fairseq_hebrew"
    return folder.joinpath(*parts).with_suffix(".py")


@pytest.mark.parametrize("name", [name for name, (module, _) in cli.COMMANDS.items() if source_of(module).exists()])
def test_every_command_tells_its_options(name):
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: fairseq-hebrew {name}" in done.stdout and "--debug" in done.stdout
    assert "(default: None)" not in done.stdout and "==SUPPRESS==" not in done.stdout


def test_the_list_of_commands():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    for name, (_, what) in cli.COMMANDS.items():
        assert any(name in line and what in line for line in done.stdout.splitlines())
    assert run("-h").stdout == run("help").stdout == done.stdout


def test_no_command_shows_the_list_and_is_wrong_usage():
    done = run()
    assert done.returncode == 2 and "usage: fairseq-hebrew COMMAND" in done.stdout


def test_an_unknown_command():
    done = run("cleanse", "--input", "x")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "error: no command 'cleanse'; `fairseq-hebrew --help` lists them\n"


def test_the_version():
    assert run("--version").stdout == f"{__version__}\n"


def test_the_installed_command():
    command = shutil.which("fairseq-hebrew", path=Path(sys.executable).parent)
    assert command is not None, "install the package: make setup"
    assert subprocess.run([command, "--version"], capture_output=True, text=True).stdout == f"{__version__}\n"


def test_modules_run_as_commands_too(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("א\n\nב\n\nא\n\n", encoding="utf-8")
    command = [sys.executable, "-m", "fairseq_hebrew.preprocess.dedup", "--input", source, "--output", tmp_path / "b"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert (tmp_path / "b").read_text(encoding="utf-8") == "א\n\nב\n\n"


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None  # what importing it then raises is a ModuleNotFoundError
from fairseq_hebrew import cli
sys.exit(cli.main(sys.argv[2:]))
"""


@pytest.mark.parametrize("package", ["fairseq", "torch"])
def test_a_package_that_is_not_installed_gets_one_line(package, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"x")
    command = [sys.executable, "-c", WITHOUT, package, "predict", checkpoint, "--output", tmp_path / "p"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: {package} is not installed; install it with: pip install")
