"""Scores of answers, worked out by hand, and the threshold between an answer and none."""

import itertools
import json
import random

import pytest

from fairseq_hebrew.eval.score import read_threshold, score, table
from fairseq_hebrew.eval.scores.questions import best_threshold, decided
from fairseq_hebrew.eval.scores.questions import score as score_records
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error


def record(name, gold, said, difference=-1.0, shown=None, unanswerable=True):
    """A question whose best answer is `shown`, or what was said; `difference`: of the score of none to its score."""
    shown = said if shown is None else shown
    return {
        "kind": "question_answering",
        "task": "t",
        "id": name,
        "question": "?",
        "text": "...",
        "gold": [{"text": text, "start": 0} for text in gold],
        "predicted": said,
        "answers": [{"text": shown, "start": 0, "end": len(shown), "score": 2.0}] if shown else [],
        "null_score": 2.0 + difference,
        "null_threshold": 0.0,
        "unanswerable": unanswerable,
    }


RECORDS = [
    record("1", ["תל אביב", "העיר תל אביב"], "תל אביב"),  # exact
    record("2", ["בעיר חיפה"], "חיפה"),  # F1 2/3; with particles the same: the words are two and one
    record("3", ["שָׁלוֹם צה״ל"], 'שלום צה"ל'),  # right in Hebrew alone
    record("4", ["בבית"], "הבית"),  # no particles of one another
    record("5", ["בית הספר"], "בבית הספר"),  # F1 1/2; right with particles
    record("6", [], "", 3.0, "אולי"),  # rightly none
    record("7", [], "לא"),  # wrongly some
    record("8", ["כן"], "", 1.0, "כן"),  # wrongly none
]


