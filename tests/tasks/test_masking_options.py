"""Words, spans and fixed numbers in the pretraining task: its errors in process, training in fairseq's own command."""

import json
import re
import shutil

import numpy as np
import pytest
import torch

from fairseq_hebrew.preprocess.binarize import Settings as BinarizeSettings
from fairseq_hebrew.preprocess.binarize import binarize
from fairseq_hebrew.preprocess.train_bpe import Settings as BpeSettings
from fairseq_hebrew.preprocess.train_bpe import train_bpe
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask
from fairseq_hebrew.tasks.masking_options import replacement_ids
from tests.conftest import HANDWRITTEN, run

BOS, PAD, EOS = range(3)


@pytest.fixture(scope="module")
def data(tokenizer_dir, tmp_path_factory):
    """Binaries of the demo's hand-written text."""
    folder = tmp_path_factory.mktemp("binaries")
    files = sorted(HANDWRITTEN.glob("*.txt"))
    for split, names in (("train", files[:-2]), ("valid", files[-2:])):
        binarize(BinarizeSettings(input=names, tokenizer=tokenizer_dir, output=folder, split=split))
    return folder


def task(data, **options) -> HebrewMaskedLMTask:
    usual = {"tokens_per_sample": 128, "seed": 1, "sample_break_mode": "complete_doc"}
    made = HebrewMaskedLMTask.setup_task(HebrewMaskedLMConfig(data=str(data), **usual | options))
    made.load_dataset("train")
    return made


def batch(made: HebrewMaskedLMTask, rows: int = 8) -> dict:
    dataset = made.dataset("train")
    return dataset.collater([dataset[i] for i in dataset.ordered_indices()[-rows:]])


@pytest.mark.parametrize("mode", ["none", "complete_doc", "packed"])
def test_batches_of_whole_words(data, tokenizer_dir, mode):
    made = task(data, mask_unit="word", tokenizer_dir=str(tokenizer_dir), sample_break_mode=mode, mask_prob=0.2)
    found = batch(made)
    targets, tokens = found["target"], found["net_input"]["src_tokens"]
    original = torch.where(targets.ne(PAD), targets, tokens).numpy()
    chosen = targets.ne(PAD).numpy()
    joined = np.stack([made.pieces.joined(row, np.array([len(row)])) for row in original])
    assert joined.sum() > 50 and (chosen[:, 1:] == chosen[:, :-1])[joined[:, 1:]].all()
    real = ~np.isin(original, (BOS, PAD, EOS))
    assert abs(chosen.sum() / real.sum() - 0.2) < 0.01 and not chosen[~real].any()


@pytest.mark.parametrize("unit", ["token", "word", "span"])
@pytest.mark.parametrize("options", [{}, {"masked_a_row": 12}, {"sample_break_mode": "packed"}])
def test_fixed_shapes(data, tokenizer_dir, unit, options):
    made = task(data, mask_unit=unit, tokenizer_dir=str(tokenizer_dir), fixed_shapes=True, **options)
    places = options.get("masked_a_row", 20)  # 15 % of 128
    for rows in (3, 8):
        found = batch(made, rows)
        positions, target = found["net_input"]["masked_positions"], found["target"]
        assert found["net_input"]["src_tokens"].shape == (rows, 128)
        assert positions.shape == target.shape == (rows, places)
        counts = target.ne(PAD).sum(1)
        assert counts.min() > 0 and counts.max() <= places
    if "masked_a_row" in options:
        assert (counts == places).all()


@pytest.mark.parametrize("unit", ["token", "word", "span"])
def test_masks_hang_on_seed_epoch_and_sample_alone(data, tokenizer_dir, unit):
    dataset = task(data, mask_unit=unit, tokenizer_dir=str(tokenizer_dir)).dataset("train")
    again = task(data, mask_unit=unit, tokenizer_dir=str(tokenizer_dir)).dataset("train")
    order = dataset.ordered_indices()

    def masks(source, batches, workers):
        loader = torch.utils.data.DataLoader(
            source, batch_sampler=batches, collate_fn=source.collater, num_workers=workers
        )
        return {int(i): row[row.ne(PAD)].tolist() for found in loader for i, row in zip(found["id"], found["target"])}

    whole = masks(dataset, np.array_split(order, 5), 0)
    assert masks(dataset, np.array_split(order[::-1], 3), 2) == whole == masks(again, [[i] for i in order], 0)
    dataset.set_epoch(2)
    assert masks(dataset, np.array_split(order, 5), 0) != whole


