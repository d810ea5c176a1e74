import json
import random

import pytest

from fairseq_hebrew.eval.compare import compare
from fairseq_hebrew.eval.score import score
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error
from tests.eval.scores.test_questions import RECORDS
from tests.eval.test_score import tagged, text


def written(path, records):
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path):
    """(good, bad): 60 sentences, of which one system finds all mentions and another none that are persons."""
    gold = [["B-PER", "E-PER", "O"], ["S-LOC", "O", "O"], ["O", "O", "O"]] * 20
    found = [["O", "O", "O"], ["S-LOC", "O", "O"], ["O", "O", "O"]] * 20
    good = written(tmp_path / "good.jsonl", [tagged(one, one) for one in gold])
    return [good], [written(tmp_path / "bad.jsonl", [tagged(g, p) for g, p in zip(gold, found)])]


def test_entities_by_hand(files):
    found = compare(*files)
    rows = found["metrics"]["f1"]
    assert rows["first"] == {"value": 100.0, "low": 100.0, "high": 100.0}
    # 20 right of 20 predicted and 40 gold: 2/3
    assert rows["second"]["value"] == score(files[1][0])["f1"] == 66.67
    assert rows["second"]["low"] < 60 < 73 < rows["second"]["high"]
    assert rows["difference"]["value"] == 33.33 and rows["difference"]["p"] == 1 / 10_001
    # All of the first are 100: the difference is 100 less the second.
    assert rows["difference"]["low"] == pytest.approx(100 - rows["second"]["high"], abs=0.01)
    assert found["answered_differently"] == 20 and found["examples"] == 60
    assert compare(*files) == found


def test_the_same_file_twice_does_not_differ(files):
    rows = compare(files[1], files[1], resamples=500)["metrics"]["f1"]
    assert rows["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    assert rows["first"] == rows["second"]


def test_the_order_of_the_files_turns_the_sign_alone(files):
    one, other = (compare(*pair, resamples=500)["metrics"]["f1"] for pair in (files, files[::-1]))
    assert (one["first"], one["second"]) == (other["second"], other["first"])
    assert one["difference"]["value"] == -other["difference"]["value"]
    assert one["difference"]["p"] == other["difference"]["p"]


def test_texts_have_the_metrics_of_their_scores(tmp_path):
    gold = ["0", "1"] * 25
    first = written(tmp_path / "a", [text(one, one if i % 10 else "2") for i, one in enumerate(gold)])
    second = written(tmp_path / "b", [text(one, one if i % 9 else "2") for i, one in enumerate(gold)])
    rows = compare([first], [second])["metrics"]
    for path, which in ((first, "first"), (second, "second")):
        scores = score(path)
        assert {name: row[which]["value"] for name, row in rows.items()} == {
            name: scores[name] for name in ("macro_f1", "accuracy", "mcc")
        }
    # 45 and 44 of 50 right, 10 texts answered differently by chance: no difference to speak of
    assert rows["accuracy"]["difference"]["value"] == 2.0 and rows["accuracy"]["difference"]["p"] > 0.5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: [rows[0], {**rows[1], "gold": "0"}, rows[2]], "b.jsonl:2: another example than on line 2"),
        (lambda rows: [rows[0], rows[1], {**rows[2], "text": "ב"}], "b.jsonl:3: another example than on line 3"),
        (lambda rows: rows[:2], "a.jsonl:3: has no partner"),
        (lambda rows: [*rows, rows[0]], "b.jsonl:4: has no partner"),
        (lambda rows: [{**row, "labels": {"0": "good", "1": "bad"}} for row in rows], "b.jsonl:1: another labels"),
        (lambda rows: [tagged(["O"], ["O"])], "b.jsonl:1: another kind"),
        (lambda rows: [{**rows[0], "predicted": "7"}], "b.jsonl:1: predicted '7' is none of the labels"),
    ],
)
def test_files_of_other_examples_are_refused(tmp_path, change, told):
    rows = [text("0", "0"), text("1", "0"), text("0", "1")]
    first, second = written(tmp_path / "a.jsonl", rows), written(tmp_path / "b.jsonl", change(rows))
    with pytest.raises(UserError) as raised:
        compare([first], [second])
    assert told in str(raised.value)


