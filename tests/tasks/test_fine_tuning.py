"""Fine-tuning by fairseq's own commands: train, keep the best, predict, score; and what bad input gets."""

import json
import re
import shutil

import pytest

from fairseq_hebrew.hub.import_vocabulary import import_vocabulary
from fairseq_hebrew.stage.output import Outputs
from tests.conftest import ROOT, run, the_error
from tests.text.foreign import model_folder

DEMO = ROOT / "demo" / "corpus"
DESCRIPTIONS = ROOT / "demo" / "tasks"
TASKS = {
    "ner": ("token_classification", "f1", "bmes"),
    "sentiment": ("sequence_classification", "macro_f1", "tsv"),
}


def examples(folder, name: str, count: int):
    """The first `count` training examples of a demo set as every split of a set of its own."""
    folder.mkdir()
    ending = TASKS[name][2]
    text = (DEMO / name / f"train.{ending}").read_text(encoding="utf-8")
    if ending == "bmes":
        text = "\n\n".join(text.split("\n\n")[:count]) + "\n"
    else:
        text = "\n".join(text.split("\n")[: count + 1]) + "\n"
    for split in ("train", "dev", "test"):
        (folder / f"{split}.{ending}").write_text(text, encoding="utf-8")
    return folder


def fine_tune(data, save, tokenizer, name, *options):
    task, metric, _ = TASKS[name]
    return run(
        *("fairseq-train", data, "--user-dir", "fairseq_hebrew", "--task", task, "--criterion", "classification"),
        *("--description", DESCRIPTIONS / f"{name}.yaml", "--tokenizer-dir", tokenizer),
        *("--arch", "hallelubert_tiny", "--dropout", "0", "--attention-dropout", "0", "--head-dropout", "0"),
        *("--batch-size", "16", "--optimizer", "adam", "--lr", "5e-4", "--lr-scheduler", "fixed"),
        *("--cpu", "--num-workers", "0", "--seed", "1", "--log-format", "json", "--save-dir", save),
        *("--best-checkpoint-metric", metric, "--maximize-best-checkpoint-metric"),
        *("--no-epoch-checkpoints", "--no-last-checkpoints", *options),
    )


