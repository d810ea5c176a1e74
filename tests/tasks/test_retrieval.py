"""Retrieval by the real commands: learn, keep the best by its rank, in one process and in two; and bad input."""

import json
import math
import random
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from fairseq_hebrew.predict.answers import outputs
from fairseq_hebrew.predict.checkpoint import load_model, read_checkpoint
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks import on_xla
from fairseq_hebrew.tasks.ranks import measures_of, ranks
from fairseq_hebrew.tasks.retrieval import RetrievalConfig, RetrievalTask
from tests.conftest import run, the_error
from tests.tasks.pretrained import pretrain

NAMES = ["דנה", "יעל", "רות", "נועה", "מיכל", "שירה", "תמר", "אורלי"]
PLACES = ["חיפה", "תל אביב", "עכו", "צפת"]
TASK = """
name: homes
kind: retrieval
format: pairs
files: {train: train.jsonl, valid: valid.jsonl, test: valid.jsonl}
metric: mrr@10
max_tokens: 40
max_query_tokens: 16
negatives: 1
"""


def pairs(count: int) -> list[dict]:
    """Who lives where, told in a passage; every other with one or two passages that do not say it."""
    chance = random.Random(1)
    made = []
    for number in range(count):
        name, place = NAMES[number % 8], PLACES[number // 8]
        others = chance.sample([other for other in NAMES if other != name], 2)
        told = [f"{other} לא גרה ב- {place} כבר שנים רבות" for other in others]
        made.append({"query": f"מה עושה {name} ב- {place}?", "positive": f"סיפור {number}: {name} ישנה היום, {place}"})
        made[-1]["negatives"] = told[: number % 3]
    return made


def folder(path, count=32):
    path.mkdir()
    (path / "task.yaml").write_text(TASK, encoding="utf-8")
    text = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs(count))
    for split in ("train", "valid"):
        (path / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return path


def fine_tune(data, save, tokenizer, *options, launch=("fairseq-train",), arch="hallelubert_tiny"):
    return run(
        *(*launch, data, "--user-dir", "fairseq_hebrew", "--task", "retrieval", "--criterion", "contrastive"),
        *("--description", data / "task.yaml", "--tokenizer-dir", tokenizer, "--arch", arch),
        *("--dropout", "0", "--attention-dropout", "0", "--batch-size", "16", "--required-batch-size-multiple", "1"),
        *("--optimizer", "adam", "--lr", "5e-4", "--lr-scheduler", "fixed", "--cpu", "--num-workers", "0"),
        *("--seed", "1", "--log-format", "json", "--save-dir", save, "--no-epoch-checkpoints"),
        *("--best-checkpoint-metric", "mrr@10", "--maximize-best-checkpoint-metric", *options),
        timeout=600,
    )


def logged(done, kind="valid") -> list[dict]:
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", done.stdout + done.stderr)]


def loaded(checkpoint):
    state = read_checkpoint(checkpoint)
    return load_model(checkpoint, state, {})


def vectors(model, task, samples, batch_size) -> np.ndarray:
    return torch.stack(outputs(model, task, samples, batch_size, "cpu")).numpy()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("pairs") / "data")


@pytest.fixture(scope="module", params=["hallelubert_tiny", "neodictabert_tiny"])
def trained(request, data, tokenizer_dir, tmp_path_factory):
    """(the log of validations, checkpoint_best) of a model that has learned 32 pairs by heart."""
    save = tmp_path_factory.mktemp("save")
    options = ("--validate-interval", 10, "--max-epoch", 30, "--no-last-checkpoints")
    done = fine_tune(data, save, tokenizer_dir, *options, arch=request.param)
    return logged(done), save / "checkpoint_best.pt"


def test_32_pairs_are_learned_by_heart(trained):
    log, _ = trained
    assert log[-1]["valid_mrr@10"] == log[-1]["valid_ndcg@10"] == log[-1]["valid_recall@20"] == "100"


def test_vectors_do_not_depend_on_batch_size_or_padding(trained):
    model, task = loaded(trained[1])
    texts = [pair["positive"] for pair in pairs(32)] + ["א", "מילה אחת ועוד אחת " * 9]
    samples = task.passage_samples(texts)
    assert [sample.example for sample in samples] == list(range(34)) and len(samples[-1].tokens) == 40
    alone = vectors(model, task, samples, 1)
    for batch_size in (7, 34):
        np.testing.assert_allclose(vectors(model, task, samples, batch_size), alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)
    queries = vectors(model, task, task.query_samples([pair["query"] for pair in pairs(32)]), 8)
    # By these vectors each query finds its own passage first, as the log says.
    assert (queries @ alone[:32].T).argmax(1).tolist() == list(range(32))


