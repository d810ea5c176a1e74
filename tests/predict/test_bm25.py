"""BM25, worked out by hand, and the command that writes its rankings."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples.retrieval_set import Passage, Passages, Query, RetrievalSet, read_retrieval_set
from fairseq_hebrew.eval.scores.rankings import kept, score
from fairseq_hebrew.predict.bm25 import K1, B, rankings
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error
from tests.data.examples.test_retrieval_set import CORPUS, QRELS, QUERIES, REAL, lines

TASK = Retrieval(name="t", files={}, metric="ndcg@20", format="beir")
TEXTS = ["בית גדול, בית קטן", "הבית הגדול", "ילדה קטן קטן", "עץ", "בית"]


def searched(texts, *queries):
    passages = [Passage(f"d{i}", text) for i, text in enumerate(texts)]
    asked = [Query(f"q{i}", text, {"d0": 1}) for i, text in enumerate(queries)]
    return RetrievalSet(asked, Passages(lambda: passages, len(passages)), [Path("corpus.jsonl")])


def bm25(query, passages):
    """The formula of Robertson and Zaragoza 2009 with Lucene's weights, term by term."""
    mean = sum(map(len, passages)) / len(passages)
    scores = []
    for passage in passages:
        score = 0.0
        for term in query:
            having = sum(term in other for other in passages)
            frequency = passage.count(term)
            weight = math.log(1 + (len(passages) - having + 0.5) / (having + 0.5)) if having else 0.0
            score += weight * frequency / (frequency + K1 * (1 - B + B * len(passage) / mean))
        scores.append(round(score, 6))
    return scores


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("בית קטן?", ["בית", "קטן"]),
        ("קטן, קטן", ["קטן", "קטן"]),  # a term counts as often as the query has it
        ("בית לבן", ["בית", "לבן"]),  # and one that no passage has not at all
    ],
)
def test_scores_by_hand(query, terms):
    passages = [["בית", "גדול", "בית", "קטן"], ["הבית", "הגדול"], ["ילדה", "קטן", "קטן"], ["עץ"], ["בית"]]
    wanted = bm25(terms, passages)
    (found,) = rankings(TASK, searched(TEXTS, query), 10)
    assert {item["id"]: item["score"] for item in found["ranking"]} == {
        f"d{i}": pytest.approx(score, abs=1e-6) for i, score in enumerate(wanted) if score > 0
    }
    order = sorted((i for i, score in enumerate(wanted) if score > 0), key=lambda i: (-wanted[i], i))
    assert [item["id"] for item in found["ranking"]] == [f"d{i}" for i in order]


def test_one_passage_worked_out_to_the_end():
    # 2 passages of 1 and 3 terms, mean 2; the term is in the first alone: ln(1 + 1.5 / 1.5) = ln 2
    (found,) = rankings(TASK, searched(["עץ", "בית בית בית"], "עץ"), 10)
    assert found["ranking"] == [{"id": "d0", "score": round(math.log(2) / (1 + 0.9 * (0.6 + 0.4 / 2)), 6)}]


def test_equal_scores_stand_in_the_order_of_the_passages_and_the_rest_is_left_out():
    (found,) = rankings(TASK, searched(["בית", "עץ", "בית", "בית"], "בית"), 2)
    assert [item["id"] for item in found["ranking"]] == ["d0", "d2"]
    assert (found["passages"], found["top"]) == (4, 2)


def test_particles_make_words_meet():
    plain, empty = rankings(TASK, searched(TEXTS, "בבית", "?"), 10)
    assert plain["ranking"] == empty["ranking"] == []
    (found,) = rankings(TASK, searched(TEXTS, "בבית"), 10, particles=True)
    assert {item["id"] for item in found["ranking"]} == {"d0", "d1", "d4"}


def test_passages_without_a_word():
    with pytest.raises(UserError, match=r"corpus.jsonl: no passage has a word"):
        list(rankings(TASK, searched(["...", "!"], "בית"), 10))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, text in (("corpus.jsonl", lines(CORPUS)), ("queries.jsonl", lines(QUERIES)), ("test.tsv", QRELS)):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "task.yaml").write_text(
        "name: mine\nkind: retrieval\nformat: beir\nfiles: {test: test.tsv, train: test.tsv}\nmetric: mrr@10\n"
    )
    return folder


