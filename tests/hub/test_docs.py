"""The examples of docs/hugging-face.md, run as they stand on small exports, with no network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.hub.commands import ROOT

pytest.importorskip("transformers")
PAGE = (ROOT / "docs" / "hugging-face.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## (.+?)$|^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def examples() -> dict[str, str]:
    """Heading: the code under it."""
    found, heading = {}, ""
    for title, code in EXAMPLES:
        heading = title or heading
        if code:
            found[heading] = code
    return found


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory) -> Path:
    """Where OUT and NEMO are exports."""
    where = tmp_path_factory.mktemp("docs")
    for name, kind in (("OUT", "pretrained"), ("NEMO", "tags")):
        (where / name).symlink_to(made.exports[kind])
    return where


def test_every_section_that_shows_code_is_run_below():
    assert list(examples()) == ["Fill a mask", "One vector for a sentence", "Tag words", "Import"]


def told(folder, heading) -> list[str]:
    """The lines an example prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", examples()[heading]],
        cwd=folder, env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": path},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_a_mask_is_filled(folder):
    lines = told(folder, "Fill a mask")
    assert len(lines) == 3 and all(0 <= float(line.split()[-1]) <= 1 for line in lines)


def test_sentences_have_vectors(folder):
    (line,) = told(folder, "One vector for a sentence")
    assert all(-1 <= float(number) <= 1.0001 for number in re.findall(r"tensor\((-?[\d.]+)\)", line))
    assert line.count("tensor(") == 2


def test_words_are_tagged(folder):
    for line in told(folder, "Tag words"):
        assert line.split()[-1].isdigit()


def test_an_export_is_imported_and_exported_again(folder):
    told(folder, "Import")
    one, other = (load_file(folder / name / "model.safetensors") for name in ("OUT", "AGAIN"))
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_the_options_are_those_of_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "fairseq_hebrew.cli", "export-hf", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    shown = set(re.findall(r"^\| `(--[\w-]+)", PAGE, re.MULTILINE))
    assert shown and shown <= set(re.findall(r"--[\w-]+", done.stdout))