def test_the_log_ranks_all_passages_of_the_split_whatever_the_batches(tokenizer_dir, tmp_path):
    """Texts that have nothing to do with one another: ranks in batches of 3, in rows of one shape, by the vectors."""
    chance = random.Random(2)
    made = [{"query": texts[0], "positive": texts[1], "negatives": texts[2:]} for texts in _nonsense(chance, 24)]
    data = folder(tmp_path / "data", 4)
    (data / "valid.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in made), encoding="utf-8")
    found = []
    for size, shapes in ((3, ()), (5, ("--fixed-shapes",))):
        options = ("--max-update", 1, "--no-last-checkpoints", "--batch-size-valid", size, *shapes)
        (log,) = logged(fine_tune(data, tmp_path / str(size), tokenizer_dir, *options))
        found.append({name: float(value) for name, value in log.items() if "@" in name})
    assert found[0] == found[1] and 0 < found[0]["valid_mrr@10"] < 90
    model, task = loaded(tmp_path / "3" / "checkpoint_best.pt")
    passages = list(dict.fromkeys(text for pair in made for text in (pair["positive"], *pair["negatives"])))
    matrix = vectors(model, task, task.passage_samples(passages), 9)
    queries = vectors(model, task, task.query_samples([pair["query"] for pair in made]), 9)
    totals = dict.fromkeys(found[0], 0.0)
    for pair, scores in zip(made, queries @ matrix.T):
        rank = ranks(scores, np.array([passages.index(pair["positive"])]))
        for name, value in measures_of(rank, np.array([1])).items():
            totals[f"valid_{name}"] += 100 * value / len(made)
    assert found[0] == pytest.approx(totals, abs=0.006)


def _nonsense(chance, count) -> list[list[str]]:
    return [
        ["".join(chance.choices("אבגדהוזחטיכלמנסעפצקרשת    ", k=30)) + "." for _ in range(2 + number % 3)]
        for number in range(count)
    ]


@pytest.fixture
def launch():
    program = Path(sys.executable).with_name("fairseq-train")
    return ("torchrun", "--nproc-per-node", 2, "--master-port", random.randint(20000, 30000), program)


@pytest.mark.parametrize(
    ("count", "wrapper", "shapes"),
    [(7, "pytorch_ddp", ()), (4, "legacy_ddp", ()), (7, "pytorch_ddp", ("--fixed-shapes",))],
)
def test_two_processes_learn_what_one_does(tokenizer_dir, tmp_path, launch, count, wrapper, shapes):
    """An update is the whole split: 7 pairs in two unlike batches, or in two with an empty row and empty passages, or 4
    in one and a process that has none."""
    data = folder(tmp_path / "data", count)
    # Adam makes steps of one size of whatever gradient, rounding too.
    plain = ("--max-epoch", 3, "--log-interval", 1, "--optimizer", "sgd", "--lr", "1e-2")
    one = fine_tune(data, tmp_path / "one", tokenizer_dir, *plain, "--batch-size", 8)
    more = (
        "--batch-size",
        4,
        "--batch-size-valid",
        2,
        "--distributed-backend",
        "gloo",
        "--ddp-backend",
        wrapper,
        *shapes,
    )
    two = fine_tune(data, tmp_path / "two", tokenizer_dir, *plain, *more, launch=launch)
    for ours, theirs in zip(logged(two, "train_inner"), logged(one, "train_inner"), strict=True):
        for name in ("loss", "gnorm", "accuracy", "bsz"):
            assert float(ours[name]) == pytest.approx(float(theirs[name]), abs=2e-3), name
    for ours, theirs in zip(logged(two), logged(one), strict=True):
        assert {k: v for k, v in ours.items() if "@" in k} == {k: v for k, v in theirs.items() if "@" in k}
    states = [
        torch.load(tmp_path / name / "checkpoint_last.pt", weights_only=False)["model"] for name in ("one", "two")
    ]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, atol=1e-5, rtol=1e-4, msg=name)


