import json

import pytest

from fairseq_hebrew.eval.report import write_report
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error


@pytest.fixture
def finished(tmp_path):
    """The files a run leaves, with figures made up for the test."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    steps = [{"epoch": 1, "loss": str(9 - i), "num_updates": str(10 * i), "wpb": "100", "wall": str(i)} for i in (1, 2)]
    steps.append({"epoch": 1, "valid_loss": "6.0", "valid_num_updates": "20"})
    log = "\n".join(json.dumps(step) for step in steps)
    for name in ("pretrain", "ner", "sentiment"):
        write(f"{name}/train.log", log)
    for name, metric in (("ner", "f1"), ("sentiment", "macro_f1")):
        write(f"{name}/scores.json", {metric: 71.5, "scorer": "a <scorer>"})
        write(f"{name}/majority.json", {metric: 12.25, "scorer": "a <scorer>"})
    write("fertility.json", {"tokens_per_word": 1.5})
    candidates = [{"token": " <עיר>", "score": 0.5, "text": "זו <עיר>"}]
    write("fill-mask.json", {"text": "זו <mask>", "candidates": candidates})
    stage = {"inputs": [{"path": "a", "bytes": 3}], "outputs": [{"path": "dedup.txt", "bytes": 2}], "seconds": 0.1}
    write("corpus/text/dedup.txt.manifest.json", {"stage": "dedup", "counts": {"duplicates": 7}, **stage})
    return tmp_path


def test_the_report_holds_what_the_files_tell(finished):
    report = write_report(finished, 61.0)
    assert report == json.loads((finished / "report.json").read_text(encoding="utf-8"))
    told = report["pretraining"]
    assert (told["updates"], told["tokens"], told["first_loss"], told["last_loss"]) == (20, 2000, 8.0, 7.0)
    assert told["best_validation_perplexity"] == 64.0
    assert report["tasks"]["ner"]["score"]["f1"] == 71.5 and report["tasks"]["ner"]["epochs"] == 1
    assert report["stages"][0]["counts"] == {"duplicates": 7}


def test_the_page_shows_them_escaped_and_the_curve_is_a_picture(finished):
    write_report(finished, 61.0)
    page = (finished / "index.html").read_text(encoding="utf-8")
    for text in ("71.5", "12.25", "duplicates: 7", "1 min 1 s", "loss.png", "&lt;עיר&gt;", "a &lt;scorer&gt;"):
        assert text in page
    assert "<עיר>" not in page
    assert (finished / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_named(finished):
    (finished / "fertility.json").unlink()
    with pytest.raises(UserError, match=r"fertility\.json: missing"):
        write_report(finished, None)
    assert not (finished / "index.html").exists()
    assert "no such folder" in the_error(run("fairseq-hebrew", "report", finished / "none"))
