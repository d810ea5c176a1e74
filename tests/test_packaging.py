"""setup.py, constraints.txt and the check of the system: what a newcomer meets first."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECK = ROOT / ".ci" / "check-system"


def setup_text() -> str:
    return (ROOT / "setup.py").read_text(encoding="utf-8")


def test_every_package_of_the_tree_is_installed():
    folders = {
        "fairseq_hebrew": "fairseq_hebrew",
        "preprocess": "fairseq_hebrew.preprocess",
        "eval": "fairseq_hebrew.eval",
    }
    found = {"fairseq_hebrew_compat"}
    for top, package in folders.items():
        for init in (ROOT / top).rglob("__init__.py"):
            inside = init.parent.relative_to(ROOT / top).parts
            found.add(".".join([package, *inside]))
    listed = subprocess.run(
        [sys.executable, "-c", PRINT_PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(listed) == found


PRINT_PACKAGES = """
import setuptools, runpy
setuptools.setup = lambda **given: print(*given["packages"], sep="\\n")
runpy.run_path("setup.py")
"""


def test_pins_stand_in_constraints_alone_and_name_no_address():
    requirements = re.findall(r'"([a-z-]+)(==[^"]+)?"', setup_text().split("setup(")[0])
    assert not [name for name, pin in requirements if pin]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "torch==2.13.0" in constraints and "://" not in constraints and "--" not in constraints
    assert 'numpy==2.4.6; python_version >= "3.11"' in constraints  # numpy 2.4 needs 3.11


def check(python: object, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(["sh", CHECK, str(python)], env={**os.environ, **environment}, capture_output=True, text=True)


def fake_python(tmp_path: Path, version: str, passes: bool = True) -> Path:
    """A program that says it is Python `version` and whose other checks pass or fail."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) echo {version} ;; *) exit {0 if passes else 1} ;; esac\n')
    path.chmod(0o755)
    return path


def test_this_system_passes():
    assert check(sys.executable).returncode == 0


def test_what_is_missing_is_named_with_its_debian_package(tmp_path):
    done = check(fake_python(tmp_path, "3.12", passes=False), CXX=str(tmp_path / "no-compiler"))
    assert done.returncode == 1
    assert "apt-get install python3.12-venv python3.12-dev g++" in done.stderr


def test_other_versions_and_no_python_are_refused(tmp_path):
    for version in ("3.9", "3.14"):
        done = check(fake_python(tmp_path, version))
        assert done.returncode == 1 and "3.10 to 3.13" in done.stderr
    assert "not found" in check(tmp_path / "none").stderr