@pytest.fixture(scope="module", params=sorted(TASKS))
def trained(request, tmp_path_factory, tokenizer_dir):
    """(name, data folder, save folder) of a model that has learned 32 examples by heart."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    data = examples(folder / "data", name, 32)
    description = shutil.copy(DESCRIPTIONS / f"{name}.yaml", folder / "moved-later.yaml")
    options = ["--description", description, "--validate-interval", "50", "--max-epoch", "150"]
    done = fine_tune(data, folder / "save", tokenizer_dir, name, *options)
    assert done.returncode == 0, done.stderr[-3000:]
    description.unlink()  # from here on the checkpoint must know it by itself
    return name, data, folder / "save"


def scores(checkpoint, output, *options):
    done = run("fairseq-hebrew", "predict", checkpoint, "--output", output, *options)
    assert done.returncode == 0, done.stderr[-3000:]
    judged = run("fairseq-hebrew", "score", output, "--output", output.with_suffix(".json"))
    assert judged.returncode == 0, judged.stderr
    return json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))


def test_32_examples_are_learned_to_100_percent(trained, tmp_path):
    name, _, save = trained
    found = scores(save / "checkpoint_best.pt", tmp_path / "p.jsonl")
    assert found[TASKS[name][1]] == 100.0


def test_answers_do_not_depend_on_batch_size_or_padding(trained, tmp_path):
    _, _, save = trained
    answers = []
    for size in (1, 7, 64):
        path = tmp_path / f"{size}.jsonl"
        scores(save / "checkpoint_best.pt", path, "--batch-size", size)
        answers.append([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    for other in answers[1:]:
        assert [row["predicted"] for row in other] == [row["predicted"] for row in answers[0]]
        for row, first in zip(other, answers[0]):
            assert row.get("scores", {}) == pytest.approx(first.get("scores", {}), abs=1e-4)


def test_the_checkpoint_needs_no_description_file_and_takes_another_file(trained, tmp_path):
    name, data, save = trained
    ending = TASKS[name][2]
    moved = tmp_path / f"moved.{ending}"
    shutil.copy(data / f"test.{ending}", moved)
    found = scores(save / "checkpoint_best.pt", tmp_path / "p.jsonl", "--input", moved)
    assert found[TASKS[name][1]] == 100.0


def test_the_majority_baseline_needs_no_checkpoint(trained, tmp_path):
    name, data, _ = trained
    output = tmp_path / "m.jsonl"
    description = DESCRIPTIONS / f"{name}.yaml"
    options = ("--majority", "--description", description, "--data", data, "--output", output)
    done = run("fairseq-hebrew", "predict", *options)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 32
    if name == "sentiment":
        labels = [row["gold"] for row in rows]
        assert {row["predicted"] for row in rows} == {max(sorted(set(labels)), key=labels.count)}


def test_another_tokenizer_is_refused_also_one_of_the_same_size(trained, tokenizer_dir, tmp_path):
    name, data, save = trained
    other = tmp_path / "tokenizer"
    shutil.copytree(tokenizer_dir, other)
    lines = (other / "dict.txt").read_text(encoding="utf-8").splitlines()
    lines[0], lines[1] = lines[1], lines[0]
    (other / "dict.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    start = ("--finetune-from-model", save / "checkpoint_best.pt", "--max-epoch", "1")
    told = the_error(fine_tune(data, tmp_path / "save", other, name, *start))
    assert "another dictionary" in told and str(other) in told
    predicting = ("--tokenizer", other, "--output", tmp_path / "p")
    assert "another dictionary" in the_error(run("fairseq-hebrew", "predict", save / "checkpoint_best.pt", *predicting))
    assert not (tmp_path / "p").exists()


def test_a_truncated_checkpoint_is_named(trained, tokenizer_dir, tmp_path):
    name, data, save = trained
    broken = tmp_path / "broken.pt"
    broken.write_bytes((save / "checkpoint_best.pt").read_bytes()[:10_000])
    start = ("--finetune-from-model", broken, "--max-epoch", "1")
    assert str(broken) in the_error(fine_tune(data, tmp_path / "save", tokenizer_dir, name, *start))
    assert str(broken) in the_error(run("fairseq-hebrew", "predict", broken, "--output", tmp_path / "p"))


@pytest.mark.parametrize("name", sorted(TASKS))
def test_fixed_shapes_change_no_score(tokenizer_dir, tmp_path, name):
    """Of 21 examples, 4 or 16 a batch: losses to the log's three digits, the metric of each validation as it was."""
    data = examples(tmp_path / "data", name, 21)
    metric = TASKS[name][1]
    told = []
    for more in ((), ("--fixed-shapes",)):
        options = ("--batch-size", 4, "--batch-size-valid", 16, "--required-batch-size-multiple", 1, "--max-epoch", 3)
        done = fine_tune(data, tmp_path / f"save{len(more)}", tokenizer_dir, name, *options, *more)
        assert done.returncode == 0, done.stderr[-3000:]
        rows = [json.loads(row) for row in re.findall(r"\| (?:train|valid) \| (\{.*\})", done.stdout + done.stderr)]
        told.append([{re.sub("^(train|valid)_", "", key): float(value) for key, value in row.items()} for row in rows])
    plain, shaped = told
    assert len(plain) == len(shaped) == 6 and sum(metric in row for row in plain) == 3
    for one, other in zip(shaped, plain):
        assert one["loss"] == pytest.approx(other["loss"], abs=2e-3)
        for key in {"accuracy", "wpb", "bsz", metric} & other.keys():
            assert one[key] == other[key], key


def test_buckets_and_bad_ones(tokenizer_dir, tmp_path):
    data = examples(tmp_path / "data", "ner", 8)
    more = ("--max-epoch", "1", "--max-tokens-per-sample", "64")
    done = fine_tune(data, tmp_path / "a", tokenizer_dir, "ner", *more, "--fixed-shapes", "--length-buckets", "32")
    assert done.returncode == 0, done.stderr[-3000:]
    assert {"32", "64"} == set(re.findall(r"length (\d+): \d+ samples", done.stdout + done.stderr))
    wrong = fine_tune(data, tmp_path / "b", tokenizer_dir, "ner", *more, "--fixed-shapes", "--length-buckets", "128")
    assert "--length-buckets 128: give ascending numbers from 2 to 64" in the_error(wrong)


