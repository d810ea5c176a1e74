"""The longest sample of a fine-tuning run: found in the training split, kept in the checkpoint."""

import json
import logging
import random
import re
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from fairseq_hebrew.data.described import LENGTH_KEY
from fairseq_hebrew.monitor.batches import BatchOrder
from fairseq_hebrew.predict.checkpoint import load_model, read_checkpoint
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks import retrieval
from fairseq_hebrew.tasks.labelled import LabelledConfig
from fairseq_hebrew.tasks.question_answering import QuestionAnsweringTask
from fairseq_hebrew.tasks.retrieval import RetrievalConfig, RetrievalTask
from fairseq_hebrew.tasks.sequence_classification import SequenceClassificationTask
from fairseq_hebrew.tasks.token_classification import TokenClassificationConfig, TokenClassificationTask
from tests.conftest import run
from tests.tasks import test_question_answering as questions

TEXTS = """
name: comments
kind: sequence_classification
files: {train: train.tsv, valid: valid.tsv}
text_column: text
label_column: label
labels: [a, b]
metric: accuracy
"""
WORDS = """
name: words
kind: token_classification
files: {train: train.bmes, valid: valid.bmes}
labels: [PER]
metric: f1
"""
logs: list[str] = []  # of `train`
WORD = "א"  # a piece, after a blank


