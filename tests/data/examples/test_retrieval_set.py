"""Retrieval sets of BEIR's form and of SQuAD's, and what is refused in them."""

import codecs
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples.retrieval_set import read_retrieval_set, set_files
from fairseq_hebrew.stage.errors import UserError

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "retrieval"
BEIR = Retrieval(name="t", files={"test": "qrels/test.tsv"}, metric="ndcg@20", format="beir")
SQUAD = Retrieval(name="t", files={"test": "test.json"}, metric="ndcg@20", format="squad")

CORPUS = [
    {"_id": "d1", "title": "ירושלים", "text": "עיר הבירה."},
    {"_id": "d2", "title": "", "text": " חיפה היא עיר. "},
    {"_id": 3, "text": "שור", "metadata": {}},
]
QUERIES = [
    {"_id": "q1", "text": "מהי הבירה?"},
    {"_id": "q2", "text": "ומהי חיפה?"},
    {"_id": "other", "text": "של חלק אחר"},
]
QRELS = "query-id\tcorpus-id\tscore\nq2\td2\t2\nq1\td1\t1\nq2\t3\t0\n"


def lines(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(lines(CORPUS), encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text(lines(QUERIES), encoding="utf-8")
    (tmp_path / "qrels" / "test.tsv").write_text(QRELS, encoding="utf-8")
    return tmp_path


def test_a_set_of_beirs_form(folder):
    found = read_retrieval_set(folder, "test", BEIR)
    assert found.queries == [("q2", "ומהי חיפה?", {"d2": 2, "3": 0}), ("q1", "מהי הבירה?", {"d1": 1})]
    wanted = [("d1", "ירושלים עיר הבירה."), ("d2", "חיפה היא עיר."), ("3", "שור")]
    assert list(found.passages) == list(found.passages) == wanted and len(found.passages) == 3
    assert found.files == [folder / "qrels/test.tsv", folder / "corpus.jsonl", folder / "queries.jsonl"]
    assert set_files(found.files[0], folder, BEIR) == found.files


def test_line_ends_blank_lines_a_mark_at_the_beginning_and_no_header(folder):
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        path = folder / name
        text = path.read_text(encoding="utf-8").removeprefix("query-id\tcorpus-id\tscore\n")
        path.write_bytes(codecs.BOM_UTF8 + text.replace("\n", "\r\n\r\n").encode())
    found = read_retrieval_set(folder, "test", BEIR)
    assert [query.id for query in found.queries] == ["q2", "q1"]
    assert [passage.id for passage in found.passages] == ["d1", "d2", "3"]


def test_queries_without_a_relevant_passage_are_left_out_and_told(folder, capsys):
    path = folder / "qrels/test.tsv"
    path.write_text(QRELS.replace("q1\td1\t1", "q1\td1\t0"), encoding="utf-8")
    assert [query.id for query in read_retrieval_set(folder, "test", BEIR).queries] == ["q2"]
    assert f"{path}: 1 queries without a relevant passage are left out" in capsys.readouterr().err
    path.write_text("q1\td1\t0\n", encoding="utf-8")
    with pytest.raises(UserError, match="no query has a relevant passage; give one a score above 0"):
        read_retrieval_set(folder, "test", BEIR)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("qrels/test.tsv", "q1\td1\t1\nq9\td1\t1\n", "test.tsv:2: query 'q9' is not in"),
        ("qrels/test.tsv", "q1\td1\t1\nq1\td9\t1\nq2\td9\t1\n", "test.tsv:2: passage 'd9' is not in"),
        ("qrels/test.tsv", "q1\td1\t1\nq2\td2\t1\nq1\td1\t2\n", "test.tsv:3: query 'q1' and passage 'd1' stand on lin"),
        ("qrels/test.tsv", "q1\td1\n", "test.tsv:1: 2 columns, not 3"),
        ("qrels/test.tsv", "q1 0 d1 1\n", "test.tsv:1: 1 columns, not 3"),
        ("qrels/test.tsv", "q1\td1\t0.5\n", "test.tsv:1: score '0.5' is no whole number from 0"),
        ("qrels/test.tsv", "q1\td1\t-1\n", "test.tsv:1: score '-1' is no whole number from 0"),
        ("qrels/test.tsv", "q1\td1\t99999999999\n", "test.tsv:1: score '99999999999' is no whole number"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\t\t1\n", "test.tsv:2: corpus-id is empty"),
        ("qrels/test.tsv", "q1\td1\t1\nquery-id\tcorpus-id\tscore\n", "test.tsv:2: score 'score' is no whole number"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "test.tsv: no judgements in the file"),
        ("corpus.jsonl", lines([*CORPUS, CORPUS[0]]), "corpus.jsonl:4: passage 'd1' stands on line 1 too"),
        ("corpus.jsonl", lines(CORPUS) + '{"_id": "3", "text": "א"}', ":4: passage '3' stands on line 3 too"),
        ("corpus.jsonl", lines(CORPUS) + '{"_id": "d4", "title": "", "text": " "}', ":4: the text of 'd4' is empty"),
        ("corpus.jsonl", lines(CORPUS) + "{", "corpus.jsonl:4: no JSON record"),
        ("corpus.jsonl", lines(CORPUS) + "[" * 100_000, "corpus.jsonl:4: no JSON record"),
        ("corpus.jsonl", lines(CORPUS) + '{"text": "א"}', "corpus.jsonl:4: no _id, or an empty one"),
        ("corpus.jsonl", lines(CORPUS) + '{"_id": "d4", "text": ["א"]}', ":4: text: ['א'] is no text"),
        ("corpus.jsonl", lines(CORPUS) + '{"_id": "d4", "title": 4, "text": "א"}', ":4: title: 4 is no text"),
        ("corpus.jsonl", lines(CORPUS) + '{"_id": "d4", "text": "\\ud83d"}', ":4: half of a character, \\ud83d"),
        ("corpus.jsonl", "", "corpus.jsonl: nothing in the file"),
        ("queries.jsonl", lines([*QUERIES, QUERIES[0]]), "queries.jsonl:4: query 'q1' stands on line 1 too"),
        ("queries.jsonl", lines(QUERIES[:1]), "test.tsv:2: query 'q2' is not in"),
    ],
)
def test_mistakes_are_named_by_file_and_line(folder, name, text, told):
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_retrieval_set(folder, "test", BEIR)
    assert told in str(raised.value) and str(folder) in str(raised.value)


def test_files_that_are_none_of_utf8(folder):
    path = folder / "corpus.jsonl"
    path.write_bytes(lines(CORPUS).encode() + b'{"_id": "x", "text": "\xf9\xec\xe5\xed"}\n')
    with pytest.raises(UserError, match=r"corpus.jsonl:4: invalid UTF-8"):
        read_retrieval_set(folder, "test", BEIR)
    path.write_text(lines(CORPUS), encoding="utf-16")
    with pytest.raises(UserError, match=r"corpus.jsonl: UTF-16, not UTF-8"):
        read_retrieval_set(folder, "test", BEIR)
    path.unlink()
    with pytest.raises(UserError, match=r"corpus.jsonl: no such file"):
        read_retrieval_set(folder, "test", BEIR)
    with pytest.raises(UserError, match="no split 'valid' in its description; it has test"):
        read_retrieval_set(folder, "valid", BEIR)


def question(name, *answers):
    return {"id": name, "question": f"{name}?", "answers": [{"text": text, "answer_start": 0} for text in answers]}


def test_the_questions_of_squads_form_find_their_own_paragraphs(tmp_path):
    paragraphs = [
        {"context": "חיפה היא עיר.", "qas": [question("a", "חיפה"), question("b")]},
        {"context": "אין כאן.", "qas": [question("c")]},
        {"context": "חיפה היא עיר.", "qas": [question("d", "חיפה")]},
    ]
    (tmp_path / "test.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    found = read_retrieval_set(tmp_path, "test", SQUAD)
    assert found.queries == [("a", "a?", {"p0": 1}), ("d", "d?", {"p0": 1})]
    # paragraphs whose questions they do not answer are searched too, and each text once
    assert list(found.passages) == [("p0", "חיפה היא עיר."), ("p1", "אין כאן.")]
    assert set_files(tmp_path / "test.json", tmp_path, SQUAD) == found.files == [tmp_path / "test.json"]
    paragraphs[0]["qas"], paragraphs[2]["qas"] = [question("b")], [question("d")]
    (tmp_path / "test.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    with pytest.raises(UserError, match="no question with an answer"):
        read_retrieval_set(tmp_path, "test", SQUAD)


def test_pairs_and_triples_are_searched_for_their_own_passages(tmp_path):
    pairs = [
        {"query": "מהי הבירה?", "positive": "ירושלים.", "negatives": ["חיפה.", "עכו."]},
        {"query": "ומהי חיפה?", "positive": "חיפה."},
        {"query": "מהי הבירה?", "positive": "ירושלים היא הבירה."},
    ]
    (tmp_path / "a.jsonl").write_text(lines(pairs), encoding="utf-8")
    found = read_retrieval_set(tmp_path, "test", replace(SQUAD, format="pairs", files={"test": "a.jsonl"}))
    assert found.queries == [("q0", "מהי הבירה?", {"p0": 1, "p3": 1}), ("q1", "ומהי חיפה?", {"p1": 1})]
    assert [passage.text for passage in found.passages] == ["ירושלים.", "חיפה.", "עכו.", "ירושלים היא הבירה."]
    (tmp_path / "a.tsv").write_text("מהי הבירה?\tירושלים.\tחיפה.\n", encoding="utf-8")
    found = read_retrieval_set(tmp_path, "test", replace(SQUAD, format="triples", files={"test": "a.tsv"}))
    assert found.queries == [("q0", "מהי הבירה?", {"p0": 1})] and len(found.passages) == 2
    (tmp_path / "a.tsv").write_text("\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a.tsv: no pairs in the file"):
        read_retrieval_set(tmp_path, "test", replace(SQUAD, format="triples", files={"test": "a.tsv"}))


@pytest.mark.skipif(not REAL.exists(), reason="the real retrieval set is not here")
def test_heq_as_a_retrieval_set():
    description = read_description("heq_retrieval")
    for split, queries in (("valid", 1058), ("test", 1072)):
        found = read_retrieval_set(REAL, split, description)
        assert (len(found.queries), len(found.passages)) == (queries, 7446)
