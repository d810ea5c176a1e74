"""The table of cures is complete, and each cure is made once, for its modules, where its versions are reached."""

import dataclasses
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import fairseq_hebrew_compat
from fairseq_hebrew_compat import table

FOLDER = Path(fairseq_hebrew_compat.__file__).parent


@pytest.mark.parametrize("cure", table.CURES, ids=lambda cure: cure.name)
def test_every_cure_says_all_there_is_to_say(cure):
    for field in dataclasses.fields(cure):
        assert getattr(cure, field.name), f"{field.name} is empty"
    assert re.fullmatch(r"(Python|torch|numpy|hydra|fairseq) \d+\.\d+", cure.begins)
    assert cure.when in ("around", "after")
    assert cure.function.__doc__ and cure.function.__module__.startswith("fairseq_hebrew_compat.")
    assert len(cure.why) > 40 and len(cure.until) > 20


@pytest.mark.parametrize("module", sorted({module for cure in table.CURES for module in cure.modules}))
def test_every_module_named_is_one_of_fairseqs(module):
    package, _, rest = module.removesuffix(".*").partition(".")
    location = importlib.util.find_spec(package).submodule_search_locations[0]
    path = Path(location, *rest.split(".")) if rest else Path(location)
    assert package in ("fairseq", "fairseq_cli")
    assert path.is_dir() or path.with_suffix(".py").is_file()


def test_names_are_unique():
    names = [cure.name for cure in table.CURES]
    assert len(names) == len(set(names))


def test_a_cure_is_made_only_where_its_trouble_begins():
    import numpy  # noqa: F401  (a package that is not imported cannot be asked)

    assert table.reached("numpy 1.26") and not table.reached("numpy 99.0")
    assert table.reached("Python 3.10") and not table.reached("Python 3.99")
    assert table.reached("fairseq 0.12")


def test_versions_are_compared_as_numbers():
    assert table._numbers("2.13.0+cpu") > table._numbers("2.6")


def test_a_cure_of_all_modules_is_for_fairseq_alone():
    around = [name for name in ("fairseq", "fairseq.data.x", "fairseq_cli.train") if table.cures_of(name, "around")]
    assert around == (["fairseq", "fairseq.data.x"] if sys.version_info >= (3, 11) else [])


def test_files_stay_small_and_the_package_flat():
    for path in FOLDER.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 250, path
    assert not [path for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"]


AFTER = """
import importlib, sys, torch, fairseq, fairseq_cli, fairseq.modules.dynamic_crf_layer
from fairseq_hebrew_compat import hooks, table
for cure in table.CURES:
    if cure.when == "after":
        for name in cure.modules:
            module = importlib.import_module(name)
            before = dict(vars(module)), {k: dict(vars(v)) for k, v in vars(module).items() if isinstance(v, type)}
            hook = sys.excepthook
            cure.function(module)
            after = dict(vars(module)), {k: dict(vars(v)) for k, v in vars(module).items() if isinstance(v, type)}
            assert before == after and sys.excepthook is hook, cure.name
"""


def test_making_a_cure_twice_changes_nothing(python, tmp_path):
    done = python(AFTER, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