def written(tmp_path, records, name="p.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def test_scores_by_hand(tmp_path):
    found = score(written(tmp_path, RECORDS), particles=True)
    # exact: 1 and 6; F1: 1, 2/3, 0, 0, 1/2, 1, 0, 0
    assert (found["exact_match"], found["f1"]) == (25.0, round(100 * (2.5 + 2 / 3) / 8, 2))
    # and 3 in Hebrew
    assert (found["exact_match_hebrew"], found["f1_hebrew"]) == (37.5, round(100 * (3.5 + 2 / 3) / 8, 2))
    # and 5 whole
    assert (found["exact_match_particles"], found["f1_particles"]) == (50.0, round(100 * (4 + 2 / 3) / 8, 2))
    assert found["questions"] == 8 and found["null_threshold"] == 0.0
    parts = found["by_label"]
    assert parts["answerable"]["questions"] == 6 and parts["unanswerable"]["questions"] == 2
    assert parts["answerable"]["exact_match"] == round(100 / 6, 2) and parts["unanswerable"]["f1"] == 50.0
    assert "SQuAD 2.0's" in table(found) and "of 6" in table(found) and "particles" in found["scorer"]
    assert "particles" not in score(written(tmp_path, RECORDS))["scorer"]


def test_where_every_question_has_an_answer_there_are_no_parts(tmp_path):
    records = [record("1", ["א"], "א", unanswerable=False)]
    found = score(written(tmp_path, records))
    assert found["f1"] == 100.0 and "by_label" not in found and "null_threshold" not in found
    for asked in ({"threshold": 0.0}, {"tune": True}):
        with pytest.raises(UserError, match="every question of this task has an answer"):
            score(written(tmp_path, records), **asked)


def test_a_threshold_decides_anew():
    assert [decided(one, 2.0) for one in RECORDS[5:]] == ["", "לא", "כן"]
    assert score_records(RECORDS, threshold=2.0)["exact_match"] == 37.5
    assert score_records(RECORDS, threshold=-9.0)["exact_match"] == 25.0  # none to all: 6 and 7


def test_the_tuned_threshold_is_the_best_there_is():
    chance = random.Random(3)
    for size in (1, 2, 5, 30):
        records = []
        for i in range(size):
            gold = chance.choice([[], ["א"], ["א ב"]])
            records.append(record(str(i), gold, "", chance.choice([-2.0, 0.0, 0.5, round(chance.gauss(0, 2), 6)]), "א"))
        chosen = score_records(records, tune=True)
        differences = sorted({one["null_score"] - 2.0 for one in records})
        tried = [differences[0] - 1, *differences, *(sum(pair) / 2 for pair in itertools.pairwise(differences)), 99.0]
        assert chosen["f1"] == max(score_records(records, threshold=one)["f1"] for one in tried)
        assert chosen["null_threshold"] == best_threshold(records)


def test_differences_of_a_millionth_are_told_apart():
    records = [record("1", ["א"], "", 0.000001, "א"), record("2", [], "", 0.000002, "א")]
    assert score_records(records, tune=True)["f1"] == 100.0


def test_nothing_to_choose_from():
    assert best_threshold([record("1", [], "")]) == 0.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gold": ["א"]}, "gold is no list of objects with text"),
        ({"answers": [{"text": "א"}]}, "answers is no list of objects with text and score"),
        ({"answers": [{"text": "א", "score": True}]}, "answers is no list of objects"),
        ({"predicted": "ב"}, "predicted is neither empty nor the first of answers"),
        ({"null_score": "2"}, "the field 'null_score' is missing or no float"),
        ({"unanswerable": 1}, "the field 'unanswerable' is missing or no bool"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, change, told):
    path = written(tmp_path, [RECORDS[0], {**record("9", ["א"], "א"), **change}])
    with pytest.raises(UserError) as raised:
        score(path)
    assert f"{path}:2: {told}" in str(raised.value)


def test_a_question_predicted_twice(tmp_path):
    with pytest.raises(UserError, match="'1' is predicted twice"):
        score(written(tmp_path, [RECORDS[0], RECORDS[1], RECORDS[0]]))


def test_the_commands(tmp_path):
    dev, test = written(tmp_path, RECORDS, "dev.jsonl"), written(tmp_path, RECORDS[:6], "test.jsonl")
    done = run("fairseq-hebrew", "score", dev, "--tune-threshold", "--output", tmp_path / "dev.json")
    assert done.returncode == 0 and "null_threshold" in done.stdout, done.stderr
    tuned = json.loads((tmp_path / "dev.json").read_text(encoding="utf-8"))
    assert tuned["null_threshold"] == best_threshold(RECORDS) == 2.0 and tuned["exact_match"] == 37.5
    done = run("fairseq-hebrew", "score", test, "--threshold", tmp_path / "dev.json", "--output", tmp_path / "t.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["null_threshold"] == 2.0
    assert "no number, and no file of scores" in the_error(run("fairseq-hebrew", "score", test, "--threshold", dev))
    both = run("fairseq-hebrew", "score", test, "--threshold", "1", "--tune-threshold")
    assert both.returncode == 2 and "leave one of them out" in both.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"null_score": float("nan")},
        {"null_threshold": float("inf")},
        {"answers": [{"text": "", "score": float("nan")}]},
    ],
)
def test_numbers_that_are_none(tmp_path, change):
    with pytest.raises(UserError, match=r"p\.jsonl:2: (null_|answers is no list)"):
        score(written(tmp_path, [RECORDS[0], {**RECORDS[7], **change}]))


@pytest.mark.parametrize("given", ["nan", "inf", "x", ""])
def test_what_is_no_threshold(given):
    with pytest.raises(UserError, match="no number, and no file of scores"):
        read_threshold(given)
    assert read_threshold("-1.5") == -1.5


def test_other_kinds_have_no_threshold(tmp_path):
    text = {"kind": "sequence_classification", "text": "א", "gold": "0", "predicted": "0", "labels": {"0": "x"}}
    for asked, option in (({"threshold": 1.0}, "--threshold"), ({"particles": True}, "--particles")):
        with pytest.raises(UserError, match=f"predictions of sequence_classification; leave {option} out"):
            score(written(tmp_path, [text]), **asked)
