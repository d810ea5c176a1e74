"""Two texts, weights of labels, and numbers: by fairseq's own commands."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import matthews_corrcoef
from sklearn.utils.class_weight import compute_class_weight

from fairseq_hebrew.data.described.texts import SequenceClassification
from fairseq_hebrew.data.examples import LabelledText
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.sequence_classification import class_weights
from fairseq_hebrew.text.agreement import matthews
from tests.conftest import run, the_error

NAMES = ["דנה", "יוסי", "רותם", "גלעד"]
VERBS = ["רצה", "ישנה", "כתבה", "שרה"]


def inference(folder):
    """32 pairs: the second text says the same as the first (0) or another thing (1)."""
    rows = ["premise\thypothesis\tlabel"]
    for i, name in enumerate(NAMES):
        for j, verb in enumerate(VERBS):
            rows.append(f"{name} {verb} בבית\t{name} {verb}\t0")
            rows.append(f"{name} {verb} בבית\t{NAMES[(i + 1) % 4]} {VERBS[(j + 2) % 4]}\t1")
    (folder / "all.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return (
        "kind: sequence_classification\ntext_column: premise\npair_column: hypothesis\n"
        "labels: {'0': same, '1': other}\nmetric: mcc\nclass_weights: balanced\n"
    ), "tsv"


def likeness(folder):
    """32 pairs with how many of their words are the same."""
    rows = []
    for i, name in enumerate(NAMES):
        for j, verb in enumerate(VERBS):
            rows.append({"a": f"{name} {verb}", "b": f"{name} {verb}", "score": 2})
            rows.append({"a": f"{name} {verb}", "b": f"{NAMES[(i + 1) % 4]} {VERBS[(j + 1) % 4]}", "score": -0.5})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "all.jsonl").write_text(text, encoding="utf-8")
    return "kind: sequence_regression\ntext_column: a\npair_column: b\nlabel_column: score\nmetric: pearson\n", "jsonl"


def description(folder, made):
    text, ending = made(folder)
    files = f"files: {{train: all.{ending}, valid: all.{ending}, test: all.{ending}}}\n"
    (folder / "task.yaml").write_text(f"name: pairs\n{files}max_tokens: 40\n{text}", encoding="utf-8")
    return folder / "task.yaml"


def fine_tune(folder, tokenizer, kind, criterion, metric, *options):
    return run(
        *("fairseq-train", folder, "--user-dir", "fairseq_hebrew", "--task", kind, "--criterion", criterion),
        *("--description", folder / "task.yaml", "--tokenizer-dir", tokenizer, "--save-dir", folder / "save"),
        *("--arch", "hallelubert_tiny", "--dropout", "0", "--attention-dropout", "0", "--head-dropout", "0"),
        *("--batch-size", "16", "--optimizer", "adam", "--lr", "5e-4", "--lr-scheduler", "fixed"),
        *("--cpu", "--num-workers", "0", "--seed", "1", "--log-format", "json"),
        *("--best-checkpoint-metric", metric, "--maximize-best-checkpoint-metric"),
        *("--no-epoch-checkpoints", "--no-last-checkpoints", *options),
    )


@pytest.mark.parametrize(
    ("made", "kind", "criterion", "metric", "epochs"),
    [
        (inference, "sequence_classification", "classification", "mcc", 150),
        (likeness, "sequence_regression", "squared_error", "pearson", 100),
    ],
)
def test_32_pairs_are_learned(tokenizer_dir, tmp_path, made, kind, criterion, metric, epochs):
    description(tmp_path, made)
    options = ("--validate-interval", str(epochs // 2), "--max-epoch", str(epochs))
    done = fine_tune(tmp_path, tokenizer_dir, kind, criterion, metric, *options)
    assert done.returncode == 0, done.stderr[-3000:]
    checkpoint, scores = tmp_path / "save" / "checkpoint_best.pt", []
    for size in (1, 32):
        output = tmp_path / f"{size}.jsonl"
        done = run("fairseq-hebrew", "predict", checkpoint, "--output", output, "--batch-size", size)
        assert done.returncode == 0, done.stderr[-3000:]
        done = run("fairseq-hebrew", "score", output, "--output", tmp_path / "scores.json")
        assert done.returncode == 0 and metric in done.stdout, done.stderr
        scores.append(json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))[metric])
    assert scores[0] == pytest.approx(scores[1], abs=0.01) and scores[0] > 99
    record = json.loads((tmp_path / "1.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert record["text"] != record["pair"]
    baseline = ("--majority", "--description", tmp_path / "task.yaml", "--data", tmp_path)
    done = run("fairseq-hebrew", "predict", *baseline, "--output", tmp_path / "m.jsonl")
    assert done.returncode == 0, done.stderr
    done = run("fairseq-hebrew", "score", tmp_path / "m.jsonl", "--output", tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))[metric] == 0


def test_the_logged_correlation_is_that_of_all_texts_also_with_fixed_shapes(tokenizer_dir, tmp_path):
    description(tmp_path, likeness)
    told = []
    for more in ((), ("--fixed-shapes",)):
        done = fine_tune(
            tmp_path, tokenizer_dir, "sequence_regression", "squared_error", "pearson",
            "--max-epoch", "2", "--batch-size", "6", "--required-batch-size-multiple", "1", *more,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        rows = [
            json.loads(line[line.index("{") :])
            for line in (done.stdout + done.stderr).splitlines()
            if "| valid | {" in line
        ]
        told.append([(float(row["valid_loss"]), float(row["valid_pearson"])) for row in rows])
    assert len(told[0]) == 2
    for one, other in zip(*told):
        assert one[0] == pytest.approx(other[0], abs=2e-3)
        assert one[1] == pytest.approx(other[1], abs=0.011)  # percent, logged with two digits
    output = tmp_path / "p.jsonl"
    done = run("fairseq-hebrew", "predict", tmp_path / "save" / "checkpoint_best.pt", "--output", output)
    assert done.returncode == 0, done.stderr[-3000:]
    pairs = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    found = 100 * np.corrcoef([p["gold"] for p in pairs], [p["predicted"] for p in pairs])[0, 1]
    assert max(pearson for _, pearson in told[1]) == pytest.approx(found, abs=0.05)


@pytest.mark.parametrize(("criterion", "told"), [("classification", "give --criterion squared_error")])
def test_another_criterion_is_refused(tokenizer_dir, tmp_path, criterion, told):
    description(tmp_path, likeness)
    done = fine_tune(tmp_path, tokenizer_dir, "sequence_regression", criterion, "pearson", "--max-epoch", "1")
    assert told in the_error(done)


def described(**more):
    labels = {"a": "a", "b": "b", "c": "c"}
    return SequenceClassification(name="n", files={}, labels=labels, metric="accuracy", where="n.yaml", **more)


def test_weights_are_those_of_scikit_learn_or_those_given():
    labels = ["a"] * 7 + ["b"] * 2 + ["c"]
    examples = [LabelledText(1, "א", label) for label in labels]
    wanted = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=np.array(labels))
    assert class_weights(described(class_weights="balanced"), examples) == pytest.approx(wanted.tolist())
    given = described(class_weights={"c": 3.0, "a": 0.5, "b": 1})
    assert class_weights(given, examples) == [0.5, 1.0, 3.0]
    with pytest.raises(UserError, match=r"n.yaml: class_weights: balanced, but no training text has the label 'c'"):
        class_weights(described(class_weights="balanced"), examples[:-1])


def test_a_weight_changes_the_loss_of_training_alone(tokenizer_dir):
    from fairseq_hebrew.tasks.sequence_classification import SequenceClassificationTask as Task

    task = Task.__new__(Task)
    task.weights = torch.tensor([2.0, 1.0, 0.0])
    logits, sample = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]), {"target": torch.tensor([0, 1, 2])}
    model = torch.nn.Identity()
    one = float(torch.nn.functional.cross_entropy(logits[:1], sample["target"][:1]))
    assert float(task.loss(model.train(), logits, sample)[0]) == pytest.approx(3 * one)
    assert float(task.loss(model.eval(), logits, sample)[0]) == pytest.approx(3 * one)
    task.weights = torch.tensor([2.0, 2.0, 2.0])
    assert float(task.loss(model.train(), logits, sample)[0]) == pytest.approx(6 * one)
    assert float(task.loss(model.eval(), logits, sample)[0]) == pytest.approx(3 * one)


def test_matthews_is_scikit_learns():
    chance = np.random.default_rng(1)
    for classes in (2, 3, 7):
        gold, predicted = chance.integers(0, classes, (2, 50))
        predicted = np.where(chance.random(50) < 0.5, gold, predicted)
        counts = [[np.sum(mask) for mask in masks] for masks in (
            [(gold == c) & (predicted == c) for c in range(classes)],
            [predicted == c for c in range(classes)],
            [gold == c for c in range(classes)],
        )]  # fmt: skip
        assert float(matthews(*map(np.array, counts))) == pytest.approx(100 * matthews_corrcoef(gold, predicted))
    assert float(matthews(np.array([2, 0]), np.array([5, 0]), np.array([2, 3]))) == 0
