"""Tests of training on XLA run in the environment that has it: `make xla-test`."""

import importlib.util
from pathlib import Path

import pytest

from tests.tasks import runs

if importlib.util.find_spec("torch_xla") is None:
    collect_ignore_glob = ["*"]

# 27 batches of 4 rows an epoch with `eos`: the last update of an epoch has one batch, and that one is not full.
LINES = 106


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> tuple[Path, Path]:
    """(data, the plugin of the recorded task)."""
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", LINES), runs.plugin(folder)
