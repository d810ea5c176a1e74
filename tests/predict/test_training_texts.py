"""Texts of a test split that stand in the training file: marked by predict, told apart by score."""

import json

import pytest

from fairseq_hebrew.eval import score
from fairseq_hebrew.predict import command as predict
from fairseq_hebrew.stage.errors import UserError
from tests.data.examples.test_held_out import REAL

TASK = """
name: t
kind: sequence_classification
files: {train: train.tsv, test: test.tsv}
held_out: {valid: 0.3}
labels: {'0': x, '1': y}
metric: accuracy
"""
TRAIN = [(f"תגובה {i}", "0") for i in range(40)]
# four that stand there, as a model reads them, two of them with the most frequent label; two that do not
TEST = [("תגובה 1", "0"), ("תגובה 1", "1"), ("תגוּבה  2", "0"), ("תגובה 3", "1"), ("אחרת", "0"), ("ועוד אחרת", "1")]


@pytest.fixture
def data(tmp_path):
    for split, rows in (("train", TRAIN), ("test", TEST)):
        text = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)
        (tmp_path / f"{split}.tsv").write_text(text, encoding="utf-8")
    (tmp_path / "task.yaml").write_text(TASK, encoding="utf-8")
    return tmp_path


def predicted(data, *options, description=None):
    made = data / "p.jsonl"
    given = ["--majority", "--description", description or data / "task.yaml", "--data", data, "--output", made]
    assert predict.main([*map(str, given), *options]) == 0
    return made, [json.loads(line) for line in made.read_text(encoding="utf-8").splitlines()]


def test_they_are_marked_and_scored_apart(data):
    made, records = predicted(data, "--mark-training-texts")
    assert [record["in_training"] for record in records] == [True] * 4 + [False] * 2
    found = score.score(made)
    assert (found["accuracy"], found["texts"], found["in_training"]) == (50.0, 6, 4)
    assert (found["not_in_training"]["accuracy"], found["not_in_training"]["texts"]) == (50.0, 2)
    shown = score.table(found)
    assert "without the 4 whose text stands in the training file:" in shown and shown.count("accuracy") == 2
    assert found["by_label"]["x"]["texts"] == 3 and found["not_in_training"]["by_label"]["x"]["texts"] == 1


def test_without_the_option_there_is_no_mark(data):
    made, records = predicted(data)
    assert not any("in_training" in record for record in records) and "in_training" not in score.score(made)


def test_a_split_that_is_held_out_is_looked_up_in_the_rest_of_the_file(data):
    made, records = predicted(data, "--split", "valid", "--mark-training-texts")
    assert 0 < len(records) < 40 and not any(record["in_training"] for record in records)
    found = score.score(made)
    assert found["in_training"] == 0 and "not_in_training" not in found
    # the parts of one file are not taken for one another
    rest = predicted(data, "--split", "train", "--mark-training-texts")[1]
    assert len(rest) == 40 - len(records) and all(record["in_training"] for record in rest)


def test_a_mark_on_some_lines_alone_or_no_mark_is_refused(data):
    made, records = predicted(data, "--mark-training-texts")
    for change, told in (({}, "'in_training' is not on all lines"), ({"in_training": 1}, "'in_training' is no bool")):
        last = {key: value for key, value in records[-1].items() if key != "in_training"}
        rows = [*records[:-1], {**last, **change}]
        made.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        with pytest.raises(UserError) as raised:
            score.score(made)
        assert f"{made}:6: " in str(raised.value) and told in str(raised.value)


def test_the_threshold_of_all_holds_for_those_that_are_not_marked(tmp_path):
    records = [
        {
            "kind": "question_answering", "task": "t", "id": str(i), "text": "...",
            "gold": [{"text": "כן"}] if i else [], "predicted": "כן", "answers": [{"text": "כן", "score": 1.0}],
            "null_score": 0.5 - i, "null_threshold": 0.0, "unanswerable": True, "in_training": i == 2,
        }
        for i in range(4)
    ]  # fmt: skip
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    found = score.score(path, tune=True)
    assert found["f1"] == found["not_in_training"]["f1"] == 100.0
    assert found["null_threshold"] == found["not_in_training"]["null_threshold"] == -1.0


def test_retrieval_is_refused(data, capsys):
    task = data / "r.yaml"
    task.write_text("name: r\nkind: retrieval\nfiles: {test: test.tsv}\nmetric: mrr@10\n")
    given = ["--bm25", "--description", task, "--data", data, "--output", data / "p.jsonl", "--mark-training-texts"]
    assert predict.main([*map(str, given)]) == 2
    assert "--mark-training-texts: r is retrieval; leave it out" in capsys.readouterr().err


@pytest.mark.skipif(not REAL.exists(), reason="the first release of SMCD is not here")
def test_the_leak_of_the_first_release_of_smcd(tmp_path):
    made = tmp_path / "p.jsonl"
    given = ["--majority", "--description", "smcd_original", "--data", REAL, "--output", made, "--mark-training-texts"]
    assert predict.main([str(part) for part in given]) == 0
    found = score.score(made)
    assert (found["texts"], found["in_training"], found["not_in_training"]["texts"]) == (2560, 1297, 1263)
    assert (found["accuracy"], found["not_in_training"]["accuracy"]) == (66.33, 77.04)
