import json
import tracemalloc

import pytest
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.scheme import IOBES
from sklearn.metrics import f1_score

from fairseq_hebrew.eval.score import score, table
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import run, the_error


def written(tmp_path, records):
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def tagged(gold, predicted):
    words = ["מילה"] * len(gold)
    return {"kind": "token_classification", "scheme": "bioes", "words": words, "gold": gold, "predicted": predicted}


def text(gold, predicted):
    labels = {"0": "good", "1": "bad", "2": "off"}
    return {"kind": "sequence_classification", "text": "א", "gold": gold, "predicted": predicted, "labels": labels}


def test_entities_by_hand_and_by_seqeval(tmp_path):
    gold = [["B-PER", "E-PER", "O"], ["S-LOC", "O"], ["S-ORG"]]
    predicted = [["B-PER", "E-PER", "O"], ["S-ORG", "O"], ["B-ORG"]]
    found = score(written(tmp_path, [tagged(g, p) for g, p in zip(gold, predicted)]))
    # 3 mentions; 2 predicted (the lone B-ORG is none); 1 right: precision 1/2, recall 1/3, F1 0.4
    assert (found["precision"], found["recall"], found["f1"], found["mentions"]) == (50.0, 33.33, 40.0, 3)
    assert found["f1"] == round(100 * seqeval_f1(gold, predicted, mode="strict", scheme=IOBES), 2)
    assert found["by_type"]["PER"] == {"f1": 100.0, "precision": 100.0, "recall": 100.0, "mentions": 1}
    assert "seqeval strict, IOBES" in table(found)


def test_texts_by_scikit_learn_over_all_labels(tmp_path):
    gold, predicted = ["0", "0", "1", "1"], ["0", "1", "1", "1"]
    found = score(written(tmp_path, [text(g, p) for g, p in zip(gold, predicted)]))
    # label 2 never occurs: its F1 counts as 0
    expected = f1_score(gold, predicted, labels=["0", "1", "2"], average="macro", zero_division=0)
    assert found["macro_f1"] == round(100 * expected, 2)
    assert found["accuracy"] == 75.0 and found["by_label"]["bad"]["texts"] == 2


def test_texts_precision_recall_confusion_and_correlation_by_hand(tmp_path):
    gold = ["0", "0", "0", "1", "1", "2"]
    predicted = ["0", "0", "1", "1", "0", "1"]
    found = score(written(tmp_path, [text(g, p) for g, p in zip(gold, predicted)]))
    assert found["confusion"] == {"labels": ["good", "bad", "off"], "rows": [[2, 1, 0], [1, 1, 0], [0, 1, 0]]}
    # "bad": 1 right of 3 predicted and of 2 there: precision 1/3, recall 1/2, F1 0.4; "good": 2/3, 2/3, 2/3
    assert found["by_label"]["bad"] == {"f1": 40.0, "precision": 33.33, "recall": 50.0, "texts": 2}
    assert found["macro_f1"] == round(100 * (2 / 3 + 0.4 + 0) / 3, 2) and found["micro_f1"] == found["accuracy"] == 50.0
    # Matthews: (3 * 6 - (3*3 + 3*2 + 0*1)) / sqrt((36 - 18) (36 - 14))
    assert found["mcc"] == round(100 * 3 / (18 * 22) ** 0.5, 2)


def valued(gold, predicted):
    return {"kind": "sequence_regression", "text": "א", "gold": gold, "predicted": predicted}


def test_numbers_by_hand(tmp_path):
    # Deviations of gold -1, 0, 1 and of predicted -1, 1, 0 about their means: 1 / 2; ranks alike
    found = score(written(tmp_path, [valued(*pair) for pair in ((1, 10.0), (2, 12.0), (3, 11.0))]))
    assert (found["pearson"], found["spearman"], found["texts"]) == (50.0, 50.0, 3)
    assert found["mean_squared_error"] == round((81 + 100 + 64) / 3, 4)
    flat = score(written(tmp_path, [valued(1, 2.0), valued(3, 2.0)]))
    assert (flat["pearson"], flat["spearman"]) == (0.0, 0.0)


