"""--mixture: corpora put together by the task, in process and in fairseq's own command."""

import json
import random
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fairseq import checkpoint_utils

from fairseq_hebrew.stage.errors import UserError
from tests.tasks.test_masked_lm import binarized, losses, task, train

ENGLISH, HEBREW = range(4, 18), range(18, 32)
SIXTY = "corpora:\n  english: {data: en1:en2, weight: 60}\n  hebrew: {data: he, weight: 40}\n"
MODES = ["none", "complete", "complete_doc", "eos"]


def lines(words: range, count: int, seed: int) -> list[list[int]]:
    """Lines of a language, a blank one after every fourth."""
    rng = random.Random(seed)
    weights = [1 / (i + 1) for i in range(len(words))]
    return [[] if i % 5 == 4 else rng.choices(words, weights, k=rng.randint(3, 30)) for i in range(count)]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> Path:
    """Two shards of English, four times as long together as the Hebrew."""
    folder = tmp_path_factory.mktemp("corpora")
    binarized(folder / "en1", train=lines(ENGLISH, 100, 1))
    binarized(folder / "en2", train=lines(ENGLISH, 140, 2))
    binarized(folder / "he", train=lines(HEBREW, 60, 3))
    return folder


def mixture(folder: Path, text: str = SIXTY) -> Path:
    (folder / "mixture.yaml").write_text(text, encoding="utf-8")
    return folder / "mixture.yaml"


def loaded(corpora: Path, text: str = SIXTY, epoch: int = 1, **options):
    made = task(corpora / "he", mixture=str(mixture(corpora, text)), **options)
    made.load_dataset("train", epoch=epoch)
    return made.dataset("train")


def language(tokens: np.ndarray) -> set[str]:
    words = [int(token) for token in tokens if token > 2]
    return {"english" if word in ENGLISH else "hebrew" for word in words}


@pytest.mark.parametrize("mode", MODES)
def test_rows_never_mix_corpora(corpora, mode):
    data = loaded(corpora, sample_break_mode=mode, tokens_per_sample=32)
    for epoch in (1, 2, 3):
        data.set_epoch(epoch)
        tokens = dict.fromkeys(("english", "hebrew"), 0)
        for index in range(len(data)):
            sample = data.samples[index]
            (name,) = language(sample.tokens)
            tokens[name] += len(sample.tokens)
            assert len(sample.tokens) == sum(sample.lengths) == data.sizes[index] <= 32
        assert tokens["english"] / sum(tokens.values()) == pytest.approx(0.6, abs=0.02)


def test_a_row_that_comes_again_is_masked_anew(corpora):
    data = loaded(corpora, tokens_per_sample=32)
    rows: dict[tuple, list[int]] = {}
    for index in range(len(data)):
        rows.setdefault(tuple(data.samples[index].tokens.tolist()), []).append(index)
    again = next(indices for indices in rows.values() if len(indices) > 1)
    batch = data.collater([data[index] for index in again])
    targets = batch["target"].tolist()
    assert targets[0] != targets[1]


def test_a_batch_tells_its_corpora(corpora):
    data = loaded(corpora, tokens_per_sample=32)
    batch = data.collater([data[0], data[1], data[len(data) - 1]])
    assert set(batch["corpus_tokens"]) == {"english", "hebrew"}
    assert sum(batch["corpus_tokens"].values()) == batch["ntokens"] and all(batch["corpus_tokens"].values())


