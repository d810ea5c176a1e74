"""Stock fairseq's commands, run as a user runs them: preprocess, train, resume, validate, hydra-train, generate."""

import re
import shlex
import shutil
import socket
import sys
from pathlib import Path

import pytest

HYDRA = shlex.split(
    "task=language_modeling task.tokens_per_sample=32 criterion=cross_entropy optimizer=adam lr_scheduler=fixed "
    "optimization.lr=[0.001] dataset.batch_size=8 common.cpu=true model=transformer_lm model.decoder_layers=1 "
    "model.decoder_embed_dim=32 model.decoder_ffn_embed_dim=32 model.decoder_attention_heads=2 "
    "checkpoint.no_epoch_checkpoints=true"
)


def losses(text):
    """The losses of the lines that report a validation."""
    return re.findall(r"valid on 'valid' subset \| loss ([\d.]+)", text)


@pytest.mark.parametrize("command", ["generate", "interactive", "eval-lm"])
def test_help(run, tmp_path, command):
    done = run(f"fairseq-{command}", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--path" in done.stdout


def test_resume_and_validate(run, tmp_path, corpus, trained, stock_arguments):
    shutil.copy(trained, tmp_path)
    more = ["--max-update", 5, "--save-dir", tmp_path]
    done = run("fairseq-train", corpus, *stock_arguments, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Loaded checkpoint .* \(epoch \d+ @ 3 updates\)", done.stdout)
    assert "num_updates 5" in done.stdout

    task = ["--task", "masked_lm", "--valid-subset", "valid", "--batch-size", 8, "--cpu"]
    judged = run("fairseq-validate", corpus, *task, "--path", tmp_path / "checkpoint_last.pt", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert losses(judged.stdout)[-1] == losses(done.stdout)[-1], "the model saved is the model that was trained"


def test_break_mode_eos(run, tmp_path, corpus, stock_arguments):
    more = ["--sample-break-mode", "eos", "--max-update", 1, "--no-save"]
    done = run("fairseq-train", corpus, *stock_arguments, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert losses(done.stdout)


def test_finetune_from_a_checkpoint(run, tmp_path, corpus, trained, stock_arguments):
    more = ["--max-update", 1, "--no-save", "--save-dir", tmp_path, "--finetune-from-model", trained]
    done = run("fairseq-train", corpus, *stock_arguments, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Loaded checkpoint" in done.stdout


def test_hydra_train_and_resume(run, tmp_path, corpus):
    places = [f"task.data={corpus}", f"checkpoint.save_dir={tmp_path / 'saved'}", f"hydra.run.dir={tmp_path / 'run'}"]
    for updates in (2, 4):
        done = run("fairseq-hydra-train", *HYDRA, *places, f"optimization.max_update={updates}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"num_updates {updates}" in done.stdout
    assert "@ 2 updates)" in done.stdout


def test_two_processes_resume(run_ranks, tmp_path, corpus, trained, stock_arguments):
    """Rank 0 reads the checkpoint and sends it to the others through torch.load, which is as strict there."""
    shutil.copy(trained, tmp_path)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [
        *(Path(sys.executable).with_name("fairseq-train"), corpus, *stock_arguments, "--max-update", 4),
        *("--save-dir", tmp_path, "--reset-dataloader", "--distributed-world-size", 2, "--distributed-no-spawn"),
        *("--ddp-backend", "legacy_ddp", "--distributed-backend", "gloo"),
        *("--distributed-init-method", f"tcp://localhost:{port}", "--distributed-rank"),
    ]
    codes, said = run_ranks([[*command, rank] for rank in (0, 1)], cwd=tmp_path)
    assert codes == [0, 0], said
    assert "@ 3 updates)" in said[0]


def test_translate(run, tmp_path):
    """An encoder with relu, padded on the left: torch's fused layer refuses it, fairseq's own computes it."""
    lines = ["שלום עולם", "שלום", "עולם טוב מאוד מאוד", "טוב"] * 8
    for name in ("train.a", "train.b", "valid.a", "valid.b"):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    pair = ["-s", "a", "-t", "b"]
    prefixes = ["--trainpref", "train", "--validpref", "valid", "--destdir", "bin", "--joined-dictionary"]
    shape = [
        f"--{side}-{what}={value}"
        for side in ("encoder", "decoder")
        for what, value in (("layers", 1), ("embed-dim", 16), ("ffn-embed-dim", 16), ("attention-heads", 2))
    ]
    steps = [
        ("fairseq-preprocess", *pair, *prefixes),
        (
            *("fairseq-train", "bin", "--cpu", "--task", "translation", "--arch", "transformer", *pair, *shape),
            *("--optimizer", "adam", "--lr", "1e-3", "--max-tokens", 64, "--max-update", 2, "--save-dir", "saved"),
            *("--num-batch-buckets", 2, "--num-workers", 0, "--no-epoch-checkpoints"),
        ),
        (
            *("fairseq-generate", "bin", "--path", "saved/checkpoint_last.pt", "--gen-subset", "valid", "--cpu"),
            *("--batch-size", 4, "--max-len-b", 5),
        ),
    ]
    for step in steps:
        done = run(*step, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "BLEU4" in done.stdout