def test_random_tokens_are_those_that_text_can_have(data, tokenizer_dir):
    made = task(data, tokenizer_dir=str(tokenizer_dir), mask_prob=0.9, leave_unmasked_prob=0, random_token_prob=1)
    assert made.masking.replacements.tolist() == replacement_ids(made.dictionary).tolist() == [*range(4, 804)]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"mask_unit": "word"}, "^--mask-unit word has to know where words begin; add --tokenizer-dir"),
        ({"mask_unit": "span"}, "^--mask-unit span has to know where words begin; add --tokenizer-dir"),
        ({"masked_a_row": -1}, "^--masked-a-row -1 is not a number from 1"),
        ({"masked_a_row": 65}, "^--masked-a-row 65 is more than half of --tokens-per-sample 128"),
        ({"mean_span_length": 6.0}, "^--mean-span-length 6.0 is not from 1 up to 5.5.*--max-span-length 10"),
        ({"max_span_length": 0}, "^--max-span-length 0 is not a number of words from 1"),
        ({"tokenizer_dir": "nowhere"}, "^nowhere: no tokenizer.json or sentencepiece.model there"),
    ],
)
def test_options_that_cannot_be(data, options, line):
    with pytest.raises(UserError, match=line) as caught:
        task(data, **options)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_that_does_not_fit(data, tokenizer_dir, tmp_path):
    """One of fewer entries, one of as many, which the manifest of the binaries tells apart, and no manifest."""
    files = sorted(HANDWRITTEN.glob("a0*.txt"))
    for name, size, source in (("small", 400, files), ("other", 800, files[:8])):
        train_bpe(BpeSettings(input=source, output=tmp_path / name, vocab_size=size))
    with pytest.raises(UserError, match=r"dict\.txt:\d+: '\d+' is no id of this tokenizer \(404 entries\)"):
        task(data, tokenizer_dir=str(tmp_path / "small"))
    with pytest.raises(
        UserError, match=r"other/tokenizer\.json: not the tokenizer that .*train\.bin was made with, by"
    ):
        task(data, tokenizer_dir=str(tmp_path / "other"))
    copy = shutil.copytree(data, tmp_path / "data")
    for damage in (b"{", b"[]", b'{"inputs": [{}]}', None):
        manifest = copy / "train.manifest.json"
        manifest.unlink(missing_ok=True)
        if damage is not None:
            manifest.write_bytes(damage)
        task(copy, tokenizer_dir=str(tmp_path / "other"))


def losses(done) -> list[float]:
    assert done.returncode == 0, done.stderr[-2000:]
    rows = re.findall(r"\| train_inner \| (\{.*\})", done.stdout + done.stderr)
    return [float(json.loads(row)["loss"]) for row in rows]


def train(data, save, *more):
    return run(
        "fairseq-train", data, "--user-dir", "fairseq_hebrew", "--task", "hebrew_masked_lm",
        "--arch", "hallelubert_tiny", "--encoder-layers", 1, "--criterion", "hebrew_masked_lm", "--optimizer", "adam",
        "--lr", 5e-3, "--batch-size", 8, "--tokens-per-sample", 64, "--max-update", 6, "--save-dir", save, "--cpu",
        "--no-save", "--disable-validation", "--log-format", "json", "--log-interval", 1, *more,
    )  # fmt: skip


def test_training_on_words_and_spans(data, tokenizer_dir, tmp_path):
    """The real command; with any number of workers the same losses."""
    words = ["--mask-unit", "word", "--tokenizer-dir", tokenizer_dir, "--sample-break-mode", "packed"]
    first = losses(train(data, tmp_path, *words, "--num-workers", 0))
    assert len(first) == 6 and first[-1] < first[0]
    assert losses(train(data, tmp_path, *words, "--num-workers", 2)) == first
    spans = ["--mask-unit", "span", "--tokenizer-dir", tokenizer_dir, "--mean-span-length", 2, "--max-span-length", 4]
    fixed = losses(train(data, tmp_path, *spans, "--masked-a-row", 10, "--fixed-shapes"))
    assert len(fixed) == 6 and fixed[-1] < fixed[0]


def test_the_clear_line_of_the_real_command(data, tmp_path):
    done = train(data, tmp_path, "--mask-unit", "word")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "--mask-unit word has to know where words begin; add --tokenizer-dir" in done.stderr
