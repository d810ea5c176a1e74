"""The command: what a record of tagged words shows, what is checked before, and what is held."""

import json
import tracemalloc

import pytest

from fairseq_hebrew.predict import command as predict

TASK = """
name: t
kind: token_classification
labels: [PER]
metric: f1
files: {train: a.bmes, test: a.bmes}
"""
SENTENCE = "דנה B-PER\nלוי E-PER\nו ה 60 O\n🙂 S-PER\n\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "task.yaml").write_text(TASK, encoding="utf-8")
    (tmp_path / "a.bmes").write_text(SENTENCE, encoding="utf-8")
    return tmp_path


def majority(folder, *options) -> int:
    given = ("--majority", "--description", folder / "task.yaml", "--data", folder, "--output", folder / "p.jsonl")
    return predict.main([str(part) for part in (*given, *options)])


def records(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "p.jsonl").read_text(encoding="utf-8").splitlines()]


def test_words_of_columns_have_a_text_and_their_places_in_it(folder):
    assert majority(folder) == 0
    (record,) = records(folder)
    assert record["text"] == "דנה לוי ו ה 60 🙂"
    assert [record["text"][a:b] for a, b in record["offsets"]] == record["words"]
    for name in ("gold_entities", "predicted_entities"):
        assert record[name] == [[0, 7, "PER"], [15, 16, "PER"]]


def test_a_split_and_a_file_are_one_too_many(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        majority(folder, "--input", folder / "a.bmes", "--split", "test")
    assert ended.value.code == 2 and "both say what is predicted; leave one out" in capsys.readouterr().err
    assert majority(folder, "--input", folder / "a.bmes") == 0 and len(records(folder)) == 1


def test_the_last_line_is_looked_at_before_the_first_is_predicted(folder, capsys, monkeypatch):
    (folder / "b.bmes").write_text(SENTENCE * 3 + "דנה X-PER\n", encoding="utf-8")
    monkeypatch.setattr("fairseq_hebrew.predict.tagged_words.record", lambda *_: pytest.fail("it was predicted"))
    assert majority(folder, "--input", folder / "b.bmes") == 1
    assert "b.bmes:16: tag 'X-PER' is not of scheme" in capsys.readouterr().err
    assert not (folder / "p.jsonl").exists()


def test_records_of_an_earlier_form_are_made_again(folder, capsys, monkeypatch):
    assert majority(folder) == 0 and majority(folder) == 0
    assert "is up to date, skipped" in capsys.readouterr().err
    monkeypatch.setattr(predict, "RECORDS", predict.RECORDS + 1)
    assert majority(folder) == 0
    assert "is up to date" not in capsys.readouterr().err


def test_neither_examples_nor_records_are_held(folder):
    (folder / "b.bmes").write_text(SENTENCE * 8_000, encoding="utf-8")
    assert majority(folder) == 0  # what is imported and read once
    tracemalloc.start()
    assert majority(folder, "--input", folder / "b.bmes") == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    made = (folder / "p.jsonl").stat().st_size
    assert len(records(folder)) == 8_000 and peak < made / 4, (peak, made)
