"""Scores of rankings, worked out by hand, and beside trec_eval's on drawn ones."""

import json
import math
import random

import pytest

from fairseq_hebrew.eval.compare import compare
from fairseq_hebrew.eval.score import score
from fairseq_hebrew.eval.scores.rankings import MEASURES, problem
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error


def record(name, gold, ranking, top=100, passages=500):
    """A query whose ranking is a list of ids, or of (id, score)."""
    scored = [one if isinstance(one, tuple) else (one, 1.0 - i / 1000) for i, one in enumerate(ranking)]
    return {
        "kind": "retrieval",
        "task": "t",
        "id": name,
        "text": f"שאלה {name}",
        "gold": gold,
        "ranking": [{"id": passage, "score": value} for passage, value in scored],
        "passages": passages,
        "top": top,
    }


RECORDS = [
    record("1", {"a": 3, "b": 1, "c": 2, "d": 0}, ["b", "x", "a", "c", "d"]),  # graded
    record("2", {"a": 1}, ["x", "y"]),  # nothing found
    record("3", {"a": 1, "b": 1}, [*(f"x{i}" for i in range(11)), "a"]),  # at the twelfth place, the other not
    record("4", {"a": 1}, []),  # an empty ranking
]
LOG2 = math.log2


def written(tmp_path, records, name="p.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def test_scores_by_hand(tmp_path):
    found = score(written(tmp_path, RECORDS))
    first = (1 + 3 / LOG2(4) + 2 / LOG2(5)) / (3 + 2 / LOG2(3) + 1 / LOG2(4))
    third = (1 / LOG2(13)) / (1 + 1 / LOG2(3))
    wanted = {
        "ndcg@10": first / 4,
        "ndcg@20": (first + third) / 4,
        "mrr@10": 1 / 4,  # the twelfth place is beyond the tenth
        "recall@20": (1 + 1 / 2) / 4,
        "recall@100": (1 + 1 / 2) / 4,
        "map@100": ((1 + 2 / 3 + 3 / 4) / 3 + (1 / 12) / 2) / 4,
    }
    assert {name: found[name] for name in wanted} == {name: round(100 * value, 2) for name, value in wanted.items()}
    assert (found["queries"], found["found_nothing"], found["passages"]) == (4, 2, 500)
    assert found["ndcg@10"] == 17.65 and "ir_measures" in found["scorer"]


def test_the_order_counts_where_scores_are_equal(tmp_path):
    # trec_eval would put the greater id first, whatever stands first
    for order, value in ((["a", "b"], 100.0), (["b", "a"], 50.0)):
        tied = record("1", {"a": 1}, [(one, 0.5) for one in order])
        assert score(written(tmp_path, [tied]))["mrr@10"] == value


def test_the_scores_are_those_of_trec_eval_over_all_queries(tmp_path):
    import ir_measures

    chance, records = random.Random(5), []
    for query in range(40):
        ids = [f"p{i}" for i in range(60)]
        chance.shuffle(ids)
        gold = {f"p{i}": chance.choice([0, 1, 1, 2, 5]) for i in chance.sample(range(70), 6)}
        records.append(record(str(query), {**gold, "p0": 1}, ids[: chance.randint(0, 60)]))
    found = score(written(tmp_path, records))
    measures = {name: ir_measures.parse_measure(one) for name, one in MEASURES.items()}
    qrels = {one["id"]: one["gold"] for one in records}
    runs = {one["id"]: {item["id"]: item["score"] for item in one["ranking"]} for one in records}
    theirs = ir_measures.calc_aggregate(list(measures.values()), qrels, runs)
    assert {name: found[name] for name in measures} == {
        name: round(100 * theirs[one], 2) for name, one in measures.items()
    }


def test_measures_that_reach_deeper_than_what_was_asked_for_are_not_told(tmp_path):
    shallow = [{**one, "top": 20} for one in RECORDS]
    assert set(MEASURES) - set(score(written(tmp_path, shallow))) == {"recall@100", "map@100"}
    # but a ranking of all passages there are is as deep as any
    whole = [record("1", {"a": 1}, ["b", "a"], top=2, passages=2)]
    assert set(MEASURES) <= set(score(written(tmp_path, whole)))
    with pytest.raises(UserError, match="rankings of 5 passages have no score; predict again with --top 10 or more"):
        score(written(tmp_path, [record("1", {"a": 1}, ["a"], top=5)]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ranking": [{"id": "a", "score": 1.0}, {"id": "a", "score": 0.5}]}, "ranking has the passage 'a' twice"),
        ({"ranking": [{"id": "a", "score": 0.1}, {"id": "b", "score": 0.5}]}, "'b' after a passage with a lower score"),
        ({"ranking": [{"id": "a"}]}, "ranking is no list of objects with id and score"),
        ({"ranking": [{"id": 7, "score": 1.0}]}, "ranking is no list of objects with id and score"),
        ({"ranking": [{"id": "a", "score": math.nan}]}, "ranking is no list of objects with id and score"),
        ({"ranking": ["a"]}, "ranking is no list of objects with id and score"),
        ({"ranking": [{"id": str(i), "score": 0} for i in range(101)]}, "101 passages, more than top 100 of 500"),
        ({"gold": {}}, "gold has no relevant passage"),
        ({"gold": {"a": 0}}, "gold has no relevant passage"),
        ({"gold": {"a": 1.5}}, "gold: the grade 1.5 of 'a' is no whole number from 0"),
        ({"gold": {"a": 1, "b": -1}}, "gold: the grade -1 of 'b' is no whole number from 0"),
        ({"gold": {"a": True}}, "gold: the grade True of 'a' is no whole number from 0"),
        ({"gold": ["a"]}, "the field 'gold' is missing or no dict"),
        ({"gold": {"a": 10**30}}, "is no whole number from 0 to 1000"),
        ({"gold": {"a\0": 1}}, "gold: 'a\\x00' is no id"),
        ({"passages": 499}, "another passages than on the first line"),
        ({"passages": True}, "passages True is no number from 1"),
        ({"top": 10}, "another top than on the first line"),
        ({"top": None}, "the field 'top' is missing or no int"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, change, told):
    path = written(tmp_path, [RECORDS[0], {**RECORDS[1], **change}])
    with pytest.raises(UserError) as raised:
        score(path)
    assert f"{path}:2: " in str(raised.value) and told in str(raised.value)


def test_half_a_character_is_no_id():
    """As JSON can write it: trec_eval's code in C reads no further."""
    assert "ranking: '\\ud800' is no id" in problem({**RECORDS[0], "ranking": [{"id": "\ud800", "score": 1.0}]})


def test_a_query_predicted_twice(tmp_path):
    with pytest.raises(UserError, match="query '1' is predicted twice"):
        score(written(tmp_path, [RECORDS[0], RECORDS[1], RECORDS[0]]))


def test_two_rankings_are_compared_by_their_scores(tmp_path):
    ideal = [{**one, "ranking": record("", {}, sorted(one["gold"], key=one["gold"].get)[::-1])["ranking"]} for one in
             RECORDS]  # fmt: skip
    files = [written(tmp_path, rows, name) for name, rows in (("a.jsonl", ideal), ("b.jsonl", RECORDS))]
    found = compare(*([path] for path in files), resamples=500)
    assert set(found["metrics"]) == set(MEASURES) and found["answered_differently"] == 4
    for path, which in zip(files, ("first", "second")):
        scores = score(path)
        assert {name: row[which]["value"] for name, row in found["metrics"].items()} == {
            name: scores[name] for name in MEASURES
        }
    assert found["metrics"]["ndcg@20"]["first"] == {"value": 100.0, "low": 100.0, "high": 100.0}
    # three of four queries are better, none is worse: in a quarter of the exchanges all three are on one side
    assert found["metrics"]["mrr@10"]["difference"]["p"] == pytest.approx(1 / 4, abs=0.06)


def test_rankings_of_other_lengths_are_compared_by_what_both_tell(tmp_path):
    long = written(tmp_path, [record("1", {"a": 1}, ["a"], top=100)], "long.jsonl")
    short = written(tmp_path, [record("1", {"a": 1}, ["b", "a"], top=20)], "short.jsonl")
    rows = compare([long], [short], resamples=50)["metrics"]
    assert set(rows) == {"ndcg@20", "ndcg@10", "mrr@10", "recall@20"}
    assert rows["mrr@10"]["second"]["value"] == 50.0
    few = written(tmp_path, [record("1", {"a": 1}, ["a"], top=5)], "few.jsonl")
    with pytest.raises(UserError, match="no measure is told by both"):
        compare([long], [few], resamples=50)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gold": {"a": 2}}, "b.jsonl:2: another example than on line 2"),
        ({"text": "אחרת"}, "b.jsonl:2: another example than on line 2"),
    ],
)
def test_rankings_of_other_queries_are_not_compared(tmp_path, change, told):
    rows = [RECORDS[0], {**RECORDS[1], **change}]
    with pytest.raises(UserError, match=told):
        compare([written(tmp_path, RECORDS[:2], "a.jsonl")], [written(tmp_path, rows, "b.jsonl")])


def test_the_command(tmp_path):
    path = written(tmp_path, RECORDS)
    done = run("fairseq-hebrew", "score", path, "--output", tmp_path / "s.json")
    assert done.returncode == 0 and "mrr@10" in done.stdout, done.stderr
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["mrr@10"] == 25.0
    assert "leave --particles out" in the_error(run("fairseq-hebrew", "score", path, "--particles"))