def test_nothing_predicted_is_zero_not_an_error(tmp_path):
    found = score(written(tmp_path, [tagged(["S-PER"], ["O"])]))
    assert found["f1"] == 0.0 and found["mentions"] == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", ":2: not a JSON record"),
        ("[]", ":2: kind None is none of"),
        ('{"kind": "parsing"}', ":2: kind 'parsing' is none of"),
        ('{"kind": "token_classification", "words": []}', ":2: the field 'gold' is missing"),
        (json.dumps(tagged(["O"], ["X-PER"])), ":2: predicted tag 'X-PER' is not of the scheme bioes"),
        (json.dumps({**tagged(["O"], ["O"]), "scheme": "iob1"}), ":2: scheme 'iob1' is none of"),
        (json.dumps({**tagged(["O"], ["O"]), "gold": None}), ":2: the field 'gold' is missing or no list"),
        (json.dumps({**tagged(["O"], ["O"]), "scheme": "bio"}), ":2: another scheme than on the first line"),
        (json.dumps(text("7", "0")), ":2: gold '7' is none of the labels 0, 1, 2"),
        (json.dumps({**text("0", "0"), "labels": ["0"]}), ":2: the field 'labels' is missing or no dict"),
        (json.dumps(valued(1, None)), ":2: the field 'predicted' is missing or no number"),
        (json.dumps(valued(1, float("nan"))), ":2: predicted nan is no number"),
        (json.dumps(text("0", "0")), ":2: another kind than on the first line"),
        (json.dumps(tagged(["O"], ["O", "O"])), ":2: words, gold and predicted differ in length"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, line, told):
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps(tagged(["O"], ["O"])) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        score(path)
    assert told in str(raised.value)


def test_the_command(tmp_path):
    path = written(tmp_path, [text("0", "0"), text("1", "0")])
    done = run("fairseq-hebrew", "score", path, "--output", tmp_path / "scores.json")
    assert done.returncode == 0 and "macro_f1" in done.stdout
    assert json.loads((tmp_path / "scores.json").read_text())["accuracy"] == 50.0
    assert "no such file" in the_error(run("fairseq-hebrew", "score", tmp_path / "none"))
    assert "is also an input" in the_error(run("fairseq-hebrew", "score", path, "--output", path))
    assert score(path)["accuracy"] == 50.0


def test_a_mean_of_several_files(tmp_path):
    """As of BMC's three splits: the mean of F1, not the F1 of all mentions together."""
    records = [
        [tagged(["S-PER"], ["S-PER"])],  # F1 100
        [tagged(["S-PER", "S-PER", "S-LOC"], ["S-PER", "O", "O"])],  # precision 1/1, recall 1/3: F1 50
        [tagged(["S-LOC"], ["O"])],  # F1 0
    ]
    paths = []
    for number, its in enumerate(records, start=1):
        (tmp_path / str(number)).mkdir()
        paths.append(written(tmp_path / str(number), [{**record, "task": f"bmc_{number}"} for record in its]))
    output = tmp_path / "mean.json"
    done = run("fairseq-hebrew", "score", *paths, "--mean", "--output", output)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert (found["f1"], found["recall"], found["mean_of"], found["mentions"]) == (50.0, 44.44, 3, 5)
    assert found["task"] == "bmc_1, bmc_2, bmc_3" and found["others"]["conlleval"]["f1"] == 50.0
    # PER stands in two of them, with 100 and 2 * 1 / (1 + 2), which is 66.67; LOC in two, with 0 and 0.
    assert found["by_type"]["PER"]["f1"] == pytest.approx(83.335, abs=0.006)
    assert found["by_type"]["LOC"] == {
        **dict.fromkeys(("f1", "precision", "recall"), 0.0),
        "mentions": 2,
    }
    assert [its["f1"] for its in found["each"].values()] == [100.0, 50.0, 0.0]
    assert "mean of 3 files" in done.stdout and f"{paths[1]}: f1 50.0" in done.stdout
    assert f"{paths[0]} is also an input" in the_error(
        run("fairseq-hebrew", "score", *paths, "--mean", "--output", paths[0])
    ).replace(":", "")
    for options, told in (((), "add --mean"), ((paths[0], "--mean"), "given twice")):
        done = run("fairseq-hebrew", "score", *paths, *options)
        assert done.returncode == 2 and told in done.stderr
    (tmp_path / "t").mkdir()
    other = written(tmp_path / "t", [text("0", "0")])
    assert "take the mean of one kind" in the_error(run("fairseq-hebrew", "score", paths[0], other, "--mean"))


def test_of_long_texts_no_more_is_in_memory_than_the_scores_need(tmp_path):
    """200 texts of 200 kB: 40 MB on disk, of which at most a few records stand in memory."""
    path = tmp_path / "predictions.jsonl"
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(200):
            file.write(json.dumps({**text("0", "1"), "text": "a" * 200_000}) + "\n")
    tracemalloc.start()
    try:
        found = score(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found["texts"] == 200 and found["accuracy"] == 0.0
    assert peak < 10_000_000


@pytest.mark.parametrize("line", ["[" * 100_000, '{"kind": ["a"]}', '{"kind": 7}', "\ud800"])
def test_what_is_no_record_gets_one_line(tmp_path, line):
    path = tmp_path / "predictions.jsonl"
    path.write_bytes((line + "\n").encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError, match=r"predictions\.jsonl:1: (not a JSON record|kind )"):
        score(path)
