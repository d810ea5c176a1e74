"""Question answering by the real commands: learn, keep the best, predict, score, tune; and what bad input gets."""

import json
import random
import re
import shutil
import sys
from pathlib import Path

import pytest

from fairseq_hebrew.eval import score
from fairseq_hebrew.hub import export, import_hf
from fairseq_hebrew.predict import command as predict
from tests.conftest import run, the_error

NAMES = ["דנה", "יעל", "רות", "נועה", "מיכל", "שירה", "תמר", "אורלי"]
PLACES = ["חיפה", "תל אביב", "עכו", "צפת", "אילת", "באר שבע", "יָפוֹ", "לוד 🙂"]
TASK = """
name: homes
kind: question_answering
files: {train: train.json, valid: valid.json, test: valid.json}
metric: f1
max_tokens: 48
max_question_tokens: 20
stride: 24
max_answer_tokens: 12
"""


def questions(count: int, seed: int) -> dict:
    """SQuAD's JSON: who lives where; every eighth is asked of someone the text does not name."""
    chance = random.Random(seed)
    paragraphs = []
    for number in range(count):
        people, homes = chance.sample(NAMES, 3), chance.sample(PLACES, 2)
        told = [f"{name} גרה היום ב- {home} כבר שנים רבות" for name, home in zip(people, homes)]
        context = "\r\n".join([*told, f"זה סיפור מספר {number} על הבתים"])
        asked, answers = people[2], []
        if number % 8:
            asked, home = people[number % 2], homes[number % 2]
            answers = [{"text": home, "answer_start": context.index(home)}]
        question = {"id": f"q{number}", "question": f"היכן גרה {asked}?", "answers": answers}
        question["is_impossible"] = not answers
        paragraphs.append({"context": context, "qas": [question]})
    return {"version": "2.0", "data": [{"title": "בתים", "paragraphs": paragraphs}]}


def folder(path, count=32, seed=1):
    path.mkdir()
    (path / "task.yaml").write_text(TASK, encoding="utf-8")
    for split in ("train", "valid"):
        (path / f"{split}.json").write_text(json.dumps(questions(count, seed), ensure_ascii=False), encoding="utf-8")
    return path


def fine_tune(data, save, tokenizer, *options, launch=("fairseq-train",)):
    return run(
        *(*launch, data, "--user-dir", "fairseq_hebrew", "--task", "question_answering", "--criterion", "spans"),
        *("--description", data / "task.yaml", "--tokenizer-dir", tokenizer, "--arch", "hallelubert_tiny"),
        *("--dropout", "0", "--attention-dropout", "0", "--head-dropout", "0", "--batch-size", "16"),
        *("--optimizer", "adam", "--lr", "5e-4", "--lr-scheduler", "fixed", "--cpu", "--num-workers", "0"),
        *("--seed", "1", "--log-format", "json", "--save-dir", save, "--no-epoch-checkpoints"),
        *("--best-checkpoint-metric", "f1", "--maximize-best-checkpoint-metric", *options),
        timeout=600,
    )


def predicted(checkpoint, output, *options) -> list[dict]:
    """What the command writes; in this process, which has read fairseq already."""
    assert predict.main([str(part) for part in (checkpoint, "--output", output, *options)]) == 0
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


def scores(predictions, *options) -> dict:
    output = predictions.with_suffix(".json")
    assert score.main([str(part) for part in (predictions, "--output", output, *options)]) == 0
    return json.loads(output.read_text(encoding="utf-8"))


