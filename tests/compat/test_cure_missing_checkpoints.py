"""A checkpoint to start from that is not there is told of; the last one of --save-dir need not be there."""

from types import SimpleNamespace

import pytest

from fairseq_hebrew_compat import CheckpointNotFound, missing_checkpoints
from tests.conftest import the_error


@pytest.mark.parametrize("option", ["--restore-file", "--finetune-from-model"])
def test_training_does_not_start_without_it(run, tmp_path, corpus, stock_arguments, option):
    more = ["--max-update", 1, "--save-dir", tmp_path / "save", option, "nosuch.pt"]
    line = the_error(run("fairseq-train", corpus, *stock_arguments, *more, cwd=tmp_path))
    assert line.startswith(f"error: nosuch.pt: no such checkpoint ({option}); give the path")
    assert not list(tmp_path.glob("save/*"))


def asked(**cfg):
    """What a cured load_checkpoint that finds its own file says of a configuration: the stock answer, or the error."""
    import os

    given = {"save_dir": "save", "restore_file": "checkpoint_last.pt", "finetune_from_model": None}
    suffix = cfg.pop("suffix", "")
    module = SimpleNamespace(load_checkpoint=lambda cfg, trainer: "stock", PathManager=os.path)
    missing_checkpoints.ask_for_them(module)
    return module.load_checkpoint(SimpleNamespace(**{**given, **cfg}), SimpleNamespace(checkpoint_suffix=suffix))


def test_what_has_to_be_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert asked() == asked(suffix=None) == "stock", "the default may be missing"
    for cfg in ({"restore_file": "a.pt"}, {"finetune_from_model": "a.pt"}):
        with pytest.raises(CheckpointNotFound, match=r"^a\.pt: no such checkpoint"):
            asked(**cfg)
    (tmp_path / "a.pt").mkdir()
    with pytest.raises(CheckpointNotFound, match=r"^a\.pt: a folder, no checkpoint \(--finetune-from-model\)"):
        asked(finetune_from_model="a.pt")
    (tmp_path / "b-shard0.pt").touch()
    assert asked(restore_file="b.pt", suffix="-shard0") == "stock"
    assert asked(finetune_from_model="c.pt", continue_once="d.pt") == "stock"
    (tmp_path / "save").mkdir()
    (tmp_path / "save" / "checkpoint_last.pt").touch()
    assert asked(finetune_from_model="gone.pt") == "stock", "training goes on, as in stock"