def test_a_pretrained_model_is_where_it_begins(tokenizer_dir, tmp_path, data):
    """With a rate of 0 its encoder stays as it was; its masked-LM head is left out, and none of our own is there."""
    pretrained = pretrain(tmp_path / "pretrained", tokenizer_dir, "neodictabert_tiny")
    start = ("--finetune-from-model", pretrained, "--lr", "0", "--max-update", 1)
    done = fine_tune(data, tmp_path / "save", tokenizer_dir, *start, arch="neodictabert_tiny")
    assert done.returncode == 0 and "left out the checkpoint's masked-LM head" in done.stdout + done.stderr
    before, after = (
        torch.load(tmp_path / name / "checkpoint_last.pt", weights_only=False)["model"]
        for name in ("pretrained", "save")
    )
    assert set(after) == {name for name in before if name.startswith("encoder.")}
    assert all(torch.equal(before[name], value) for name, value in after.items())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--criterion", "classification"], "give --criterion contrastive"),
        (["--fixed-shapes", "--length-buckets", "16"], "--length-buckets 16: batches of retrieval are drawn at random"),
        (["--max-valid-steps", "2"], "--max-valid-steps 2: queries are ranked against all passages"),
        (["--description", "nemo"], "describes a token_classification task"),
        (["--max-tokens-per-sample", "9999"], "more than the model's 512 positions"),
        (["--batch-size", "1", "--max-tokens", "40"], "--max-tokens 40: a pair of train may have"),
    ],
)
def test_wrong_options_get_one_line(tokenizer_dir, tmp_path, data, options, told):
    assert told in the_error(fine_tune(data, tmp_path / "save", tokenizer_dir, "--max-epoch", "1", *options))


def test_vectors_that_are_not_finite_end_a_validation(tokenizer_dir, tmp_path, data, trained):
    """No comparison with nan is true: all passages would be the first."""
    state = torch.load(trained[1], weights_only=False)
    for value in state["model"].values():
        value.fill_(math.nan)
    torch.save(state, tmp_path / "bad.pt")
    begin = ("--finetune-from-model", tmp_path / "bad.pt", "--arch", state["cfg"]["model"]["_name"])
    done = fine_tune(data, tmp_path / "save", tokenizer_dir, "--max-epoch", "1", "--lr", "0", *begin)
    assert "not finite" in the_error(done)
    assert not (tmp_path / "save" / "checkpoint_best.pt").exists()


def test_hard_negatives_that_are_not_there(tokenizer_dir, tmp_path):
    data = folder(tmp_path / "data", 3)
    lines = [json.loads(line) for line in (data / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    text = (data / "task.yaml").read_text(encoding="utf-8")
    (data / "task.yaml").write_text(re.sub("negatives: .*\n", "", text) + "negatives: 2\n", encoding="utf-8")
    done = fine_tune(data, tmp_path / "save", tokenizer_dir, "--max-epoch", "1")
    assert "2 of 3 pairs have fewer hard negatives than 2" in done.stdout + done.stderr
    bare = [json.dumps({**line, "negatives": []}, ensure_ascii=False) for line in lines]
    (data / "train.jsonl").write_text("\n".join(bare) + "\n", encoding="utf-8")
    told = the_error(fine_tune(data, tmp_path / "other", tokenizer_dir, "--max-epoch", "1"))
    assert "negatives: 2, but no pair of the training split has one" in told


def test_devices_that_compute_one_batch_do_not_keep_to_themselves(tokenizer_dir, data, monkeypatch):
    monkeypatch.setattr(on_xla, "begun", lambda: True)
    cfg = OmegaConf.structured(
        RetrievalConfig(data=str(data), description=str(data / "task.yaml"), tokenizer_dir=str(tokenizer_dir))
    )
    cfg.seed, cfg.save_dir, cfg.tpu, cfg.max_valid_steps = 1, str(data), True, None
    task = RetrievalTask.setup_task(cfg)
    told = "^--no-cross-device-negatives: with --tpu all devices compute one batch together; leave it out$"
    with pytest.raises(UserError, match=told):
        task.build_criterion(SimpleNamespace(_name="contrastive", no_cross_device_negatives=True))
    task.build_criterion(OmegaConf.create({"_name": "contrastive", "no_cross_device_negatives": False}))


def test_a_bad_line_is_named(tokenizer_dir, tmp_path):
    data = folder(tmp_path / "data", 3)
    with open(data / "train.jsonl", "a", encoding="utf-8") as file:
        file.write('{"query": "מי?", "positive": ""}\n')
    told = the_error(fine_tune(data, tmp_path / "save", tokenizer_dir, "--max-epoch", "1"))
    assert f"{data / 'train.jsonl'}:4: positive is empty" in told
