"""Texts of tables and JSON lines, one or two at a time, with labels or numbers."""

import json

import pytest

from fairseq_hebrew.data.described.texts import SequenceClassification, SequenceRegression
from fairseq_hebrew.data.examples import LabelledText, read_file
from fairseq_hebrew.stage.errors import UserError

NLI = SequenceClassification(
    name="nli", files={}, labels={"0": "entailment", "1": "contradiction"}, metric="accuracy",
    text_column="premise", pair_column="hypothesis",
)  # fmt: skip
LIKE = SequenceRegression(
    name="like", files={}, metric="pearson", text_column="a", pair_column="b", label_column="score"
)


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_two_texts_of_a_table_and_of_records(tmp_path):
    wanted = [LabelledText(2, "הכלב רץ", "0", "כלב זז"), LabelledText(3, "היא ישנה", "1", "היא רצה")]
    table = written(tmp_path, "a.tsv", "label\tpremise\thypothesis\n0\tהכלב רץ\tכלב זז\n1\tהיא ישנה\tהיא רצה\n")
    rows = [{"premise": e.text, "hypothesis": e.pair, "label": int(e.label), "annotator": [1, 2]} for e in wanted]
    records = written(tmp_path, "a.jsonl", "\n" + "".join(json.dumps(row) + "\r\n" for row in rows))
    for path in (table, records):
        found = read_file(path, NLI)
        assert [(e.line, e.text, e.label, e.pair) for e in found] == [(e.line, e.text, e.label, e.pair) for e in wanted]


def test_a_table_without_a_header(tmp_path):
    bare = SequenceClassification(
        name="bare", files={}, labels={"0": "0"}, metric="accuracy", columns=["text", "label"]
    )
    (first,) = read_file(written(tmp_path, "a.tsv", "text\t0\n"), bare)
    assert (first.line, first.text) == (1, "text")
    with pytest.raises(UserError, match=r":2: 3 columns, `columns:` has 2"):
        read_file(written(tmp_path, "b.tsv", "א\t0\nב\t0\t0\n"), bare)


def test_numbers(tmp_path):
    path = written(tmp_path, "a.csv", 'a,b,score\n"שלום, לך",היי,4.5\nא,ב,-1e2\n')
    assert [(e.text, e.pair, e.value) for e in read_file(path, LIKE)] == [("שלום, לך", "היי", 4.5), ("א", "ב", -100.0)]
    for number in ("גבוה", "nan", "inf", ""):
        with pytest.raises(UserError, match=rf"b.csv:3: score '{number}' is no number"):
            read_file(written(tmp_path, "b.csv", f"a,b,score\nא,ב,1\nא,ב,{number}\n"), LIKE)


def test_empty_texts_are_refused_kept_or_left_out_and_counted(tmp_path, capsys):
    path = written(tmp_path, "a.tsv", "premise\thypothesis\tlabel\nא\t \t0\nב\tג\t1\n\tד\t1\n")
    with pytest.raises(UserError, match=r"a.tsv:2: the text is empty"):
        read_file(path, NLI)
    values = vars(NLI) | {"empty_texts": "keep"}
    assert len(read_file(path, SequenceClassification(**values))) == 3
    values["empty_texts"] = "leave-out"
    assert [e.text for e in read_file(path, SequenceClassification(**values))] == ["ב"]
    assert f"{path}: 2 examples without text are left out" in capsys.readouterr().err


def test_an_id_that_stands_twice_is_named_with_both_lines(tmp_path):
    values = vars(NLI) | {"id_column": "id"}
    path = written(tmp_path, "a.tsv", "id\tpremise\thypothesis\tlabel\n7\tא\tב\t0\n8\tא\tב\t0\n7\tג\tד\t1\n")
    with pytest.raises(UserError, match=r"a.tsv:4: id '7' stands on line 2 too"):
        read_file(path, SequenceClassification(**values))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.jsonl", '{"premise": "א", "hypothesis": "ב", "label": 0}\n{"premise": \n', ":2: no JSON record"),
        ("a.jsonl", "[1]\n", ":1: no JSON record"),
        ("a.jsonl", '{"premise": "א", "label": 0}\n', ":1: no key 'hypothesis'"),
        ("a.jsonl", '{"premise": 3, "hypothesis": "ב", "label": 0}\n', ":1: premise: 3 is no text"),
        ("a.jsonl", '{"premise": "א", "hypothesis": "ב", "label": null}\n', ":1: label: None is no label"),
        ("a.jsonl", '{"premise": "א", "hypothesis": "ב", "label": true}\n', ":1: label: True is no label"),
        ("a.jsonl", '{"premise": "א", "hypothesis": "ב", "label": 2}\n', ":1: label '2' is none of 0, 1"),
        ("a.tsv", "premise\tlabel\nא\t0\n", ":1: no column 'hypothesis' in the header"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, name, text, told):
    path = written(tmp_path, name, text)
    with pytest.raises(UserError) as raised:
        read_file(path, NLI)
    assert str(path) + told in str(raised.value)