def texts(folder, train: list[int], valid: list[int], most: int = 512):
    """A folder with texts of so many words."""
    folder.mkdir(exist_ok=True)
    (folder / "task.yaml").write_text(f"{TEXTS}max_tokens: {most}\n", encoding="utf-8")
    for split, sizes in (("train", train), ("valid", valid)):
        rows = [f"{' '.join([WORD] * size)}\t{'ab'[number % 2]}" for number, size in enumerate(sizes)]
        (folder / f"{split}.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


def words(folder, sizes: list[int]):
    folder.mkdir()
    (folder / "task.yaml").write_text(WORDS, encoding="utf-8")
    for split in ("train", "valid"):
        sentences = ["\n".join([f"{WORD} O"] * size) for size in sizes]
        (folder / f"{split}.bmes").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    return folder


def task(folder, tokenizer_dir, made=SequenceClassificationTask, **more):
    configs = {TokenClassificationTask: TokenClassificationConfig, RetrievalTask: RetrievalConfig}
    options = configs.get(made, LabelledConfig)
    cfg = OmegaConf.structured(
        options(data=str(folder), description=str(folder / "task.yaml"), tokenizer_dir=str(tokenizer_dir))
    )
    cfg.seed, cfg.save_dir, cfg.tpu = 1, str(folder), False
    if made is RetrievalTask:
        cfg.max_valid_steps = None
    for name, value in more.items():
        cfg[name] = value
    return made.setup_task(cfg)


def sizes(one, split: str) -> list[int]:
    return sorted(one.datasets[split].sizes.tolist())


def told(caplog) -> list[str]:
    return [message for message in caplog.messages if message.startswith("length: ")]


@pytest.fixture
def heard(caplog):
    caplog.set_level(logging.INFO)
    return caplog


LONG = [20] * 18 + [98, 300]  # with <s> and </s>: 22, 100 and 302


@pytest.mark.parametrize(
    ("options", "longest", "cut"),
    [
        ({}, 128, 1),
        ({"length_percentile": 90}, 64, 2),
        ({"length_percentile": 100}, 384, 0),
        ({"length_percentile": 0}, 512, 0),
        ({"max_tokens_per_sample": 50}, 50, 2),
    ],
)
def test_texts_have_the_length_that_most_of_the_training_split_needs(
    tokenizer_dir, tmp_path, heard, options, longest, cut
):
    made = task(texts(tmp_path / "data", LONG, [200] * 3), tokenizer_dir, **options)
    made.load_dataset("valid")
    made.load_dataset("train")
    assert made.max_tokens == made.max_positions() == longest
    assert sizes(made, "valid") == [min(202, longest)] * 3
    assert sizes(made, "train") == [22] * 18 + [min(100, longest), min(302, longest)]
    lines = told(heard)
    assert len(lines) == (0 if longest in (50, 512) else 1)
    for line in lines:
        assert f"length: {longest} tokens" in line and f"; {cut} (" in line and "cut at their ends" in line
    counted = [message for message in heard.messages if f"of 20 examples are longer than {longest} tokens" in message]
    assert [int(message.split()[0]) for message in counted] == [cut] * bool(cut)


def test_never_more_than_the_description_or_the_model_has(tokenizer_dir, tmp_path):
    made = task(texts(tmp_path / "data", LONG, [5], most=100), tokenizer_dir)
    made.load_dataset("valid")
    assert made.max_tokens == 100
    made = task(texts(tmp_path / "data", [400] * 20, [5]), tokenizer_dir)
    made._positions = 300
    made.load_dataset("train")
    assert made.max_tokens == 300 and sizes(made, "train") == [300] * 20


def test_words_are_read_in_windows(tokenizer_dir, tmp_path, heard):
    made = task(words(tmp_path / "data", LONG), tokenizer_dir, TokenClassificationTask)
    made.load_dataset("train")
    (line,) = told(heard)
    assert line.startswith("length: 128 tokens: 95 % of the 20 training examples have at most 100; 1 (5.00 %)")
    assert "are read in windows" in line
    samples = made.datasets["train"].samples
    assert len(samples) > 20 and sum(len(sample.positions) for sample in samples) == sum(LONG)


@pytest.mark.parametrize(
    ("description", "percentile", "longest"),
    [
        ("max_tokens: 512, max_question_tokens: 20, stride: 24", 95, 128),
        ("max_tokens: 512, max_question_tokens: 20, stride: 24", 40, 64),
        ("max_tokens: 512, max_question_tokens: 20, stride: 41", 40, 128),  # 64 leave 40 tokens beside a question
        ("max_tokens: 512, max_question_tokens: 20, stride: 200", 40, 256),
        ("max_tokens: 250, max_question_tokens: 20, stride: 200", 40, 250),
        ("max_tokens: 48, max_question_tokens: 20, stride: 24", 95, 48),
        ("max_tokens: 512, max_question_tokens: 20, stride: 24", 0, 512),
    ],
)
def test_windows_of_questions_overlap_as_the_description_says(
    tokenizer_dir, tmp_path, heard, description, percentile, longest
):
    folder = questions.folder(tmp_path / "data", 20)
    read = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    for number, paragraph in enumerate(read["data"][0]["paragraphs"]):
        paragraph["context"] += " מילה" * (0 if number < 9 else 25)
    (folder / "train.json").write_text(json.dumps(read), encoding="utf-8")
    (folder / "task.yaml").write_text(
        "{name: homes, kind: question_answering, files: {train: train.json, valid: valid.json}, metric: f1, "
        f"max_answer_tokens: 12, {description}}}",
        encoding="utf-8",
    )
    made = task(folder, tokenizer_dir, QuestionAnsweringTask, length_percentile=percentile)
    made.load_dataset("valid")
    made.load_dataset("train")
    assert made.max_tokens == longest and max(sizes(made, "train")) <= longest
    lines = told(heard)
    assert len(lines) == (percentile > 0)
    for line in lines:
        assert line.startswith(f"length: {longest} tokens: {percentile} % of the 20 training examples have at most ")
        assert line.endswith("are read in windows")
    read = {sample.example for sample in made.datasets["train"].samples}
    assert len(read) == 20


def test_passages_of_retrieval_have_the_length_that_most_need(tokenizer_dir, tmp_path, heard, monkeypatch):
    """Found in pairs of the whole split, kept in the checkpoint; with fixed shapes all batches have it."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "task.yaml").write_text(
        "{name: found, kind: retrieval, files: {train: train.jsonl, valid: train.jsonl}, metric: mrr@10}",
        encoding="utf-8",
    )
    rows = [{"query": f"{WORD} {n}", "positive": " ".join([WORD] * n)} for n in (*[20] * 18, 98, 300)]
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    made = task(folder, tokenizer_dir, RetrievalTask, fixed_shapes=True)
    made.load_dataset("valid")
    made.load_dataset("train")
    (line,) = told(heard)
    assert line == (
        "length: 128 tokens: 95 % of the 20 passages of training pairs that were looked at have at most 100; "
        "1 (5.00 %) are longer than 128 and are cut at their ends"
    )
    assert made.max_tokens == 128 == made.datasets["train"].shapes.passage_tokens
    state = made.state_dict()
    assert state[LENGTH_KEY] == 128
    again = task(folder, tokenizer_dir, RetrievalTask, length_percentile=0)
    assert again.max_tokens == 256
    again.load_state_dict(state)
    assert again.max_tokens == 128
    assert task(folder, tokenizer_dir, RetrievalTask, max_tokens_per_sample=50).max_tokens == 50

    monkeypatch.setattr(retrieval, "MEASURED", 2)  # the first and the last
    made = task(folder, tokenizer_dir, RetrievalTask)
    made.load_dataset("train")
    assert "95 % of the 2 passages" in told(heard)[-1] and made.max_tokens == 256


def test_buckets_above_the_length_that_was_found_are_left_out(tokenizer_dir, tmp_path):
    folder = texts(tmp_path / "data", [20] * 20, [5])
    made = task(folder, tokenizer_dir, fixed_shapes=True, length_buckets="32,128")
    made.load_dataset("train")
    assert made.datasets["train"].shapes.lengths.tolist() == [32, 64]
    made = task(folder, tokenizer_dir, fixed_shapes=True, length_buckets="32,128", max_tokens_per_sample=64)
    with pytest.raises(UserError, match="--length-buckets 32,128: give ascending numbers from 2 to 64"):
        made.load_dataset("train")


def test_on_xla_batches_have_the_lengths_up_to_the_longest(tokenizer_dir, tmp_path):
    """As they are looked at elsewhere too, and unless the options name others."""
    folder = texts(tmp_path / "data", [20] * 10 + [150] * 10, [5])
    for more, lengths in (({}, [64, 128, 192]), ({"length_buckets": "96,256"}, [96, 192])):
        made = task(folder, tokenizer_dir, tpu=True, **more)
        made.load_dataset("train")
        assert made.datasets["train"].shapes.lengths.tolist() == lengths and not made.on_xla


def test_the_split_that_is_trained_on_is_looked_at(tokenizer_dir, tmp_path, heard):
    data = texts(tmp_path / "data", [20] * 20, [100] * 20)
    (data / "train.tsv").unlink()
    one = task(data, tokenizer_dir, train_subset="valid")
    one.load_dataset("valid")
    assert one.max_tokens == 128 and sizes(one, "valid") == [102] * 20


@pytest.mark.parametrize("percentile", [-1, 100.5])
def test_a_percentage_that_is_none(tokenizer_dir, tmp_path, percentile):
    with pytest.raises(UserError, match=f"--length-percentile {percentile:g}: give a percentage"):
        task(texts(tmp_path / "data", [5], [5]), tokenizer_dir, length_percentile=percentile)


def test_a_checkpoint_goes_on_with_its_length(tokenizer_dir, tmp_path, heard):
    """Whatever the files say by now; what was read before is read again."""
    first = task(texts(tmp_path / "data", LONG, [200] * 3), tokenizer_dir)
    first.load_dataset("train")
    state = first.state_dict()
    assert state[LENGTH_KEY] == 128
    texts(tmp_path / "data", [20] * 20, [200] * 3)
    again = task(tmp_path / "data", tokenizer_dir)
    again.load_dataset("valid")
    assert again.max_tokens == 64
    again.load_state_dict(dict(state))
    assert again.max_tokens == 128 and sizes(again, "valid") == [128] * 3
    assert told(heard)[-1] == "length: 128 tokens, the checkpoint's, instead of 64"
    asked = task(tmp_path / "data", tokenizer_dir, max_tokens_per_sample=32)
    asked.load_dataset("valid")
    asked.load_state_dict(dict(state))
    assert asked.max_tokens == 32 and asked.state_dict()[LENGTH_KEY] == 32
    old = task(tmp_path / "data", tokenizer_dir)
    del state[LENGTH_KEY]
    old.load_state_dict(state)
    assert old.max_tokens == 512, "a checkpoint from before lengths were found"


def train(folder, tokenizer, save, *options, launch=("fairseq-train",)):
    done = run(
        *(*launch, folder, "--user-dir", "fairseq_hebrew", "--task", "sequence_classification"),
        *("--criterion", "classification", "--description", folder / "task.yaml", "--tokenizer-dir", tokenizer),
        *("--arch", "hallelubert_tiny", "--encoder-layers", "1", "--batch-size", "8", "--optimizer", "adam"),
        *("--lr", "1e-4", "--cpu", "--num-workers", "0", "--save-dir", save, "--log-format", "json", *options),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    logs.append(done.stdout + done.stderr)
    return re.findall(r"length: \d+ tokens[^\n]*", done.stdout + done.stderr)


def test_training_resuming_predicting_and_the_card_have_one_length(tokenizer_dir, tmp_path):
    data = texts(tmp_path / "data", LONG, [200] * 3)
    (line,) = train(data, tokenizer_dir, tmp_path / "save", "--max-epoch", "1")
    assert line.startswith("length: 128 tokens: 95 %")
    texts(data, [20] * 20, [200] * 3)
    lines = train(data, tokenizer_dir, tmp_path / "save", "--max-epoch", "2")
    assert lines[-1] == "length: 128 tokens, the checkpoint's, instead of 64"
    last = tmp_path / "save" / "checkpoint_last.pt"
    # another run that begins with its weights finds its own
    lines = train(data, tokenizer_dir, tmp_path / "other", "--max-epoch", "1", "--finetune-from-model", last)
    assert len(lines) == 1 and lines[0].startswith("length: 64 tokens: 95 %")

    # of several processes one reads the checkpoint, and all must have its length: 4 texts of 128 tokens
    texts(data, [20] * 20, [200] * 4)
    program = Path(sys.executable).with_name("fairseq-train")
    launch = ("torchrun", "--nproc-per-node", 2, "--master-port", random.randint(20000, 30000), program)
    more = ("--max-epoch", "3", "--no-save", "--distributed-backend", "gloo")
    train(data, tokenizer_dir, tmp_path / "save", *more, launch=launch)
    assert re.findall(r'"valid_wpb": "(\d+)"', logs[-1]) == [str(4 * 128)], logs[-1][-2000:]

    order = BatchOrder(last)
    assert order._task.max_tokens == 128, "what monitor reads batches by"
    texts(data, [500] * 20, [200] * 3)
    model, made = load_model(last, read_checkpoint(last), {})
    assert made.max_tokens == 128
    predicted = run("fairseq-hebrew", "predict", last, "--split", "valid", "--output", tmp_path / "p.jsonl")
    assert predicted.returncode == 0, predicted.stderr[-3000:]
    assert "3 of 3 examples are longer than 128 tokens" in predicted.stderr + predicted.stdout
    row = json.loads((tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()[0])
    tokens = torch.tensor(
        [[made.vocabulary.bos, *made.vocabulary.encode_batch([row["text"]])[0][:126], made.vocabulary.eos]]
    )
    with torch.inference_mode():
        logits = model(tokens, head=made.head)[0]
    assert list(row["scores"].values()) == pytest.approx(logits.softmax(-1)[0].tolist(), abs=1e-4)
    exported = run("fairseq-hebrew", "export-hf", last, tmp_path / "hf", "--tokenizer", tokenizer_dir)
    assert exported.returncode == 0, exported.stderr[-3000:]
    card = (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"longest sample in tokens \| 128 ", card), card
    told = json.loads((tmp_path / "hf" / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert told["model_max_length"] == 128
