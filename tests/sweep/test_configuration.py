"""The YAML of a sweep: presets, models, and every mistake told by its line."""

import pytest
import yaml

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.sweep.configuration import DEFAULTS, read_configuration
from fairseq_hebrew.sweep.points import Point, Setting
from tests.sweep.sweeps import configured, data_folder

GOOD = """\
description: {description}
data: data
tokenizer: tokenizer
output: out
models:
  small: {{arch: hallelubert_small}}
  base:
    arch: hallelubert_base
    checkpoint: base.pt
    options: {{weight-decay: 0.1}}
grid:
  learning_rates: [1e-5, 2.0e-5]
  batch_sizes: [16]
  seeds: [1, 2]
options:
  clip_norm: 1.0
"""


@pytest.fixture
def folder(tmp_path):
    data_folder(tmp_path / "data")
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "dict.txt").write_text("a 1\n")
    (tmp_path / "base.pt").write_text("")
    return tmp_path


def read(folder, text=GOOD, **changes):
    from tests.sweep.sweeps import DESCRIPTION

    path = folder / "c.yaml"
    path.write_text(text.format(description=DESCRIPTION, **changes), encoding="utf-8")
    return read_configuration(path)


def test_what_a_file_says(folder):
    config = read(folder)
    assert config.learning_rates == (1e-5, 2e-5)  # YAML itself takes 1e-5 for text
    assert config.points()[:3] == [
        Point("small", Setting(1e-5, 16), 1),
        Point("small", Setting(2e-5, 16), 1),
        Point("small", Setting(1e-5, 16), 2),
    ]
    assert len(config.points()) == 8 and config.points()[4].key == "base/lr1e-05-batch16-seed1"
    assert (config.epochs, config.patience, config.warmup, config.samples) == (30, 3, 0.06, 32)
    small, base = config.models
    assert small.checkpoint is None and base.checkpoint == folder / "base.pt"
    assert small.options == {**DEFAULTS, "clip-norm": 1.0}
    assert base.options == {**DEFAULTS, "clip-norm": 1.0, "weight-decay": 0.1}
    assert config.task == "sequence_classification" and config.description.metric == "macro_f1"
    assert config.storage.startswith("sqlite:////") and config.storage.endswith("/out/sweep.db")


def test_the_grid_of_the_sister_papers(tmp_path):
    config = read_configuration(
        configured(
            tmp_path, _tokenizer(tmp_path), preset="sister-papers", grid={"seeds": 7}, epochs=None, patience=None
        )
    )
    assert len(config.settings) == 28 and config.seeds == (7,)
    assert set(config.learning_rates) == {1e-4, 5e-5, 2e-5, 1e-5, 7e-6, 5e-6, 1e-6}
    assert config.batch_sizes == (16, 32, 48, 64)
    assert (config.epochs, config.patience) == (30, 3)


