"""Inputs that have ids keep them in their records, and others have none."""

import json

import pytest

from fairseq_hebrew.predict import command as predict

CLASSES = "name: t\nkind: sequence_classification\nlabels: {'0': x, '1': y}\nmetric: accuracy\n"
NUMBERS = "name: t\nkind: sequence_regression\nmetric: pearson\n"
WORDS = "name: t\nkind: token_classification\nlabels: [PER]\nmetric: f1\n"
TABLE = "text\tname\tlabel\nא\t7\t0\nב\tx-8\t1\n"
RECORDS = '{"text": "א", "name": 7, "label": 0}\n{"text": "ב", "name": "x-8", "label": 1}\n'
SPANS = '{"id": 7, "text": "א", "label": []}\n{"id": "x-8", "text": "ב", "label": []}\n'
TOKENS = '{"uid": 7, "tokens": ["א"], "tags": ["O"]}\n{"uid": "x-8", "tokens": ["ב"], "tags": ["O"]}\n'


@pytest.mark.parametrize(
    ("description", "ending", "text", "ids"),
    [
        (CLASSES + "id_column: name\n", "tsv", TABLE, ["7", "x-8"]),
        (CLASSES + "id_column: name\n", "jsonl", RECORDS, ["7", "x-8"]),
        (CLASSES, "tsv", TABLE, [None, None]),
        (NUMBERS + "id_column: name\n", "tsv", TABLE, ["7", "x-8"]),
        (WORDS + "format: spans\n", "jsonl", SPANS, ["7", "x-8"]),
        (WORDS + "format: tokens\nid_field: uid\n", "jsonl", TOKENS, ["7", "x-8"]),
        (WORDS + "format: tokens\n", "jsonl", TOKENS, [None, None]),
        (WORDS + "format: tokens\nid_field: uid\n", "jsonl", TOKENS.replace("7", "true"), [None, "x-8"]),
        (WORDS, "bmes", "א O\n\nב O\n", [None, None]),
    ],
)
def test_ids_are_written(tmp_path, description, ending, text, ids):
    (tmp_path / f"all.{ending}").write_text(text, encoding="utf-8")
    files = f"files: {{train: all.{ending}, test: all.{ending}}}\n"
    (tmp_path / "task.yaml").write_text(description + files, encoding="utf-8")
    made = tmp_path / "p.jsonl"
    given = ["--majority", "--description", tmp_path / "task.yaml", "--data", tmp_path, "--output", made]
    assert predict.main([str(part) for part in given]) == 0
    records = [json.loads(line) for line in made.read_text(encoding="utf-8").splitlines()]
    assert [record.get("id") for record in records] == ids
    assert all("id" in record for record, wanted in zip(records, ids) if wanted is not None)
    assert all("id" not in record for record, wanted in zip(records, ids) if wanted is None)
