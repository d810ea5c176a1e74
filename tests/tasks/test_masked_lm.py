"""The pretraining task: its errors in process, training in fairseq's own commands."""

import gc
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder
from omegaconf import OmegaConf

from fairseq_hebrew.models.hallelubert import HALLELUBERT
from fairseq_hebrew.models.neodictabert import NEODICTABERT
from fairseq_hebrew.models.options import EncoderOptions
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask
from fairseq_hebrew.tasks.masking_options import replacement_ids
from fairseq_hebrew.text.dictionary import SPECIALS
from fairseq_hebrew.text.vocabulary import symbols_fingerprint

ROOT = Path(__file__).parents[2]
WORDS = [str(i) for i in range(4, 30)]
FREQUENCIES = [1 / (i + 1) ** 1.5 for i in range(len(WORDS))]


def command(name: str, *arguments, environment: Mapping[str, object] | None = None) -> subprocess.CompletedProcess:
    told = {key: str(value) for key, value in (environment or {}).items()}
    return subprocess.run(
        [Path(sys.executable).parent / name, *map(str, arguments)],
        cwd=ROOT,
        env={
            **os.environ,
            **told,
            "OMP_NUM_THREADS": "1",
        },  # threads that wait for a busy core make so small a model slow
        capture_output=True,
        text=True,
        timeout=120,
    )


def binarized(folder: Path, entries: int = 30, train: list[list[int]] | None = None) -> Path:
    """A folder of binaries made here: `entries` symbols after the 4 specials, the last two of them fillers."""
    folder.mkdir(parents=True, exist_ok=True)
    symbols = [f"{i} 1" for i in range(entries - 2)] + ["madeupword0000 0", "madeupword0001 0"]
    (folder / "dict.txt").write_text("\n".join(symbols) + "\n", encoding="utf-8")
    for split, lines in (("train", train or [[4, 5, 6], [7, 8, 9, 10]] * 8), ("valid", [[4, 5, 6, 7]] * 3)):
        builder = MMapIndexedDatasetBuilder(str(folder / f"{split}.bin"), dtype=np.uint16)
        for line in lines:
            builder.add_item(torch.tensor([*line, 2]))
        builder.finalize(str(folder / f"{split}.idx"))
    return folder


def task(data, **options) -> HebrewMaskedLMTask:
    return HebrewMaskedLMTask.setup_task(
        HebrewMaskedLMConfig(data=str(data), **{"tokens_per_sample": 16, "seed": 1} | options)
    )


def test_the_mask_is_the_last_entry_and_fillers_never_replace(tmp_path):
    made = task(binarized(tmp_path))
    assert len(made.source_dictionary) == 35 == made.mask_idx + 1
    assert replacement_ids(made.dictionary).tolist() == list(range(4, 32))


@pytest.mark.parametrize("mode", ["none", "complete", "complete_doc", "eos"])
def test_all_break_modes_make_batches(tmp_path, mode):
    made = task(binarized(tmp_path), sample_break_mode=mode)
    made.load_dataset("train")
    data = made.dataset("train")
    batch = data.collater([data[i] for i in data.ordered_indices()[:2]])
    assert batch["target"].ne(1).any() and not data.fixed
    made.load_dataset("valid")
    assert made.dataset("valid").fixed


def test_shards_are_read_in_turn(tmp_path):
    first = binarized(tmp_path / "1", train=[[4] * 20])
    second = binarized(tmp_path / "2", train=[[5] * 20])
    made = task(f"{first}:{second}")
    for epoch, word in ((1, 4), (2, 5), (3, 4)):
        made.load_dataset("train", epoch=epoch)
        assert made.dataset("train").samples[0].tokens[1] == word


def break_dictionary(folder: Path) -> None:
    (folder / "dict.txt").write_text("4 1\n4 1\n", encoding="utf-8")


def empty(folder: Path) -> None:
    for suffix in ("bin", "idx"):
        (folder / f"train.{suffix}").unlink()
    builder = MMapIndexedDatasetBuilder(str(folder / "train.bin"), dtype=np.uint16)
    builder.add_item(torch.tensor([], dtype=torch.long))
    builder.finalize(str(folder / "train.idx"))