def test_a_label_outside_the_set_is_named_by_line(tokenizer_dir, tmp_path):
    data = examples(tmp_path / "data", "sentiment", 8)
    with open(data / "train.tsv", "a", encoding="utf-8") as file:
        file.write("עוד תגובה\t5\n")
    told = the_error(fine_tune(data, tmp_path / "save", tokenizer_dir, "sentiment", "--max-epoch", "1"))
    assert f"{data / 'train.tsv'}:10: label '5' is none of 0, 1, 2" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--description", "no-such"], "no such description file"),
        (["--tokenizer-dir", "no-such"], "no tokenizer.json"),
        (["--description", "smcd"], "describes a sequence_classification task"),
        (["--max-tokens-per-sample", "9999"], "more than the model's 512 positions"),
    ],
)
def test_wrong_options_get_one_line(tokenizer_dir, tmp_path, options, told):
    data = examples(tmp_path / "data", "ner", 4)
    done = fine_tune(data, tmp_path / "save", tokenizer_dir, "ner", "--max-epoch", "1", *options)
    assert told in the_error(done)


def test_debug_shows_the_traceback(tokenizer_dir, tmp_path):
    data = examples(tmp_path / "data", "ner", 4)
    (data / "dev.bmes").write_text("")
    done = fine_tune(data, tmp_path / "save", tokenizer_dir, "ner", "--max-epoch", "1", "--debug")
    assert done.returncode == 1 and "Traceback" in done.stderr and "no examples in the file" in done.stderr


def test_predict_says_what_it_lacks(tmp_path):
    assert "no such checkpoint" in the_error(run("fairseq-hebrew", "predict", tmp_path / "x.pt", "--output", "p"))
    for options, told in (
        ((), "no checkpoint"),
        (("--majority",), "--majority needs"),
        (("--batch-size", "0"), "at least"),
    ):
        done = run("fairseq-hebrew", "predict", *options, "--output", "p")
        assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr
    assert run("fairseq-hebrew", "predict").returncode == 2


def test_prediction_is_a_stage_and_never_overwrites_what_it_reads(trained, tmp_path):
    name, data, save = trained
    output = tmp_path / "p.jsonl"
    scores(save / "checkpoint_best.pt", output)
    again = run("fairseq-hebrew", "predict", save / "checkpoint_best.pt", "--output", output)
    assert again.returncode == 0 and "up to date, skipped" in again.stderr
    gold = data / f"test.{TASKS[name][2]}"
    before = gold.read_bytes()
    told = the_error(run("fairseq-hebrew", "predict", save / "checkpoint_best.pt", "--output", gold))
    assert "is also an input" in told and gold.read_bytes() == before


def test_a_description_with_other_classes_is_refused(trained, tmp_path):
    name, _, save = trained
    text = (DESCRIPTIONS / f"{name}.yaml").read_text(encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("[PER, ORG", "[ORG, PER").replace('"0": positive, "1"', '"1": positive, "0"'))
    options = ("--description", other, "--output", tmp_path / "p")
    told = the_error(run("fairseq-hebrew", "predict", save / "checkpoint_best.pt", *options))
    assert str(other) in told and "in this order" in told


@pytest.mark.parametrize("name", sorted(TASKS))
def test_with_a_tokenizer_of_another_origin(tmp_path, name):
    """A WordPiece vocabulary with BERT's specials, from its vocab.txt to scores."""
    model_folder(tmp_path / "model", "wordpiece-cased")
    with Outputs() as outputs:
        import_vocabulary(tmp_path / "model", 803).write(outputs, tmp_path / "tokenizer")
    data = examples(tmp_path / "data", name, 32)
    options = ("--validate-interval", "60", "--max-epoch", "120")
    done = fine_tune(data, tmp_path / "save", tmp_path / "tokenizer", name, *options)
    assert done.returncode == 0, done.stderr[-3000:]
    found = scores(tmp_path / "save" / "checkpoint_best.pt", tmp_path / "p.jsonl")
    assert found[TASKS[name][1]] == 100.0
