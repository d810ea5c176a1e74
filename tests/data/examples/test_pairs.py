"""Pairs of all forms, read a line at a time; and what files of them may have wrong."""

import json
import pickle

import pytest

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import Pair, read_file, read_pair_set
from fairseq_hebrew.data.examples.relevance import identity
from fairseq_hebrew.stage.errors import UserError

RECORDS = [
    {"query": "מי כתב?", "positive": "דנה כתבה את הספר", "negatives": ["יעל קראה", "רות ישנה"], "id": 7},
    {"query": "מי קרא?", "positive": "יעל קראה\nאת הספר", "other": "key"},
    {"query": "מי כתב?", "positive": "הספר של דנה", "negatives": None, "id": "7"},
]
PAIRS = [
    Pair("מי כתב?", "דנה כתבה את הספר", ("יעל קראה", "רות ישנה")),
    Pair("מי קרא?", "יעל קראה\nאת הספר", ()),
    Pair("מי כתב?", "הספר של דנה", ()),
]


def described(form: str = "pairs") -> Retrieval:
    return Retrieval(name="n", files={}, metric="mrr@10", format=form)


def read(path, form="pairs"):
    return read_pair_set(path, path.parent, described(form))


def lines(records) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def relevant(found, query) -> set:
    return set(found.relevance.of(identity(query))["passage"].tolist())


def test_records_in_their_order_and_at_random(tmp_path):
    path = tmp_path / "p.jsonl"
    text = lines(RECORDS)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n", 1).replace("}\n{", "}\n\n \n{").encode())
    found = read(path)
    assert [found.pairs[i] for i in (2, 0, 1)] == [PAIRS[i] for i in (2, 0, 1)] and len(found) == 3
    assert list(found.pairs) == PAIRS == read_file(path, described())
    assert list(pickle.loads(pickle.dumps(found.pairs))) == PAIRS  # as a data worker may get them
    assert found.sizes.tolist() == [
        [len("מי כתב?".encode()), len(PAIRS[0].positive.encode()), 3],
        *found.sizes.tolist()[1:],
    ]
    assert found.sizes[1:, 2].tolist() == [1, 1]
    with pytest.raises(IndexError):
        found.pairs[3]


def test_what_answers_a_query_is_known_from_all_its_lines(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text(lines(RECORDS), encoding="utf-8")
    found = read(path)
    assert relevant(found, "מי כתב?") == {identity(PAIRS[0].positive), identity(PAIRS[2].positive)}
    assert relevant(found, "מי קרא?") == {identity(PAIRS[1].positive)}
    assert relevant(found, "מי ישן?") == set()


def test_the_last_line_may_have_no_end(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("שאלה\tתשובה\tאחר\nעוד\tאחת \tשנייה", encoding="utf-8")
    assert list(read(path, "triples").pairs) == [Pair("שאלה", "תשובה", ("אחר",)), Pair("עוד", "אחת", ("שנייה",))]


def test_squad_gives_the_answered_questions_their_paragraph(tmp_path):
    answer = {"text": "דנה", "answer_start": 0}
    asked = [
        {"id": "a", "question": "מי כתבה?", "answers": [answer], "is_impossible": False},
        {"id": "b", "question": "מי ישנה?", "answers": [], "is_impossible": True},
    ]
    content = {"data": [{"paragraphs": [{"context": "דנה כתבה", "qas": asked}]}]}
    (tmp_path / "s.json").write_text(json.dumps(content), encoding="utf-8")
    assert list(read(tmp_path / "s.json", "squad").pairs) == [Pair("מי כתבה?", "דנה כתבה")]


def beir(folder, qrels):
    passages = [{"_id": f"d{i}", "title": "כותרת" if i == 1 else "", "text": f"קטע {i % 4}"} for i in range(6)]
    (folder / "corpus.jsonl").write_text(lines(passages), encoding="utf-8")
    (folder / "queries.jsonl").write_text(
        lines([{"_id": "q1", "text": "שאלה"}, {"_id": "q2", "text": "אחרת"}]), "utf-8"
    )
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels, encoding="utf-8")
    return read(folder / "qrels.tsv", "beir")


def test_beir_makes_a_pair_of_each_passage_that_answers(tmp_path):
    found = beir(tmp_path, "q1\td1\t2\nq2\td2\t1\nq1\td0\t1\nq1\td3\t0\nq1\td4\t0\n")
    # d4 is a copy of d0, which answers
    assert list(found.pairs) == [
        Pair("שאלה", "כותרת קטע 1", ("קטע 3",)),
        Pair("שאלה", "קטע 0", ("קטע 3",)),
        Pair("אחרת", "קטע 2", ()),
    ]
    judged = found.relevance.of(identity("שאלה"))
    assert dict(zip(judged["passage"].tolist(), judged["grade"].tolist())) == {
        identity("כותרת קטע 1"): 2,
        identity("קטע 0"): 1,
    }


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "2: no JSON record"),
        ("[]", "2: no JSON record"),
        ("[" * 100_000, "2: no JSON record"),
        ({"positive": "א"}, "2: query is missing or no text"),
        ({"query": "א"}, "2: positive is missing or no text"),
        ({"query": "א", "positive": 3}, "2: positive is missing or no text"),
        ({"query": " ", "positive": "ב"}, "2: query is empty"),
        ({"query": "א", "positive": "\n"}, "2: positive is empty"),
        ({"query": "א", "positive": "ב", "negatives": "ג"}, "2: negatives is no list"),
        ({"query": "א", "positive": "ב", "negatives": ["ג", ""]}, r"2: negatives\[1\] is empty"),
        ({"query": "א", "positive": "ב", "negatives": ["ג", None]}, r"2: negatives\[1\] is missing or no text"),
        ({"query": "א", "positive": "ב", "negatives": ["ג", " ב"]}, r"2: negatives\[1\] is the positive itself"),
        ({"query": "א", "positive": "ב", "id": 7}, "2: id 7 stands on line 1 too"),
        ('{"query": "\\ud800", "positive": "ב"}', r"2: query has half of a character, \\ud800"),
    ],
)
def test_bad_records_are_refused_with_their_line(tmp_path, line, told):
    path = tmp_path / "p.jsonl"
    line = line if isinstance(line, str) else json.dumps(line)
    path.write_text(lines(RECORDS[:1]) + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"^{path}:{told}.*; "):
        read(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a\tb", "2: 2 columns, not 3"),
        ("a\tb\tc\td", "2: 4 columns, not 3"),
        ("\tb\tc", "2: the query is empty"),
        ("a\t \tc", "2: the positive is empty"),
        ("a\tb\t", "2: the negative is empty"),
        ("a\tb\tb ", "2: the negative is the positive itself"),
    ],
)
def test_bad_triples_are_refused_with_their_line(tmp_path, line, told):
    path = tmp_path / "t.tsv"
    path.write_text(f"a\tb\tc\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"^{path}:{told}; "):
        read(path, "triples")


def test_files_that_are_none(tmp_path):
    with pytest.raises(UserError, match="no such file; check the data folder"):
        read(tmp_path / "p.jsonl")
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)
    path = tmp_path / "p.jsonl"
    for content, told in (
        (b"\n \n", f"{path}: no pairs in the file"),
        ("{}".encode("utf-16"), f"{path}: UTF-16, not UTF-8"),
        (lines(RECORDS[:1]).encode() + b"\xff\n", f"{path}:2: invalid UTF-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=told):
            read(path)