def shorten(folder: Path) -> None:
    (folder / "train.bin").write_bytes((folder / "train.bin").read_bytes()[:-6])


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda f: (f / "dict.txt").unlink(), r"dict\.txt: no dictionary here; name the folder"),
        (break_dictionary, r"dict\.txt: Duplicate word found .*'4'; copy it again"),
        (lambda f: (f / "dict.txt").write_bytes(b"\xff\xfe 1\n"), r"dict\.txt: Incorrect encoding.*; copy"),
        (lambda f: (f / "dict.txt").write_bytes(b""), r"dict\.txt: the dictionary is empty.*; copy it again"),
        (lambda f: (f / "train.idx").unlink(), r"train\.idx: no such file; name a folder and a split"),
        (lambda f: (f / "train.bin").unlink(), r"train\.bin: no such file; name a folder and a split"),
        (lambda f: (f / "train.idx").write_bytes(b"nothing of the kind"), r"train\.idx: cannot be read.*; binarize"),
        (empty, r"train\.bin: holds no tokens; binarize a text that is not empty"),
        (shorten, r"train\.bin: shorter than its index says; copy it again"),
        (lambda f: binarized(f, train=[[4, 5], [34]]), r"train\.bin: has the id 34, dict\.txt makes 34 ids; binarize"),
    ],
)
def test_data_that_cannot_be_trained_on(tmp_path, damage, line):
    folder = binarized(tmp_path / "data")
    damage(folder)
    with pytest.raises(UserError, match=line) as caught:
        task(folder).load_dataset("train")
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("kept", "line"),
    [
        (8, "cut short within its header"),
        (25, "cut short within its header"),
        (26, "cut short: 26 bytes, its header says 218"),
        (217, "cut short: 217 bytes, its header says 218"),
    ],
)
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")  # the destructor of a half-opened index
def test_an_index_that_is_cut_short(tmp_path, kept, line):
    index = binarized(tmp_path) / "train.idx"
    index.write_bytes(index.read_bytes()[:kept])
    with pytest.raises(UserError, match=rf"train\.idx: {line}; copy it again or binarize again"):
        task(tmp_path).load_dataset("train")
    gc.collect()


def write_manifest(folder: Path, split: str) -> None:
    """As binarize leaves it, of the dictionary that is there now."""
    symbols = [line.rpartition(" ")[0] for line in (folder / "dict.txt").read_text(encoding="utf-8").splitlines()]
    settings = {"split": split, "dictionary": symbols_fingerprint([*SPECIALS, *symbols, "<mask>"])}
    (folder / f"{split}.manifest.json").write_text(json.dumps({"settings": settings}), encoding="utf-8")


def reverse_dictionary(folder: Path) -> None:
    lines = (folder / "dict.txt").read_text(encoding="utf-8").splitlines()
    (folder / "dict.txt").write_text("\n".join(lines[::-1]) + "\n", encoding="utf-8")


def test_binaries_of_another_dictionary_by_their_manifest(tmp_path):
    folder = binarized(tmp_path)
    write_manifest(folder, "train")
    task(folder).load_dataset("train")
    reverse_dictionary(folder)
    made = task(folder)
    made.load_dataset("valid")  # no manifest, as fairseq-preprocess leaves it
    with pytest.raises(
        UserError, match=r"/dict\.txt: another dictionary .*/train\.manifest\.json\); put back"
    ) as caught:
        made.load_dataset("train")
    assert "\n" not in str(caught.value)


def test_each_of_the_combined_shards_is_of_its_manifest(tmp_path):
    folder = binarized(tmp_path)
    for suffix in ("bin", "idx"):
        shutil.copy(folder / f"train.{suffix}", folder / f"train1.{suffix}")
    for split in ("train1", "train2"):  # there is no second shard
        write_manifest(folder, split)
    task(folder).load_dataset("train", combine=True)
    reverse_dictionary(folder)
    made = task(folder)
    made.load_dataset("train")
    with pytest.raises(UserError, match=r"train1\.bin .*/train1\.manifest\.json"):
        made.load_dataset("train", combine=True)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[]", b"{}", b'{"settings": []}', b'{"settings": {"dictionary": 1}}']
)
def test_a_damaged_manifest_says_nothing(tmp_path, text):
    (binarized(tmp_path) / "train.manifest.json").write_bytes(text)
    task(tmp_path).load_dataset("train")


def test_a_shard_of_another_dictionary(tmp_path):
    first, second = binarized(tmp_path / "1"), binarized(tmp_path / "2", entries=40)
    made = task(f"{first}:{second}")
    made.load_dataset("train", epoch=1)
    with pytest.raises(UserError, match=r"2/dict\.txt: not the dictionary of .*1/dict\.txt"):
        made.load_dataset("train", epoch=2)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"mask_prob": 1.5}, "^--mask-prob 1.5 is not a share"),
        ({"leave_unmasked_prob": -1.0}, "^--leave-unmasked-prob -1.0 is not a share"),
        ({"random_token_prob": 2.0}, "^--random-token-prob 2.0 is not a share"),
        ({"random_token_prob": 0.95}, "^--leave-unmasked-prob 0.1 and --random-token-prob 0.95 sum to more than 1"),
        ({"tokens_per_sample": 1}, "give at least 2"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, line):
    with pytest.raises(UserError, match=line):
        task(binarized(tmp_path), **options)


