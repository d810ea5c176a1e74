"""The texts of evaluation files of every kind."""

import json

import pytest

from fairseq_hebrew.preprocess.duplicates.evaluation import read_items
from fairseq_hebrew.stage.errors import UserError

ONE, TWO = "משפט ראשון של הבדיקה", 'צה"ל הודיע'

SQUAD = {"data": [{"title": "כותרת", "paragraphs": [{"context": ONE, "qas": [{"question": TWO, "id": 5, "x": None}]}]}]}
KINDS = {
    "a.json": (json.dumps(SQUAD), ["כותרת", ONE, TWO]),
    "b.json": (json.dumps([ONE, [TWO, ONE, " ", 1.5, True]], ensure_ascii=False, indent=2), [ONE, TWO]),
    "a.jsonl": (json.dumps({"_id": "d1", "text": ONE}) + "\n\n" + json.dumps({"text": [TWO]}), ["d1", ONE, TWO]),
    "a.tsv": (f"comment\tlabel\n{ONE}\t0\r\n{TWO}\t1\n", ["comment", "label", ONE, "0", TWO, "1"]),
    "a.csv": ('text,label\n"אחת, ""שתיים""\nשלוש",0\n', ["text", "label", 'אחת, "שתיים"\nשלוש', "0"]),
    "a.bmes": ("משפט O\nראשון S-PER\n\nשני O", ["משפט ראשון", "שני"]),
    "a.BIOSE": ("ה\tB-ORG|I-TTL\nכנסת\tE-TTL\n \nא O\n", ["ה כנסת", "א"]),
    "a.txt": (f"\ufeff{ONE}\n\n{TWO}\n{ONE}", [ONE, TWO]),
    "noending": (ONE, [ONE]),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(tmp_path, name):
    text, wanted = KINDS[name]
    (tmp_path / name).write_bytes(text.encode("utf-8"))
    assert read_items(tmp_path / name) == wanted


def test_half_a_surrogate_pair_is_no_reason_to_stop(tmp_path):
    (tmp_path / "a.json").write_text(r'["\ud83d אב", "\ud83d\ude00"]')
    assert read_items(tmp_path / "a.json") == ["? אב", "😀"]


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("a.json", b"[1,\n2", "a.json:2: not JSON"),
        ("a.jsonl", b'{"a": "b"}\n{"a"}\n', "a.jsonl:2: not JSON"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl:1: not JSON"),
        ("a.csv", b"a,b\nc\rd,e\n", "a.csv:2: not CSV"),
        ("a.json", b"[1, null, [[]]]", "no text is in it"),
        ("a.txt", b" \n\n", "no text is in it"),
        ("a.tsv", b"a\xff\tb\n", "a.tsv:1: invalid UTF-8"),
    ],
)
def test_what_is_not_what_it_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_items(tmp_path / name)