@pytest.mark.parametrize("mode", MODES)
def test_documents_of_a_least_length(corpora, mode):
    """In the shares of NeoBERT's second phase (arXiv 2502.19587): 20 % of all documents, 40 % and 40 % of long ones."""
    text = (
        "corpora:\n  all: {data: he, weight: 20}\n"
        "  long: {data: he, weight: 40, min_document_tokens: 60}\n"
        "  longer: {data: he, weight: 40, min_document_tokens: 80}\n"
    )
    data = loaded(corpora, text, sample_break_mode=mode, tokens_per_sample=32)
    given = data.samples.tokens_by_corpus(range(len(data)))
    assert [round(given[name] / sum(given.values()), 1) for name in ("all", "long", "longer")] == [0.2, 0.4, 0.4]
    of_lines = lines(HEBREW, 60, 3)
    documents = [of_lines[first : first + 4] for first in range(0, 60, 5)]
    counts = []
    for name, least in (("all", 0), ("long", 60), ("longer", 80)):
        long = [document for document in documents if sum(len(line) + 1 for line in document) >= least]
        wanted = Counter(word for document in long for line in document for word in line)
        samples = data.samples.corpora[name]
        found = Counter(int(word) for i in range(len(samples)) for word in samples[i].tokens if word > 2)
        assert found == wanted, name
        counts.append(len(long))
    assert counts[0] > counts[1] > counts[2] > 0


def test_no_document_is_long_enough(corpora):
    text = SIXTY.replace("weight: 40", "weight: 40, min_document_tokens: 5000")
    with pytest.raises(UserError, match=r"mixture\.yaml:3: hebrew has no document of at least 5,000 tokens; lower"):
        loaded(corpora, text)


def test_an_epoch_without_room(corpora):
    with pytest.raises(UserError, match=r"mixture\.yaml:1: an epoch of 20 tokens, .*; give a larger epoch_tokens"):
        loaded(corpora, "epoch_tokens: 20\n" + SIXTY)


def test_a_corpus_of_another_dictionary(corpora, tmp_path):
    shutil.copytree(corpora, tmp_path / "c")
    binarized(tmp_path / "c" / "en2", entries=40)
    with pytest.raises(UserError, match=r"en2/dict\.txt: not the dictionary of .*he/dict\.txt"):
        loaded(tmp_path / "c")


def test_a_corpus_that_is_not_there(corpora):
    with pytest.raises(UserError, match=r"en3/train\.idx: no such file"):
        loaded(corpora, SIXTY.replace("en2", "en3"))


# Training, in fairseq's own command.


def run(corpora: Path, save: Path, *more, updates: int = 30):
    return train(
        corpora / "he", save, "--mixture", mixture(corpora), "--tokens-per-sample", 32,
        "--valid-subset", "valid,valid_english", *more, updates=updates,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(corpora, tmp_path_factory):
    """(A run of 30 updates over two epochs, its folder)"""
    save = tmp_path_factory.mktemp("whole")
    return run(corpora, save), save


def test_the_log_tells_the_shares(whole):
    losses(whole[0])
    told = whole[0].stdout + whole[0].stderr
    shares = [float(share) for share in re.findall(r"mixture of epoch \d+: english ([\d.]+) % \(", told)]
    assert len(shares) >= 2 and shares == pytest.approx([60] * len(shares), abs=1)
    (epoch,) = [json.loads(row) for row in re.findall(r"\| train \| (\{.*\})", told)][:1]
    assert float(epoch["train_share_english"]) == pytest.approx(shares[0], abs=0.01)
    assert float(epoch["train_share_english"]) + float(epoch["train_share_hebrew"]) == pytest.approx(100, abs=0.01)


def test_each_corpus_is_validated_by_itself(whole):
    told = whole[0].stdout + whole[0].stderr
    assert re.search(r"\| valid_english \| \{.*valid_english_loss", told)


@pytest.mark.parametrize("stop", [9, 25])
def test_resuming_changes_nothing(whole, corpora, tmp_path, stop):
    """In the first epoch and in the second, in the middle of each."""
    first = run(corpora, tmp_path, updates=stop)
    second = run(corpora, tmp_path)
    assert {**losses(first), **losses(second)} == losses(whole[0])


def test_workers_change_nothing(whole, corpora, tmp_path):
    found = losses(run(corpora, tmp_path, "--num-workers", 2, "--no-save", updates=25))
    assert found == {update: loss for update, loss in losses(whole[0]).items() if update <= 25}


def test_a_checkpoint_needs_no_mixture(whole, corpora):
    (corpora / "mixture.yaml").unlink()
    _, cfg, _ = checkpoint_utils.load_model_ensemble_and_task([str(whole[1] / "checkpoint_last.pt")])
    assert cfg.task.mixture == str(corpora / "mixture.yaml")
