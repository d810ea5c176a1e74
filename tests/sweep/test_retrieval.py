"""A sweep of retrieval: chosen by the metric of training, test scored once through predict and score."""

import json

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.sweep.configuration import read_configuration
from tests.conftest import run
from tests.sweep.sweeps import configured

TASK = """
name: homes
kind: retrieval
format: beir
files: {train: qrels/train.tsv, valid: qrels/valid.tsv, test: qrels/test.tsv}
metric: ndcg@10
max_tokens: 32
max_query_tokens: 16
"""
PLACES = ["חיפה", "עכו", "צפת", "אילת", "לוד", "רמלה", "יפו", "טבריה"]


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    (data / "qrels").mkdir(parents=True)
    texts = {"corpus": "סיפור על {}, עיר בארץ", "queries": "היכן {}?"}
    for name, text in texts.items():
        rows = [json.dumps({"_id": f"{name[0]}{i}", "text": text.format(place)}) for i, place in enumerate(PLACES)]
        (data / f"{name}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for split in ("train", "valid", "test"):
        rows = [f"q{i}\tc{i}\t1" for i in range(len(PLACES))]
        (data / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n")
    (tmp_path / "task.yaml").write_text(TASK)
    return tmp_path


def test_it_is_chosen_by_its_metric_and_tested_once(folder, tokenizer_dir):
    grid = {"learning_rates": [1e-3], "batch_sizes": [8], "seeds": [1]}
    config = configured(folder, tokenizer_dir, description=str(folder / "task.yaml"), grid=grid, epochs=3, name="small")
    read = read_configuration(config)
    assert (read.task, read.criterion, read.samples) == ("retrieval", "contrastive", 8)
    done = run("fairseq-hebrew", "sweep", config, timeout=600)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    (model,) = report["models"]
    (scores,) = model["test"]["by_seed"].values()
    assert report["metric"] == "ndcg@10" and scores["ndcg@10"] > 0 and scores["queries"] == 8
    # what is searched is the corpus of the folder, in training too
    assert scores["passages"] == 8 and "sweep: test ndcg@10" in done.stderr


def test_what_is_wrong_in_what_is_searched_is_told_before_training(folder, tokenizer_dir):
    (folder / "data" / "corpus.jsonl").write_text('{"_id": "c0", "text": ""}\n')
    with pytest.raises(UserError, match=r"corpus.jsonl:1: the text of 'c0' is empty"):
        read_configuration(configured(folder, tokenizer_dir, description=str(folder / "task.yaml")))
