"""Fine-tuning on tagged words with its options, by fairseq's own commands, from a file to scores."""

import json
import re

import pytest

from tests.conftest import run, the_error
from tests.tasks.test_fine_tuning import fine_tune, scores

# Long names among points, joined signs, a line end of Windows: their places must come back as they were.
NAMES = ["דָּנָה כֹּהֵן", "רון לוי-ברק", "👩‍🚀 נועה", "אבי"]
PLACES = ["בחיפה", "בתל-אביב", "בבאר שבע"]
DESCRIPTION = """
name: made
kind: token_classification
files: {train: train.jsonl, valid: valid.jsonl, test: test.jsonl}
format: spans
labels: [PER, GPE]
metric: f1
max_tokens: 24
"""


def sentences(first, count):
    """Texts with spans; the place is labelled without its prefix."""
    for number in range(first, first + count):
        name, place = NAMES[number % 4], PLACES[number % 3]
        before = "אתמול 👍🏽\r\n" if number % 2 else "לפי כל הידיעות שהגיעו, "
        text = f"{before}{name} ראתה {number} ספרים על השולחן הגדול {place}, ולא קנתה אף אחד מהם."
        at, where = text.index(name), text.index(place)
        yield {
            "id": number,
            "text": text,
            "label": [[at, at + len(name), "PER"], [where + 1, where + len(place), "GPE"]],
        }


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "task.yaml").write_text(DESCRIPTION, encoding="utf-8")
    for split, first, count in (("train", 0, 32), ("valid", 40, 16), ("test", 100, 12)):
        rows = [json.dumps(row, ensure_ascii=False) for row in sentences(first, count)]
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def trained(data, save, tokenizer_dir, *options):
    options = ("--description", data / "task.yaml", "--lr", "2e-3", *options)
    done = fine_tune(data, save, tokenizer_dir, "ner", *options)
    assert done.returncode == 0, done.stderr[-3000:]
    told = done.stdout + done.stderr
    assert "spans that cut a word are extended to it" in told and "examples are longer than 24 tokens" in told
    return [json.loads(row) for row in re.findall(r"\| valid \| (\{.*\})", told)]


@pytest.mark.parametrize(
    "options",
    [
        ("--word-label", "first", "--window-overlap", "0"),
        ("--word-label", "mean", "--window-overlap", "4"),
        ("--word-label", "all", "--window-overlap", "2", "--crf", "--fixed-shapes", "--length-buckets", "16"),
    ],
    ids=["first", "mean", "all-crf"],
)
def test_options_from_a_file_to_scores(data, tokenizer_dir, tmp_path, options):
    epochs = ("--max-epoch", "8", "--validate-interval", "4")
    logged = trained(data, tmp_path / "save", tokenizer_dir, *options, *epochs)
    output = tmp_path / "p.jsonl"
    checkpoint = tmp_path / "save" / "checkpoint_best.pt"
    found = scores(checkpoint, output, "--split", "valid")
    best = max(float(row["valid_f1"]) for row in logged)
    assert found["f1"] > 40 and found["sentences"] == 16
    # The windows of a sentence are joined in validation as in the predictions; a CRF there chooses in each alone.
    assert found["f1"] == pytest.approx(best, abs=15 if "--crf" in options else 0.006)
    records = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    for record, given in zip(records, sentences(40, 16), strict=True):
        text = record["text"]
        assert text == given["text"]
        assert [text[a:b] for a, b in record["offsets"]] == record["words"]
        (name, name_end, _), (place, place_end, _) = given["label"]
        assert record["gold_entities"] == [[name, name_end, "PER"], [place - 1, place_end, "GPE"]]
        for begin, end, kind in record["predicted_entities"]:
            assert kind in ("PER", "GPE") and text[begin:end].strip() == text[begin:end] != ""
    small = tmp_path / "small.jsonl"
    scores(checkpoint, small, "--split", "valid", "--batch-size", "3")
    assert small.read_bytes() == output.read_bytes()
    if "--crf" in options:
        for record in records:
            assert not re.search(r"(^|O|[ES]-\w+) [IE]-|[BI]-\w+ ([OBS]|$)", " ".join(["O", *record["predicted"], ""]))
        exported = run("fairseq-hebrew", "export-hf", checkpoint, tmp_path / "hf", "--tokenizer", tokenizer_dir)
        assert "chosen by a CRF" in the_error(exported)


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (("--window-overlap", "-1"), 1, "--window-overlap -1: give a number of words"),
        (("--word-label", "last"), 2, "invalid choice"),
    ],
)
def test_wrong_options_get_one_line(data, tokenizer_dir, tmp_path, options, status, told):
    options = ("--description", data / "task.yaml", "--max-epoch", "1", *options)
    done = fine_tune(data, tmp_path / "save", tokenizer_dir, "ner", *options)
    assert done.returncode == status and told in done.stderr and "Traceback" not in done.stderr


def test_the_files_of_bmc_are_read_by_their_names(tokenizer_dir, tmp_path):
    """Its format: a word and its tag, BIOES, a blank line after each sentence; three splits, and the mean of them."""
    for number in (1, 2, 3):
        for split in ("train", "dev", "test"):
            text = f"בשנת B-DATE\n200{number} E-DATE\nעלה O\nהמדד O\nב O\n- O\n{number}% S-PERCENT\n. O\n\n" * 2
            (tmp_path / f"bmc_split.{split}.{number}.bmes").write_text(text, encoding="utf-8")
    outputs = []
    for number in (1, 2, 3):
        outputs.append(tmp_path / f"{number}.jsonl")
        options = ("--majority", "--description", f"bmc_{number}", "--data", tmp_path, "--output", outputs[-1])
        done = run("fairseq-hebrew", "predict", *options)
        assert done.returncode == 0, done.stderr
    done = run("fairseq-hebrew", "score", *outputs, "--mean")
    assert done.returncode == 0 and re.search(r"^f1 +100\.0$", done.stdout, re.M), done.stdout
    assert "bmc_1, bmc_2, bmc_3" in done.stdout
