"""The script that fine-tunes a pretrained encoder on every task, on small data in the form of the real."""

import json
import shutil
import subprocess

import pytest

from tests.conftest import ROOT, run
from tests.tasks.test_question_answering import questions

SCRIPT = ROOT / "train_scripts" / "fine_tuning.sh"


def fine_tune(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=600, cwd=ROOT
    )  # fmt: skip


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, tokenizer_dir):
    """A checkpoint of one update."""
    folder = tmp_path_factory.mktemp("pretrained")
    text = ROOT / "demo" / "corpus" / "handwritten"
    for split in ("train", "valid"):
        given = ("--input", sorted(text.glob("a0*.txt"))[0], "--split", split, "--output", folder / "data")
        done = run("fairseq-hebrew", "binarize", *given, "--tokenizer", tokenizer_dir)
        assert done.returncode == 0, done.stderr
    done = run(
        *("fairseq-train", folder / "data", "--user-dir", ROOT / "fairseq_hebrew", "--task", "hebrew_masked_lm"),
        *(
            "--criterion",
            "hebrew_masked_lm",
            "--arch",
            "hallelubert_tiny",
            "--tokens-per-sample",
            64,
            "--batch-size",
            8,
        ),
        *("--optimizer", "adam", "--lr", 1e-3, "--max-update", 1, "--disable-validation", "--cpu", "--num-workers", 0),
        *("--save-dir", folder / "save", "--log-format", "none"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return f"tiny=hallelubert_tiny,{folder / 'save' / 'checkpoint_last.pt'},{tokenizer_dir}"


@pytest.fixture
def data(tmp_path):
    """Comments as SMCD's first release has them, questions as HeQ's, and retrieval of the same paragraphs."""
    folder = tmp_path / "data"
    comments = folder / "sentiment" / "smcd_original"
    comments.mkdir(parents=True)
    lines = (ROOT / "demo" / "corpus" / "sentiment" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:81]
    (comments / "token_train.tsv").write_text("\n".join(lines[:60]) + "\n", encoding="utf-8")
    (comments / "token_test.tsv").write_text("\n".join(lines[50:]) + "\n", encoding="utf-8")
    (folder / "qa").mkdir()
    retrieval = folder / "retrieval"
    retrieval.mkdir()
    corpus, asked = [], []
    for split, seed in (("val", 1), ("test", 2)):
        made = questions(24, seed)
        rows = ["query-id\tcorpus-id\tscore"]
        for number, paragraph in enumerate(made["data"][0]["paragraphs"]):
            name, question = f"{split}-{number}", paragraph["qas"][0]
            question["id"] = name
            corpus.append({"_id": f"p{name}", "title": "", "text": " ".join(paragraph["context"].split())})
            asked.append({"_id": f"q{name}", "text": question["question"]})
            rows.append(f"q{name}\tp{name}\t1")
        (folder / "qa" / f"heq_{split}.json").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        (retrieval / f"qrels_heq_{split}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for name, its in (("corpus", corpus), ("queries", asked)):
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in its)
        (retrieval / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_three_kinds_of_tasks_beside_the_same_encoder_from_scratch(tmp_path, data, pretrained):
    wanted = ("smcd_original", "heq_val", "heq_retrieval_val")
    few = ("--rates", "1e-3", "--seeds", "1", "--epochs", 1)
    done = fine_tune(data, tmp_path / "out", "--model", pretrained, *few, *wanted)
    assert done.returncode == 0, done.stderr[-3000:]
    for task, metric in (("smcd_original", "macro_f1"), ("heq_val", "f1"), ("heq_retrieval_val", "mrr@10")):
        report = json.loads((tmp_path / "out" / task / "report.json").read_text(encoding="utf-8"))
        assert [model["model"] for model in report["models"]] == ["tiny-pretrained", "tiny-scratch"]
        assert all(model["test"]["mean"] >= 0 for model in report["models"])
        assert report["metric"] == metric
        baseline = json.loads((tmp_path / "out" / task / "baseline.json").read_text(encoding="utf-8"))
        assert baseline[metric] >= 0
    # 10 of the 30 comments of test stand in the training file; no question's paragraph is on both sides
    leaked = json.loads((tmp_path / "out" / "smcd_original" / "baseline.json").read_text(encoding="utf-8"))
    assert leaked["in_training"] == 10 and leaked["not_in_training"]["texts"] == 20
    sides = [
        {row.split("\t")[1] for row in (path.read_text(encoding="utf-8").splitlines()[1:])}
        for path in ((tmp_path / "out" / "heq_retrieval_val.data" / f"{name}.tsv") for name in ("train", "valid"))
    ]
    assert len(sides[0]) == 20 and len(sides[1]) == 4 and not sides[0] & sides[1]
    again = fine_tune(data, tmp_path / "out", "--model", pretrained, *few, *wanted)
    assert again.returncode == 0 and again.stderr.count("2 trials, 2 done") == 3, again.stderr[-2000:]


def test_mistakes_get_one_line(tmp_path, data, pretrained):
    name, _, rest = pretrained.partition("=")
    arch, checkpoint, tokenizer = rest.split(",")
    out = tmp_path / "out"
    for arguments, status, told in (
        ((tmp_path / "none", out, "--model", pretrained), 1, "none: no such folder"),
        ((data, out), 2, "no --model"),
        ((data, out, "--model", f"{name}={arch}"), 2, "give NAME=ARCH,CHECKPOINT,TOKENIZER"),
        ((data, out, "--model", f"x={arch},{checkpoint}.gone,{tokenizer}"), 1, "no such checkpoint"),
        ((data, out, "--model", f"x={arch},{checkpoint},{tokenizer}-gone"), 1, "give a tokenizer's"),
        ((data, out, "--model", pretrained, "nemmo"), 2, "unknown task nemmo; tasks: nemo"),
        ((data, out, "--model", pretrained, "nemo"), 1, "nemo: no such folder"),
        ((data, out, "--model", pretrained, "--rate", "1"), 2, "unknown option --rate"),
        ((data, out, "--model"), 2, "--model wants a value"),
    ):
        done = fine_tune(*arguments)
        assert done.returncode == status and told in done.stderr, (arguments, done.returncode, done.stderr[-500:])
    assert not list(out.iterdir())
    shutil.rmtree(out)