def test_the_command(data, tmp_path):
    made = tmp_path / "p.jsonl"
    arguments = ["predict", "--bm25", "--description", data / "task.yaml", "--data", data, "--output", made]
    done = run("fairseq-hebrew", *arguments, "--top", 10)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in made.read_text(encoding="utf-8").splitlines()]
    assert [record["id"] for record in records] == ["q2", "q1"]
    # ומהי and חיפה; הבירה
    assert [[item["id"] for item in record["ranking"]] for record in records] == [["d2"], ["d1"]]
    assert records[0]["gold"] == {"d2": 2, "3": 0} and records[0]["passages"] == 3
    assert "up to date, skipped" in run("fairseq-hebrew", *arguments, "--top", 10).stderr
    assert "up to date" not in run("fairseq-hebrew", *arguments, "--top", 10, "--particles").stderr
    (data / "corpus.jsonl").write_text(lines([*CORPUS, {"_id": "d4", "text": "הבירה"}]), encoding="utf-8")
    assert "up to date" not in run("fairseq-hebrew", *arguments, "--top", 10, "--particles").stderr
    scores = run("fairseq-hebrew", "score", made)
    assert scores.returncode == 0 and "ndcg@20" in scores.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--majority"], "--majority: mine is retrieval, and has --bm25 as its baseline; give that"),
        (["--bm25", "--majority"], "are baselines of different tasks"),
        (["--bm25", "--top", 0], "--top: at least 1"),
        (["--bm25", "--description", "smcd"], "--bm25: smcd is no retrieval, and has --majority as its baseline"),
        (["--majority", "--description", "smcd", "--top", 5], "--top: smcd is no retrieval; leave it out"),
        (["--majority", "--description", "smcd", "--particles"], "--particles is of --bm25; leave it out"),
    ],
)
def test_what_does_not_go_together(data, tmp_path, arguments, told):
    given = ["--description", data / "task.yaml", "--data", data, "--output", tmp_path / "p.jsonl", *arguments]
    done = run("fairseq-hebrew", "predict", *given)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr


def test_a_mistake_in_the_data_leaves_no_output(data, tmp_path):
    (data / "test.tsv").write_text("q1\tnone\t1\n", encoding="utf-8")
    made = tmp_path / "p.jsonl"
    given = ["--bm25", "--description", data / "task.yaml", "--data", data, "--output", made]
    assert "test.tsv:1: passage 'none' is not in" in the_error(run("fairseq-hebrew", "predict", *given))
    assert not made.exists()


BLOCKED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name}}", name=name)
sys.meta_path.insert(0, Refuse())
"""


def without(names, tmp_path, *arguments):
    """fairseq-hebrew where packages are not installed."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKED.format(names=names))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "fairseq_hebrew.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_neither_bm25_nor_its_scores_need_torch(data, tmp_path):
    made, none = tmp_path / "p.jsonl", ("torch", "fairseq")
    given = ["--bm25", "--description", data / "task.yaml", "--data", data, "--output", made]
    assert (done := without(none, tmp_path, "predict", *given)).returncode == 0, done.stderr
    assert (done := without(none, tmp_path, "score", made)).returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "command"), [("bm25s", "predict"), ("ir_measures", "score")])
def test_a_missing_package_is_named_with_its_remedy(data, tmp_path, name, command):
    made = tmp_path / "p.jsonl"
    given = ["--bm25", "--description", data / "task.yaml", "--data", data, "--output", made]
    if command == "score":
        assert run("fairseq-hebrew", "predict", *given).returncode == 0
        given = [made]
    line = the_error(without((name,), tmp_path, command, *given))
    assert line == f"error: {name} is not installed; install it with: pip install 'fairseq-hebrew[retrieval]'"


@pytest.mark.skipif(not REAL.exists(), reason="the real retrieval set is not here")
def test_bm25_on_heq():
    description = read_description("heq_retrieval")
    found = score(
        [kept(record) | record for record in rankings(description, read_retrieval_set(REAL, "test", description), 100)]
    )
    assert {name: found[name] for name in ("ndcg@20", "mrr@10", "recall@20", "recall@100")} == {
        "ndcg@20": 83.98, "mrr@10": 81.0, "recall@20": 93.19, "recall@100": 95.52,
    }  # fmt: skip