def test_samples_longer_than_the_models_positions(tmp_path):
    made = task(binarized(tmp_path), tokens_per_sample=1024)
    cfg = EncoderOptions(_name=HALLELUBERT.name, encoder_layers=1, encoder_embed_dim=64)
    with pytest.raises(UserError, match="more than the model's 512 positions; add --max-positions 1024"):
        made.build_model(OmegaConf.structured(cfg))


def test_the_state_refuses_another_dictionary_of_the_same_size(tmp_path):
    first, second = task(binarized(tmp_path / "1")), task(binarized(tmp_path / "2"))
    second.load_state_dict(first.state_dict())
    second.load_state_dict({})  # a stock checkpoint's
    text = (tmp_path / "2" / "dict.txt").read_text(encoding="utf-8")
    (tmp_path / "2" / "dict.txt").write_text(text.replace("7 1\n", "x 1\n"), encoding="utf-8")
    with pytest.raises(UserError, match=r"2/dict\.txt: another dictionary \(sha256 \w+, 35 entries\) than the check"):
        task(tmp_path / "2").load_state_dict(first.state_dict())


# Training, in fairseq's own commands: a language of 26 words, some far more frequent than others.


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rng = random.Random(1)
    for split, lines in (("train", 300), ("valid", 40)):
        with open(folder / split, "w", encoding="utf-8") as out:
            for number in range(lines):
                words = rng.choices(WORDS, FREQUENCIES, k=rng.randint(3, 40))
                print("" if number % 7 == 6 else " ".join(words), file=out)
    made = command(
        "fairseq-preprocess", "--only-source", "--trainpref", folder / "train", "--validpref", folder / "valid",
        "--destdir", folder / "bin", "--workers", 1,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder / "bin"


def train(
    data, save: Path, *more, updates: int = 20, environment: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess:
    return command(
        "fairseq-train", data, "--user-dir", "fairseq_hebrew", "--task", "hebrew_masked_lm",
        "--arch", "hallelubert_tiny", "--criterion", "hebrew_masked_lm", "--optimizer", "adam",
        "--adam-betas", "(0.9, 0.98)",
        "--lr-scheduler", "polynomial_decay", "--lr", 5e-3, "--warmup-updates", 4, "--total-num-update", 60,
        "--batch-size", 8, "--tokens-per-sample", 64, "--max-update", updates, "--save-dir", save, "--cpu",
        "--log-format", "json", "--log-interval", 1, "--num-workers", 0, "--required-batch-size-multiple", 1, *more,
        environment=environment,
    )  # fmt: skip


def losses(run: subprocess.CompletedProcess, kind: str = "train_inner") -> dict[int, float]:
    """{update: loss} of a run's log."""
    assert run.returncode == 0, run.stderr[-2000:]
    rows = [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", run.stdout + run.stderr)]
    name = {"train_inner": "", "valid": "valid_"}[kind]
    return {int(row[f"{name}num_updates"]): float(row[f"{name}loss"]) for row in rows}


@pytest.fixture(scope="module")
def unbroken(trained_on, tmp_path_factory):
    save = tmp_path_factory.mktemp("unbroken")
    return train(trained_on, save, "--validate-interval-updates", 10, updates=30), save


def test_training_learns_and_validates(unbroken):
    run, save = unbroken
    train_loss, valid_loss = losses(run), losses(run, "valid")
    assert sorted(train_loss) == list(range(1, 31))
    assert np.mean([train_loss[i] for i in range(26, 31)]) < 0.9 * np.mean([train_loss[i] for i in range(1, 6)])
    # There is no more to learn than how frequent each word is; some 120 words are predicted.
    shares = np.array(FREQUENCIES) / sum(FREQUENCIES)
    assert {10, 20, 30} <= valid_loss.keys() and abs(valid_loss[30] / -(shares @ np.log2(shares)) - 1) < 0.15
    assert (save / "checkpoint_last.pt").exists()


def test_resuming_in_the_middle_of_an_epoch_changes_nothing(unbroken, trained_on, tmp_path):
    whole, save = unbroken
    first = train(trained_on, tmp_path, updates=14)
    second = train(trained_on, tmp_path, updates=30)
    assert {**losses(first), **losses(second)} == losses(whole)
    ends = [torch.load(folder / "checkpoint_last.pt", weights_only=False)["model"] for folder in (save, tmp_path)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_workers_change_nothing(unbroken, trained_on, tmp_path):
    run = train(trained_on, tmp_path, "--num-workers", 2, "--no-save", updates=10)
    whole = losses(unbroken[0])
    assert losses(run) == {update: whole[update] for update in range(1, 11)}


def test_a_checkpoint_loads_without_its_options(unbroken):
    models, cfg, made = checkpoint_utils.load_model_ensemble_and_task([str(unbroken[1] / "checkpoint_last.pt")])
    assert cfg.model._name == "hallelubert_tiny" and made.mask_idx == len(made.dictionary) - 1
    assert models[0].encoder.config.layers == 2 and models[0].max_positions() == 512


def test_another_dictionary_is_refused_when_training_goes_on(unbroken, trained_on, tmp_path):
    """Also one of the same size, on resume and with --finetune-from-model: stock fairseq looks at neither."""
    changed = shutil.copytree(trained_on, tmp_path / "changed")
    lines = (changed / "dict.txt").read_text(encoding="utf-8").splitlines()
    lines[0], lines[1] = lines[1], lines[0]
    (changed / "dict.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    save = shutil.copytree(unbroken[1], tmp_path / "save")
    for run in (
        train(changed, save, updates=40),
        train(changed, tmp_path / "new", "--finetune-from-model", save / "checkpoint_last.pt"),
    ):
        assert run.returncode != 0
        assert f"{changed}/dict.txt: another dictionary (sha256" in run.stderr


def test_the_clear_line_is_found_through_fairseqs_own_exception(unbroken, trained_on, tmp_path):
    save = shutil.copytree(unbroken[1], tmp_path / "save")
    run = train(trained_on, save, "--encoder-layers", 3, updates=40)
    assert run.returncode != 0
    assert "the checkpoint has 2 layers, this model 3; use the --arch" in run.stderr


def test_hydra_names_the_model(trained_on, tmp_path):
    (tmp_path / "pretrain.yaml").write_text(
        f"""# @package _group_
common: {{user_dir: {ROOT}/fairseq_hebrew, cpu: true, seed: 1, log_format: json, log_interval: 1}}
task: {{_name: hebrew_masked_lm, data: {trained_on}, tokens_per_sample: 64}}
model: {{_name: hallelubert_tiny, dropout: 0.0}}
criterion: {{_name: masked_lm}}
optimizer: {{_name: adam, adam_betas: "(0.9, 0.98)"}}
lr_scheduler: {{_name: polynomial_decay, warmup_updates: 2, total_num_update: 10}}
dataset: {{batch_size: 8, num_workers: 0}}
optimization: {{max_update: 4, lr: [0.001]}}
checkpoint: {{save_dir: {tmp_path}/save}}
""",
        encoding="utf-8",
    )
    run = command(
        "fairseq-hydra-train", "--config-dir", tmp_path, "--config-name", "pretrain", f"hydra.run.dir={tmp_path}/run"
    )
    assert run.returncode == 0, run.stderr[-2000:]
    models, _, _ = checkpoint_utils.load_model_ensemble_and_task([f"{tmp_path}/save/checkpoint_last.pt"])
    assert models[0].encoder.config.layers == 2 and models[0].encoder.config.dropout == 0.0


@pytest.fixture(scope="module")
def plainly(trained_on, tmp_path_factory):
    """(losses, save folder) of NeoDictaBERT by the reference attention."""
    save = tmp_path_factory.mktemp("plainly")
    run = train(trained_on, save, "--arch", "neodictabert_tiny", "--attention-backend", "plain", updates=5)
    return losses(run), save


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        (("--attention-backend", "sdpa"), 2e-3),
        (("--attention-backend", "documents"), 2e-3),
        (("--attention-backend", "static"), 2e-3),
        (("--checkpoint-activations",), 2e-3),
        (("--compile-layers",), 2e-3),
        (("--autocast", "bf16"), 5e-2),
    ],
    ids=lambda options: " ".join(options) if isinstance(options, tuple) else None,
)
def test_how_a_model_is_run_changes_no_loss(plainly, trained_on, tmp_path, options, tolerance):
    """Losses are logged to three digits."""
    run = train(trained_on, tmp_path, "--arch", "neodictabert_tiny", "--no-save", *options, updates=5)
    assert losses(run) == pytest.approx(plainly[0], abs=tolerance)


def test_a_checkpoint_of_the_other_family_loads_without_its_options(plainly):
    models, cfg, _ = checkpoint_utils.load_model_ensemble_and_task([str(plainly[1] / "checkpoint_last.pt")])
    assert cfg.model._name == f"{NEODICTABERT.name}_tiny" and models[0].encoder.execution.attention == "plain"
    assert models[0].encoder.config.positions == "rope" and models[0].max_positions() == 4096
