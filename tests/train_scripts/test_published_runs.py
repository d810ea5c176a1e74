"""The scripts of the published runs: their numbers, their smoke scale from end to end, what they refuse."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from fairseq_hebrew.monitor.text_log import read_log

from .conftest import ROOT, script

# Global batch, tokens a sample, updates, warm-up, peak learning rate: arXiv 2510.21372 (HalleluBERT: batch, tokens,
# updates) and the family's pipeline (warm-up, rates); arXiv 2510.20386 (NeoDictaBERT), its updates computed from its
# 232 and 612 billion tokens.
PUBLISHED = {
    "hallelubert_base": (8192, 512, 100_000, 10_000, 4e-4),
    "hallelubert_large": (8192, 512, 100_000, 10_000, 1.5e-4),
    "neodictabert_phase1": (2048, 1024, 232e9 / (2048 * 1024), 500, 6e-3),
    "neodictabert_phase2": (2048, 4096, 232e9 / (2048 * 4096), 500, 1e-4),
    "neodictabert_bilingual": (2048, 1024, 612e9 / (2048 * 1024), 500, 6e-3),
}


def options_of(name, data, *arguments):
    """The options of the command a script would run: name: value."""
    done = script(name, data, "--dry-run", *arguments)
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout)
    return {a[2:]: b for a, b in zip(words, [*words[1:], ""], strict=True) if a.startswith("--")}, words


def data_of(name, corpora):
    return corpora if name == "neodictabert_bilingual" else corpora / "hebrew"


def start_of(name, tmp_path):
    if name != "neodictabert_phase2":
        return []
    (tmp_path / "start.pt").touch()
    return ["--from", tmp_path / "start.pt"]


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("devices, device_batch", [(1, 8), (2, 4), (8, 2)])
def test_the_published_numbers(name, devices, device_batch, corpora, tmp_path):
    batch, tokens, updates, warmup, rate = PUBLISHED[name]
    arguments = ["--device", "cpu", "--devices", devices, "--device-batch", device_batch, *start_of(name, tmp_path)]
    options, words = options_of(name, data_of(name, corpora), "--save-dir", tmp_path / "run", *arguments)
    assert int(options["update-freq"]) * int(options["batch-size"]) * devices == batch
    assert int(options["tokens-per-sample"]) == tokens
    assert float(options["max-update"]) == float(options["total-num-update"]) == pytest.approx(updates, rel=1e-3)
    assert (int(options["warmup-updates"]), float(options["lr"])) == (warmup, rate)
    assert words[0] == ("torchrun" if devices > 1 else "fairseq-train")
    assert not (tmp_path / "run").exists()


def test_the_mixtures_of_both_phases(corpora, tmp_path):
    """60/40 (arXiv 2510.20386), and 20/40/40 by length within each language (arXiv 2502.19587)."""
    script("neodictabert_bilingual", corpora, "--smoke", "--save-dir", tmp_path, "--", "--no-such-option")
    first = (tmp_path / "mixture.yaml").read_text(encoding="utf-8")
    assert re.findall(r"(\w+): \{data: .*weight: (\d+)", first) == [("hebrew", "40"), ("english", "60")]
    (tmp_path / "start.pt").touch()
    begin = ["--phase", 2, "--from", tmp_path / "start.pt"]
    script("neodictabert_bilingual", corpora, "--smoke", "--save-dir", tmp_path, *begin, "--", "--no-such-option")
    found = re.findall(
        r"(\w+): \{data: .*weight: (\d+)(?:, min_document_tokens: (\d+))?", (tmp_path / "mixture.yaml").read_text()
    )
    weights = {name: int(weight) for name, weight, _ in found}
    assert sum(weights.values()) == 10_000
    assert sum(weight for name, weight in weights.items() if name.startswith("english")) == 6_000
    by_length = {least: sum(int(w) for _, w, there in found if there == least) for least in ("", "1024", "2048")}
    assert by_length == {"": 2_000, "1024": 4_000, "2048": 4_000}


def updates_in(folder: Path) -> list[int]:
    """The updates its log tells a training loss of."""
    return [int(record["num_updates"]) for record in read_log(folder / "train.log")["train"]]


@pytest.mark.parametrize("name", ["hallelubert_base", "hallelubert_large", "neodictabert_bilingual"])
def test_smoke(name, corpora, tmp_path):
    done = script(name, data_of(name, corpora), "--smoke", "--device", "cpu", "--save-dir", tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "checkpoint_last.pt").is_file()
    assert max(updates_in(tmp_path)) == 20


def test_smoke_of_two_phases_and_a_stop_between(corpora, tmp_path):
    """Phase 2 begins with phase 1's weights and a new optimizer; the same command goes on where a run was."""
    first, second = tmp_path / "1", tmp_path / "2"
    data = corpora / "hebrew"
    for updates in (12, 20):  # stopped, and gone on with
        extra = ["--", "--max-update", updates]
        done = script("neodictabert_phase1", data, "--smoke", "--device", "cpu", "--save-dir", first, *extra)
        assert done.returncode == 0, done.stderr[-3000:]
    assert updates_in(first).count(12) >= 1 and max(updates_in(first)) == 20
    begin = ["--from", first / "checkpoint_last.pt"]
    done = script("neodictabert_phase2", data, "--smoke", "--device", "cpu", "--save-dir", second, *begin)
    assert done.returncode == 0, done.stderr[-3000:]
    logged = updates_in(second)
    assert min(logged) == 1 and max(logged) == 20
    last = torch.load(second / "checkpoint_last.pt", weights_only=False)
    assert last["cfg"]["model"]["max_positions"] == 4096
    assert last["optimizer_history"][-1]["num_updates"] == 20


