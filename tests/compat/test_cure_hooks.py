"""Starting the cures: by torch, at no cost, with nothing raised, and nobody's classes touched but fairseq's."""

import logging
import subprocess
import sys

import pytest

from fairseq_hebrew_compat import hooks

ALONE = """
import sys
import fairseq_hebrew_compat, fairseq_hebrew_compat.table
print(sorted({name.partition(".")[0] for name in sys.modules} & {
    "torch", "numpy", "fairseq", "fairseq_cli", "fairseq_hebrew", "omegaconf", "hydra"}))
"""
TORCH = """
import dataclasses, sys
dataclass, hook = dataclasses.dataclass, sys.excepthook
import torch
from fairseq_hebrew_compat import hooks, start
start(); start()
assert sum(isinstance(finder, hooks.FairseqFinder) for finder in sys.meta_path) == 1
assert "fairseq" not in sys.modules and "fairseq_hebrew" not in sys.modules
assert "fairseq_hebrew_compat.table" not in sys.modules, "the table is read at fairseq's first import"
assert sys.excepthook is hook and dataclasses.dataclass is dataclass
"""
FAIRSEQ = """
import dataclasses, sys
dataclass, hook = dataclasses.dataclass, sys.excepthook
import fairseq
assert dataclasses.dataclass is dataclass and sys.excepthook is hook
assert "fairseq_hebrew" not in sys.modules
import numpy
assert not hasattr(numpy, "compat") and not hasattr(numpy, "int")
@dataclasses.dataclass
class Mine:
    number: int = 0
assert Mine.__hash__ is None
import fairseq_cli
assert sys.excepthook is not hook
"""
BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("fairseq", "fairseq_cli"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
import torch
assert torch.ones(2).sum() == 2
try:
    import fairseq
except ModuleNotFoundError as error:
    assert error.name == "fairseq"
else:
    raise AssertionError
"""
MISSING = """
import importlib.machinery, sys
find = importlib.machinery.PathFinder.find_spec
def without(name, path=None, target=None):
    return None if name.partition(".")[0] in ("fairseq", "fairseq_cli") else find(name, path, target)
importlib.machinery.PathFinder.find_spec = staticmethod(without)
import torch, importlib.util
assert importlib.util.find_spec("fairseq") is None
"""


@pytest.mark.parametrize("code", [TORCH, FAIRSEQ, BLOCKED, MISSING], ids=["torch", "fairseq", "blocked", "missing"])
def test_started_by_torch(python, tmp_path, code):
    done = python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_package_imports_neither_torch_nor_fairseq_nor_the_plugin(python, tmp_path):
    done = python(ALONE, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


def test_start_never_raises(monkeypatch, caplog):
    def fail(*arguments):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr(hooks, "FairseqFinder", type("Broken", (), {"__init__": fail}))
    with caplog.at_level(logging.WARNING):
        hooks.start()
    assert "could not be started" in caplog.text


def test_a_cure_that_fails_leaves_the_module_importable(monkeypatch, caplog):
    from fairseq_hebrew_compat import table

    def fail(module):
        raise RuntimeError("on purpose")

    broken = [
        table.Cure("broken", "fairseq 0.12", "why", "until", ("fairseq.*",), fail, when) for when in ("around", "after")
    ]
    monkeypatch.setattr(table, "CURES", tuple(broken))
    module = type(sys)("fairseq.something")
    with hooks.around_import(module):
        pass
    hooks.after_import(module)
    assert caplog.text.count("cure broken of fairseq.something failed") == 2


def test_modules_that_are_not_fairseqs_are_not_looked_for():
    asked = hooks.FairseqFinder()
    assert asked.find_spec("fairseq_hebrew") is None
    assert asked.find_spec("fairseqx") is None
    assert asked.find_spec("json") is None


def test_python_m_works_as_the_command_does(tmp_path):
    command = [sys.executable, "-m", "fairseq_cli.preprocess", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "--only-source" in done.stdout, done.stderr