def _tokenizer(folder):
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "dict.txt").write_text("a 1\n")
    return folder / "tokenizer"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("grid:", "gird:", "c.yaml:11: unknown key 'gird'; is 'grid' meant?"),
        ("  seeds: [1, 2]", "  sedes: [1, 2]", "c.yaml:14: unknown key 'sedes'; is 'seeds' meant?"),
        ("  seeds: [1, 2]\n", "", "c.yaml:11: grid: the seeds are missing"),
        ("seeds: [1, 2]", "seeds: [1, 1]", "c.yaml:14: seeds: 1 is given twice"),
        ("seeds: [1, 2]", "seeds: [1, 2.5]", "c.yaml:14: seeds: 2.5 is no whole number"),
        ("seeds: [1, 2]", "seeds: []", "c.yaml:14: seeds: the list is empty"),
        ("[1e-5, 2.0e-5]", "\n  - 1e-5\n  - fast", "c.yaml:14: learning_rates: 'fast' is no number"),
        ("[1e-5, 2.0e-5]", "[1e-5, 0]", "c.yaml:12: learning_rates: 0.0: more than 0 is needed"),
        ("[1e-5, 2.0e-5]", "[1e-5, .inf]", "c.yaml:12: learning_rates: inf is no finite number"),
        ("[1e-5, 2.0e-5]", "[1e-5, true]", "c.yaml:12: learning_rates: True is no number"),
        ("batch_sizes: [16]", "batch_sizes: [0]", "c.yaml:13: batch_sizes: 0: at least 1 is needed"),
        ("checkpoint: base.pt", "checkpoint: none.pt", "c.yaml:9: checkpoint: "),
        ("    arch: hallelubert_base\n", "", "c.yaml:7: base: the key 'arch' is missing"),
        ("  base:", "  ba/se:", "c.yaml:7: models: 'ba/se': a name of letters"),
        ("weight-decay: 0.1", "lr: 0.1", "c.yaml:10: lr: is set by `grid: learning_rates`"),
        ("clip_norm: 1.0", "save_dir: x", "c.yaml:16: save_dir: is set by the sweep"),
        ("clip_norm: 1.0", "clip_norm: [1]", "c.yaml:16: clip_norm: [1] is no value of an option"),
        ("clip_norm: 1.0", "lr-scheduler: step", "c.yaml:15: lr-scheduler: 'step' is none of"),
        ("clip_norm: 1.0", "update-freq: half", "c.yaml:16: update-freq: 'half' is no whole number"),
        ("options:\n", "epochs: 0\noptions:\n", "c.yaml:15: epochs: 0: at least 1 is needed"),
        ("options:\n", "warmup: 1\noptions:\n", "c.yaml:15: warmup: 1.0: a share"),
        ("options:\n", "name: my sweep\noptions:\n", "c.yaml:15: name: 'my sweep': a name of letters"),
        ("options:\n", "training_samples: 0\noptions:\n", "c.yaml:15: training_samples: 0: at least 1"),
        ("options:\n", "keep: none\noptions:\n", "c.yaml:15: keep: 'none' is none of all, best"),
        ("options:\n", "test: later\noptions:\n", "c.yaml:15: test: 'later' is neither true nor false"),
        ("options:\n", "preset: mine\noptions:\n", "c.yaml:15: preset: 'mine' is none of sister-papers"),
        ("options:\n", "task: parsing\noptions:\n", "c.yaml:15: task: 'parsing' is none of sequence_classification"),
        ("options:\n", "data: data\noptions:\n", "c.yaml:15: the key 'data' is given twice"),
        ("data: data", "data: nowhere", "c.yaml:2: data: "),
        ("tokenizer: tokenizer", "tokenizer: data", "c.yaml:3: tokenizer: "),
        ("description: {description}", "description: no-such", "c.yaml:1: description: 'no-such' is neither a file"),
        ("description: {description}", "description: /no/such", "c.yaml:1: description: '/no/such' is neither a file"),
        ("output: out\n", "", "c.yaml: no output folder"),
        ("grid:", "grid", "c.yaml:12: not YAML"),
        ("output: out", "output: &a [*a]", "c.yaml:4: nested more than 20 deep"),
    ],
)
def test_mistakes_are_told_by_line(folder, old, new, told):
    assert GOOD.count(old) == 1
    with pytest.raises(UserError) as raised:
        read(folder, GOOD.replace(old, new))
    assert told in str(raised.value) and "\n" not in str(raised.value)
    assert "docs/sweep.md" in str(raised.value) or "--output" in str(raised.value)


def test_mistakes_in_the_data_are_told_before_anything_is_trained(folder):
    with open(folder / "data" / "test.tsv", "a", encoding="utf-8") as file:
        file.write("עוד תגובה\t5\n")
    with pytest.raises(UserError, match=r"test\.tsv:34: label '5' is none of 0, 1, 2"):
        read(folder)


def test_files_that_are_none(tmp_path):
    path = tmp_path / "c.yaml"
    for content, told in (
        (b"", "expected `key: value`"),
        (b"a: \xff\n", "c.yaml:1: invalid UTF-8"),
        (b"- a", "expected"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=told):
            read_configuration(path)
    with pytest.raises(UserError, match="no such file"):
        read_configuration(tmp_path / "none.yaml")


def test_the_example_is_read(folder, monkeypatch):
    """The configuration of train_scripts, its inputs put where it looks for them."""
    from tests.conftest import ROOT

    example = ROOT / "train_scripts" / "sweeps" / "nemo.yaml"
    values = yaml.safe_load(example.read_text(encoding="utf-8"))
    text = example.read_text(encoding="utf-8")
    for name in {values["data"], values["tokenizer"], *(one["checkpoint"] for one in values["models"].values())}:
        assert name in text
        text = text.replace(name, {values["data"]: "ner", values["tokenizer"]: "tokenizer"}.get(name, "base.pt"))
    (folder / "ner").mkdir()
    for split in ("train", "dev", "test"):
        (folder / "ner" / f"token-single_{split}.bmes").write_text("שלום O\n\n", encoding="utf-8")
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    config = read_configuration(folder / "c.yaml")
    assert config.description.name == "nemo" and len(config.settings) == 28 and len(config.models) == 2
