"""The probe of retrieval across languages: its smoke scale from end to end, and what it refuses."""

import json

import pytest

from tests.conftest import HANDWRITTEN
from tests.tasks.pretrained import pretrain

from .conftest import script

NAME = "cross_lingual_probe"
LINE = "The keeper of house {} wrote a long letter in the evening. It was about the {} rain. Nobody read it, he said."


@pytest.fixture(scope="module")
def hebrew(tmp_path_factory):
    """Passages of the demo's text; the query of each is its beginning."""
    folder = tmp_path_factory.mktemp("hebrew")
    texts = [line for line in (HANDWRITTEN / "a01_news.txt").read_text(encoding="utf-8").splitlines() if line.strip()][
        :30
    ]
    for name, rows in (
        ("corpus", [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)]),
        ("queries", [{"_id": f"q{i}", "text": " ".join(text.split()[:6])} for i, text in enumerate(texts)]),
    ):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(len(texts)))
    (folder / "qrels_heq_test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, encoding="utf-8")
    return folder


def test_a_smoke_run_from_end_to_end(hebrew, tokenizer_dir, tmp_path):
    checkpoint = pretrain(tmp_path / "pretrained", tokenizer_dir, "neodictabert_tiny")
    text = tmp_path / "english.txt"
    lines = [LINE.format(i, "heavy" if i % 2 else "light") + "\n" * (1 + (i % 5 == 4)) for i in range(200)]
    text.write_text("".join(lines), encoding="utf-8")
    given = [checkpoint, "--tokenizer", tokenizer_dir, "--smoke", text, "--hebrew", hebrew, "--out", tmp_path / "out"]
    options = ("--arch", "neodictabert_tiny", "--device", "cpu", "--updates", 8, "--batch", 4, "--lr", "1e-3")
    done = script(NAME, *given, *options)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.count("ITS SCORES ARE NO RESULT") == 2
    table = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "These scores are no result." in table and table.strip() in done.stdout
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("|")]
    assert rows[0][1] == "ndcg@20" and [row[0] for row in rows[2:]] == [
        "| BM25",
        "| the encoder before",
        "| trained on English alone",
    ]
    assert float(rows[2][1]) > 90  # the words of a passage's beginning
    log = (tmp_path / "out" / "trained" / "train.log").read_text(encoding="utf-8")
    assert '"valid_mrr@10"' in log and '"train_num_updates": "8"' in log
    # What is done is not done again.
    again = script(NAME, *given, *options)
    assert again.returncode == 0 and "predict: " in again.stderr and "up to date, skipped" in again.stderr
    assert (tmp_path / "out" / "trained" / "train.log").read_text(encoding="utf-8") == log
    # And nothing else is: the scores of another model or setting would be these.
    text.write_text("".join(lines[:150]), encoding="utf-8")
    other = script(NAME, *given, *options, "--lr", "1e-4")
    assert other.returncode == 1 and other.stdout == ""
    assert "holds a run with another --lr --smoke; give another --out" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no CHECKPOINT"),
        (["none.pt"], "none.pt: no such checkpoint"),
        (["{pt}"], "--tokenizer DIR: no such folder"),
        (["{pt}", "--tokenizer", "{dir}"], "--hebrew FOLDER: no such folder"),
        (["{pt}", "--tokenizer", "{dir}", "--hebrew", "{dir}"], "nothing to train on"),
        (["{pt}", "--tokenizer", "{dir}", "--hebrew", "{dir}", "--english", "none"], "--english none: no such folder"),
        (["{pt}", "--tokenizer", "{dir}", "--hebrew", "{dir}", "--smoke", "none"], "none: no such file"),
        (
            ["{pt}", "--tokenizer", "{dir}", "--hebrew", "{dir}", "--smoke", "{pt}", "--english", "{dir}"],
            "--english or --smoke, not both",
        ),
        (["{pt}", "--tokenizer"], "--tokenizer wants a value"),
        (["{pt}", "--size", "3"], "unknown option --size"),
        (["{pt}", "{pt}"], "one CHECKPOINT"),
    ],
)
def test_refused(tmp_path, arguments, told):
    (tmp_path / "c.pt").touch()
    done = script(NAME, *(part.format(pt=tmp_path / "c.pt", dir=tmp_path) for part in arguments))
    assert done.returncode in (1, 2) and done.stderr.startswith("error: ") and told in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1
