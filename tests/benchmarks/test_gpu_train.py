"""The benchmark for GPUs, as far as a machine without one can tell: its jobs build and train, MFU is right."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_train, train_process
from benchmarks.contenders import Setting
from benchmarks.gpu_train import Trained, jobs, largest, row
from benchmarks.train_process import Job, Result
from fairseq_hebrew.modules.flops import training_flops

ROOT = Path(__file__).parents[2]
H200 = "NVIDIA H200"
TINY = [*("--layers", 2, "--width", 64, "--vocab-size", 300, "--lengths", 16, "--tokens", 64), *("--steps", 1)]
TINY = [*map(str, TINY), "--warm-up", "0"]


@pytest.fixture
def asked(monkeypatch):
    def arguments(*more):
        monkeypatch.setattr(sys, "argv", ["gpu_train", *TINY, *more])
        return gpu_train.arguments()

    return arguments


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu():
    command = [sys.executable, "-m", "benchmarks.gpu_train"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: no CUDA GPU here; ")


def test_who_is_measured(asked):
    found = [
        (model, job.contender, job.setting.options.get("attention_backend"), job.setting.compiled)
        for model, length, job in jobs(asked("--models", "base", "neodictabert"))
    ]
    ours = [("ours", name, compiled) for name in ("varlen", "sdpa", "flex") for compiled in (False, True)]
    roberta = [("fairseq", None, False), ("roberta", None, False), ("roberta", None, True)]
    modernbert = [("modernbert", None, False), ("modernbert", None, True)]
    assert found == [("base", *of) for of in ours + roberta] + [("neodictabert", *of) for of in ours + modernbert]


def test_jobs_are_alike_but_for_who_runs_them(asked):
    for model, length, job in jobs(asked("--dropout", "0.1", "--models", "base", "large")):
        assert (job.documents, job.longest, job.device, length) == (4, 16, "cuda", 16)
        setting = job.setting
        assert (setting.autocast, setting.dropout, setting.positions) == (True, 0.1, 16), model
        assert setting.options.get("attention_backend") in (None, "sdpa")  # the others have no dropout


def test_its_jobs_train(asked, monkeypatch):
    """Each that needs no GPU and no compiler, on the CPU."""
    for _, _, job in jobs(asked("--models", "base", "neodictabert", "--backends", "sdpa")):
        if not job.setting.compiled:
            found = train_process.train(dataclasses.replace(job, device="cpu", threads=1))
            assert found.tokens == 64 and found.masked == 8 and found.step > found.forward_backward > 0


def test_the_batch_is_halved_until_it_fits(monkeypatch):
    tried = []

    def fits(job):
        tried.append(job.documents)
        return Result(1.0, 2.0, 3, 4, 5) if job.documents <= limit else None

    monkeypatch.setattr(gpu_train, "run", fits)
    job = Job("ours", Setting("hallelubert", 2, 64, 300, 16), "full", 12, 16)
    limit = 3
    assert largest(job)[0].documents == 3 and tried == [12, 6, 3]
    limit = 0
    assert largest(job)[1] is None and tried[3:] == [12, 6, 3, 1]


def test_a_table_of_what_ran_and_what_did_not(asked, monkeypatch, capsys, tmp_path):
    def answer(job):
        if job.setting.options.get("attention_backend") == "varlen":
            raise RuntimeError("exit status 1\nUserError: it needs a GPU of compute capability 8.0 or above\n")
        return None if job.contender == "roberta" else Result(0.5, 1.0, 2_000_000_000, 64, 8)

    monkeypatch.setattr(gpu_train, "run", answer)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: H200)
    asked("--models", "base", "--output", str(tmp_path / "gpu.json"))
    gpu_train.main()
    told = capsys.readouterr().out
    assert f"{H200}, dense bf16 peak 989 TFLOP/s" in told and "MFU = 2 FLOP a multiply-add x 3" in told
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines() if line[:1] == "|"]
    head, _, *body = cells
    assert len(body) == 9 and all(len(line) == len(head) == 11 for line in body)
    assert body[0][6] == "did not run: UserError: it needs a GPU of compute capability 8.0 or above"
    assert body[2][2:8] == ["ours", "sdpa", "no", "64", "128", "64"] and body[2][10] == "2.0"
    assert body[7][2] == "transformers RobertaForMaskedLM" and body[7][6].startswith("did not run: not one document")
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert figures["device"] == H200 and len(figures["trained"]) == 9


def test_mfu_and_its_goal():
    job = Job(
        "ours", Setting("hallelubert", 12, 768, 52_009, 512, options={"attention_backend": "sdpa"}), "full", 8, 512
    )
    work = training_flops(job.setting.config, [512] * 8, 616)
    seconds = work / (0.5 * 989e12)
    half = Trained("base", 512, job, Result(seconds / 2, seconds, 1, 4096, 616))
    assert half.mfu(H200) == pytest.approx(0.5) and half.mfu(H200, spare_last=True) < 0.49
    assert row(half, H200)[8] == "50.0 %" and row(half, "another")[8] == "peak unknown"
    slower = dataclasses.replace(half, found=Result(1, seconds * 1.01, 1, 4096, 616))
    assert gpu_train.goals([slower, half], H200) == ["base at 512: 50.0 % MFU, goal 50 % on an H200: met"]
    assert gpu_train.goals([slower], H200) == ["base at 512: 49.5 % MFU, goal 50 % on an H200: MISSED"]
    assert gpu_train.goals([dataclasses.replace(half, length=1024)], H200) == []