@pytest.mark.parametrize(
    "arguments, status, told",
    [
        ([], 2, "no DATA"),
        (["DATA", "--frobnicate", "3"], 2, "unknown option --frobnicate"),
        (["DATA", "more"], 2, "one DATA, not also more"),
        (["DATA", "--device"], 2, "--device wants a value"),
        (["DATA", "--device", "abacus"], 2, "give cpu, gpu or tpu"),
        (["DATA", "--device", "cpu", "--device-batch", "7"], 2, "do not divide the batch of 8192"),
        (["DATA", "--device", "cpu", "--device-batch", "x"], 2, "'x' is no positive number"),
        (["DATA", "--device", "cpu", "--updates", "9"], 2, "the warm-up alone takes 10000"),
        (["DATA", "--device", "cpu", "--nodes", "2"], 2, "needs --master HOST:PORT"),
        (["DATA", "--device", "cpu", "--matmul-precision", "fp32"], 2, "give default, high or highest"),
        (["DATA", "--device", "cpu", "--precision", "fp8"], 2, "--precision fp8 is for Hopper GPUs"),
    ],
)
def test_wrong_arguments(arguments, status, told):
    done = script("hallelubert_base", *arguments)
    assert done.returncode == status
    assert [line for line in done.stderr.splitlines() if told in line] and "Traceback" not in done.stderr


def test_no_such_data(tmp_path):
    done = script("hallelubert_base", tmp_path / "nothing", "--smoke", "--device", "cpu", "--save-dir", tmp_path / "r")
    assert done.returncode == 1
    assert "nothing" in done.stderr and "Traceback" not in done.stderr


def test_phase_2_wants_its_start(corpora, tmp_path):
    done = script("neodictabert_phase2", corpora / "hebrew", "--device", "cpu", "--save-dir", tmp_path)
    assert done.returncode == 2 and "--from CHECKPOINT" in done.stderr
    done = script("neodictabert_phase2", corpora / "hebrew", "--device", "cpu", "--from", tmp_path / "none.pt")
    assert done.returncode == 1 and "no such checkpoint" in done.stderr


def test_help_is_the_comment_of_the_script():
    done = script("hallelubert_base", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("HalleluBERT base:") and "--device-batch" in done.stdout


def test_all_scripts_are_whole():
    for path in (ROOT / "train_scripts").glob("*.sh"):
        assert path.read_text(encoding="utf-8").endswith("\n")
