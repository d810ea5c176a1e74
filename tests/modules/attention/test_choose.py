"""Which attention back end serves, and the reasons of those that do not."""

import pytest
import torch

from fairseq_hebrew.modules.attention import BACKENDS, BackendError, choose, varlen

CPU, CUDA, XLA = torch.device("cpu"), torch.device("cuda"), torch.device("xla")
BF16, FP32 = torch.bfloat16, torch.float32


@pytest.fixture
def varlen_there(monkeypatch):
    """A torch with varlen on a GPU that runs it, as far as choosing goes."""
    monkeypatch.setattr(varlen.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))


@pytest.mark.parametrize(("device", "name"), [(CPU, "documents"), (CUDA, "varlen"), (XLA, "static")])
def test_automatic(varlen_there, device, name):
    assert choose("auto", device, BF16, 0.0).name == name


@pytest.mark.parametrize(("dtype", "dropout", "told"), [(FP32, 0.0, True), (BF16, 0.1, True), (BF16, 0.0, False)])
def test_cuda_falls_back_on_sdpa(varlen_there, dtype, dropout, told):
    assert choose("auto", CUDA, dtype, dropout, told).name == "sdpa"


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "varlen"])
@torch.no_grad()
def test_by_name(name):
    assert choose(name, CPU, FP32, 0.0) is BACKENDS[name]


def refusal(*arguments) -> str:
    with pytest.raises(BackendError) as caught:
        choose(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unknown_names_are_told_the_known_ones():
    told = refusal("flash", CPU, FP32, 0.0)
    assert "'flash'" in told and all(name in told for name in ("auto", *BACKENDS))


@pytest.mark.parametrize(
    ("name", "device", "dtype", "dropout", "why"),
    [
        ("varlen", CPU, BF16, 0.0, "runs on CUDA, not on cpu"),
        ("varlen", CUDA, FP32, 0.0, "not float32; add --autocast bf16"),
        ("varlen", CUDA, BF16, 0.1, "add --attention-dropout 0"),
        ("flex", CPU, FP32, 0.0, "torch has no gradient of it on the CPU"),
        ("flex", CUDA, BF16, 0.1, "add --attention-dropout 0"),
        ("flex", XLA, FP32, 0.0, "runs on CUDA, not on xla"),
    ],
)
def test_refusals_name_back_end_and_reason(varlen_there, name, device, dtype, dropout, why):
    told = refusal(name, device, dtype, dropout)
    assert f"back end {name} cannot serve here" in told and why in told


def test_an_older_torch_or_gpu_has_no_varlen(varlen_there, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert "8.0 or above" in refusal("varlen", CUDA, BF16, 0.0)
    monkeypatch.setattr(varlen.importlib.util, "find_spec", lambda name: None)
    assert f"torch {torch.__version__} does not have it" in refusal("varlen", CUDA, BF16, 0.0)
