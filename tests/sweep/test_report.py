"""Tables, pictures and page from a report that is made up: two models, one of which fails here and there."""

import copy
import json
import re

import pytest

from fairseq_hebrew.sweep.page import page
from fairseq_hebrew.sweep.pictures import draw
from fairseq_hebrew.sweep.tables import grid_table, markdown, rows, summary


def setting(rate, size, *dev, failed=0):
    mean = sum(dev) / len(dev) if dev else None
    values = {str(seed): value for seed, value in enumerate(dev, start=1)}
    spread = 1.5 if len(dev) > 1 else None
    return {
        "learning_rate": rate, "batch_size": size, "dev": values, "mean": mean, "deviation": spread, "failed": failed,
    }  # fmt: skip


@pytest.fixture
def report():
    good = [
        setting(1e-5, 16, 80.0, 82.0), setting(1e-5, 32, 81.0, 79.0),
        setting(5e-5, 16, 85.0, 84.0), setting(5e-5, 32, 83.0, failed=1),
    ]  # fmt: skip
    test = {"scorer": "s", "mean": 82.5, "deviation": 0.7, "by_seed": {"1": {"f1": 82.0}, "2": {"f1": 83.0}}}
    shared = {"arch": "hallelubert_base", "other_settings_scored_on_test": [], "seconds": 10}
    failed = [{"trial": "lr5e-05-batch32-seed2", "reason": "error: <no> memory"}]
    model = {"model": "base", "checkpoint": "a.pt", "settings": good, "chosen": good[2], "test": test, "failed": failed}
    none = [setting(rate, size, failed=2) for rate in (1e-5, 5e-5) for size in (16, 32)]
    lost = {"model": "small", "checkpoint": None, "settings": none, "chosen": None, "test": None, "failed": []}
    return {
        "sweep": "s", "task": "nemo", "kind": "token_classification", "metric": "f1", "epochs": 30, "patience": 3,
        "seeds": [1, 2], "training_samples": 4937, "version": "0", "models": [{**shared, **model}, {**shared, **lost}],
    }  # fmt: skip


def test_the_tables(report):
    first, second = rows(report)
    assert first == ("base", "5e-05", "16", "84.50 ± 0.71", "82.50 ± 0.71", "2", "1")
    assert second[:2] == ("small", "none")
    head, made = grid_table(report["models"][0])
    assert head == ["learning rate", "batch 16", "batch 32"]
    assert made == [["5e-05", "**84.50 ± 0.71**", "1 failed"], ["1e-05", "81.00 ± 1.41", "80.00 ± 1.41"]]
    text = markdown(report)
    assert "| base | 5e-05 | 16 | 84.50 ± 0.71 | 82.50 ± 0.71 | 2 | 1 |" in text
    assert "- lr5e-05-batch32-seed2 failed: error: <no> memory" in text and text.count("failed |") == 1 + 5
    assert summary(report).splitlines()[0] == "s: nemo, f1" and len(summary(report).splitlines()) == 4


def test_the_page_holds_its_pictures_and_escapes(report, tmp_path):
    report["models"][0]["other_settings_scored_on_test"] = ["lr1e-05-batch16"]
    drawn = draw(report, tmp_path)
    assert [name for name, _ in drawn] == ["grid.png", "seeds.png", "dev-test.png"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name, _ in drawn)
    text = page(report, drawn, tmp_path)
    assert text.count("data:image/png;base64,") == 3 and "<script" not in text
    assert "error: &lt;no&gt; memory" in text and "lr1e-05-batch16" in text and "random weights" in text
    assert re.search(r"<span class=score>84\.50 ± 0\.71</span>", text)


def test_every_shape_is_drawn(report, tmp_path):
    """One setting of one seed; a grid on which all is equal; nothing that ended."""
    one = copy.deepcopy(report)
    one["models"] = one["models"][:1]
    one["models"][0].update(settings=[setting(1e-5, 16, 50.0)], chosen=setting(1e-5, 16, 50.0), test=None)
    assert [name for name, _ in draw(one, tmp_path)] == ["grid.png", "seeds.png"]
    report["models"] = report["models"][1:]
    (tmp_path / "dev-test.png").write_bytes(b"of an earlier run")
    assert len(draw(report, tmp_path)) == 2 and not (tmp_path / "dev-test.png").exists()
    assert json.dumps(report)