def test_questions_have_the_metrics_of_their_scores(tmp_path):
    second = [{**one, "predicted": "", "answers": []} for one in RECORDS]
    files = [written(tmp_path / name, rows) for name, rows in (("a", RECORDS), ("b", second))]
    rows = compare(*([path] for path in files), resamples=2000)["metrics"]
    for path, which in zip(files, ("first", "second")):
        scores = score(path)
        assert {name: row[which]["value"] for name, row in rows.items()} == {name: scores[name] for name in rows}
    assert set(rows) == {"exact_match", "f1", "exact_match_hebrew", "f1_hebrew"}
    # 1 and 7 are answered differently and not as well by both: the sign of their difference is chance
    assert rows["exact_match"]["difference"]["value"] == 0.0 and rows["exact_match"]["difference"]["p"] == 1.0


def test_numbers_have_the_correlation_of_their_scores(tmp_path):
    chance = random.Random(1)
    gold = [chance.random() * 5 for _ in range(40)]
    near, far = ([value + chance.gauss(0, spread) for value in gold] for spread in (0.1, 3))
    files = [
        written(
            tmp_path / name,
            [
                {"kind": "sequence_regression", "text": f"{i}", "gold": one, "predicted": other}
                for i, (one, other) in enumerate(zip(gold, predicted))
            ],
        )
        for name, predicted in (("near", near), ("far", far), ("flat", [1 / 3] * 40))
    ]
    for second in files[1:]:
        rows = compare([files[0]], [second], resamples=500)["metrics"]
        assert set(rows) == {"pearson"}
        for path, which in ((files[0], "first"), (second, "second")):
            assert rows["pearson"][which]["value"] == score(path)["pearson"]
        assert rows["pearson"]["difference"]["p"] < 0.01


def test_seeds_are_judged_by_their_mean(files, tmp_path):
    """Three seeds, of which one finds all mentions and two no person: (100 + 2 * 66.67) / 3."""
    (good,), (bad,) = files
    rows = compare([good, bad, bad], [bad, bad, bad], resamples=2000)["metrics"]["f1"]
    assert rows["first"]["value"] == 77.78 and rows["second"]["value"] == 66.67
    # 22.22, -11.11, -11.11 from the mean: the root of (22.22^2 + 2 * 11.11^2) / 2
    assert rows["first"]["deviation"] == 19.25 and rows["second"]["deviation"] == 0.0
    one = compare([good], [bad], resamples=2000)["metrics"]["f1"]
    assert rows["second"]["low"] == one["second"]["low"] and rows["difference"]["value"] == 11.11
    # On each resample the mean of a seed at 100 and two that are alike.
    for end in ("low", "high"):
        assert rows["first"][end] == pytest.approx((100 + 2 * one["second"][end]) / 3, abs=0.01)
    same = compare([good, bad], [bad, good], resamples=500)
    assert same["metrics"]["f1"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    assert same["answered_differently"] == 20


def test_seeds_must_be_as_many_and_of_one_test_set(files, tmp_path):
    (good,), (bad,) = files
    with pytest.raises(UserError, match="2 files of one model and 1 of the other"):
        compare([good, bad], [bad])
    short = written(tmp_path / "short.jsonl", [json.loads(line) for line in good.read_text().splitlines()[:7]])
    with pytest.raises(UserError, match=r"good\.jsonl:8: has no partner: .*short"):
        compare([good, short], [bad, bad])


def test_the_command(files, tmp_path):
    (good,), (bad,) = files
    done = run("fairseq-hebrew", "compare", good, bad, "--output", tmp_path / "c.json", "--resamples", 999)
    assert done.returncode == 0, done.stderr
    assert "33.33" in done.stdout and "p = 0.0010" in done.stdout
    found = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert found["resamples"] == 999 and found["metrics"]["f1"]["difference"]["p"] == 1 / 1000
    done = run("fairseq-hebrew", "compare", good, bad, "--against", bad, bad, "--resamples", 99)
    assert done.returncode == 0 and "16.67" in done.stdout and "seeds ± 23.57" in done.stdout, done.stderr
    assert "no such file" in the_error(run("fairseq-hebrew", "compare", good, tmp_path / "none"))
    assert "is also an input" in the_error(run("fairseq-hebrew", "compare", good, bad, "--output", bad))
    for wrong in (("--resamples", 0), ("--confidence", 95), ("--seed", -1), (good,)):
        assert run("fairseq-hebrew", "compare", good, bad, *wrong).returncode == 2