def refused(capsys, *arguments) -> str:
    """The one line that predict ends with."""
    capsys.readouterr()
    assert predict.main([*map(str, arguments), "--output", "none"]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def logged(done, kind="valid") -> list[dict]:
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", done.stdout + done.stderr)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("questions") / "data")


@pytest.fixture(scope="module")
def best(data, tokenizer_dir, tmp_path_factory):
    """The checkpoint of a model that has learned 32 questions by heart."""
    save = tmp_path_factory.mktemp("save")
    options = ("--validate-interval", 30, "--max-epoch", 90, "--no-last-checkpoints")
    done = fine_tune(data, save, tokenizer_dir, *options)
    assert logged(done)[-1]["valid_f1"] == "100", done.stderr[-3000:]
    assert "questions have several" in done.stderr + done.stdout
    return save / "checkpoint_best.pt"


def test_32_questions_are_learned_to_100_percent(best, tmp_path):
    records = predicted(best, tmp_path / "p.jsonl")
    found = scores(tmp_path / "p.jsonl")
    assert found["exact_match"] == found["f1"] == 100.0 and found["questions"] == 32
    assert found["by_label"]["unanswerable"] == {**found["by_label"]["unanswerable"], "f1": 100.0, "questions": 4}
    for record in records:
        assert record["predicted"] == (record["gold"][0]["text"] if record["gold"] else "")
        if record["gold"]:
            assert record["text"][record["start"] : record["end"]] == record["predicted"]
            assert record["start"] == record["gold"][0]["start"]
        for shown in record["answers"]:
            assert record["text"][shown["start"] : shown["end"]] == shown["text"]


def test_answers_do_not_depend_on_batch_size_or_padding(best, tmp_path):
    made = [predicted(best, tmp_path / f"{size}.jsonl", "--batch-size", size) for size in (1, 7, 64)]
    for other in made[1:]:
        for one, first in zip(other, made[0], strict=True):
            assert (one["predicted"], one["start"], one["end"]) == (first["predicted"], first["start"], first["end"])
            assert one["null_score"] == pytest.approx(first["null_score"], abs=1e-4)
            assert one["answers"][0]["score"] == pytest.approx(first["answers"][0]["score"], abs=1e-4)


def test_the_threshold_of_predict_and_of_score(best, tmp_path):
    low, high = tmp_path / "low.jsonl", tmp_path / "high.jsonl"
    assert {record["predicted"] for record in predicted(best, low, "--null-threshold", -1000)} == {""}
    assert "" not in {record["predicted"] for record in predicted(best, high, "--null-threshold", 1000)}
    assert scores(low)["f1"] == 12.5 and scores(high)["f1"] == 87.5
    assert scores(low, "--threshold", 1000)["f1"] == 87.5
    tuned = scores(low, "--tune-threshold")
    assert tuned["f1"] == 100.0
    assert scores(high, "--threshold", low.with_suffix(".json"))["null_threshold"] == tuned["null_threshold"]


@pytest.fixture(scope="module")
def short(data, tokenizer_dir, tmp_path_factory):
    """(log of validation, save folder) of a short training; 3 windows a batch, so questions stand in several."""
    save = tmp_path_factory.mktemp("short")
    return logged(fine_tune(data, save, tokenizer_dir, *SHORT)), save


SHORT = ("--max-epoch", 8, "--validate-interval", 4, "--batch-size-valid", 3, "--required-batch-size-multiple", 1)


def test_validation_scores_whole_questions_as_score_does(short, tmp_path):
    log, save = short
    predicted(save / "checkpoint_last.pt", tmp_path / "p.jsonl", "--split", "valid")
    found = scores(tmp_path / "p.jsonl")
    assert 0 < found["f1"] < 100
    assert (float(log[-1]["valid_f1"]), float(log[-1]["valid_exact_match"])) == (found["f1"], found["exact_match"])


@pytest.mark.parametrize("more", [(), ("--length-buckets", "40")])
def test_fixed_shapes_change_no_score(short, data, tokenizer_dir, tmp_path, more):
    shaped = logged(fine_tune(data, tmp_path / "save", tokenizer_dir, *SHORT, "--fixed-shapes", *more))
    assert len(shaped) == len(short[0]) == 2
    if not more:  # buckets put other samples together
        for one, other in zip(shaped, short[0]):
            assert float(one["valid_loss"]) == pytest.approx(float(other["valid_loss"]), abs=2e-3)
            assert (one["valid_f1"], one["valid_exact_match"]) == (other["valid_f1"], other["valid_exact_match"])


def test_two_processes_hear_of_all_windows(short, data, tokenizer_dir, tmp_path):
    """The checkpoint of one process, validated by two: each has a part of a question's windows."""
    start = ("--restore-file", short[1] / "checkpoint_last.pt", "--reset-optimizer", "--reset-dataloader", "--lr", "0")
    rest = ("--max-epoch", 1, *SHORT[-4:], "--no-save", "--distributed-backend", "gloo")
    program = Path(sys.executable).with_name("fairseq-train")
    launch = ("torchrun", "--nproc-per-node", 2, "--master-port", random.randint(20000, 30000), program)
    done = fine_tune(data, tmp_path, tokenizer_dir, *start, "--reset-meters", *rest, launch=launch)
    (log,) = logged(done)
    assert (log["valid_f1"], log["valid_exact_match"]) == (short[0][-1]["valid_f1"], short[0][-1]["valid_exact_match"])


def test_an_export_that_is_imported_answers_as_before(best, data, tmp_path, capsys):
    """With the description the export keeps, and with one given to predict where the folder keeps none."""
    assert export.main([str(best), str(tmp_path / "hf")]) == 0
    before = predicted(best, tmp_path / "before.jsonl")
    told = json.loads((tmp_path / "hf" / "config.json").read_text(encoding="utf-8"))
    for name in ("told", "untold"):
        assert import_hf.main([str(tmp_path / "hf"), str(tmp_path / name)]) == 0
        told.pop("task_description", None)
        (tmp_path / "hf" / "config.json").write_text(json.dumps(told), encoding="utf-8")
    given = ("--input", data / "valid.json")
    assert predicted(tmp_path / "told" / "checkpoint.pt", tmp_path / "told.jsonl", *given) == before
    untold = tmp_path / "untold" / "checkpoint.pt"
    assert "tells no description of its task; give --description" in refused(capsys, untold, *given)
    described = ("--description", data / "task.yaml")
    assert predicted(untold, tmp_path / "untold.jsonl", *given, *described) == before
    assert "describes a sequence_classification" in refused(capsys, untold, *given, "--description", "smcd")


def test_the_baseline_answers_nothing(data, tmp_path):
    options = ("--majority", "--description", data / "task.yaml", "--data", data, "--output", tmp_path / "m.jsonl")
    assert predict.main([str(part) for part in options]) == 0
    assert scores(tmp_path / "m.jsonl")["exact_match"] == 12.5


def test_a_threshold_where_there_are_no_questions(data, tmp_path, capsys):
    options = ("--majority", "--description", "smcd", "--data", data, "--output", tmp_path / "m.jsonl")
    assert predict.main([*map(str, options), "--null-threshold", "1"]) == 2
    assert "smcd has no questions without an answer" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        predict.main([*map(str, options), "--null-threshold", "nan"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--criterion", "classification"), "--criterion classification: question answering finds spans; give --crit"),
        (("--max-tokens-per-sample", "5"), "--max-tokens-per-sample 5: at least 6"),
        (("--description", "smcd"), "give --task sequence_classification"),
        (("--description", "parashoot"), "data[0] has paragraphs, as SQuAD's files; write `format: squad`"),
    ],
)
def test_wrong_options_get_one_line(data, tokenizer_dir, tmp_path, options, told):
    assert told in the_error(fine_tune(data, tmp_path / "save", tokenizer_dir, "--max-epoch", 1, *options))


def test_a_wrong_answer_stops_training_with_its_place(data, tokenizer_dir, tmp_path):
    broken = shutil.copytree(data, tmp_path / "data")
    content = json.loads((broken / "train.json").read_text(encoding="utf-8"))
    content["data"][0]["paragraphs"][5]["qas"][0]["answers"][0]["answer_start"] = 2
    (broken / "train.json").write_text(json.dumps(content), encoding="utf-8")
    told = the_error(fine_tune(broken, tmp_path / "save", tokenizer_dir, "--max-epoch", 1))
    assert f"{broken / 'train.json'}:1: data[0].paragraphs[5].qas[0], id 'q5': answers[0]" in told
    assert not list(tmp_path.rglob("*.pt"))
