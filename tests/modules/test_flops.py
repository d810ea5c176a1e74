"""The count of floating-point operations, against counts by hand and torch's own."""

import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contenders import CONTENDERS, Setting, as_modernbert
from benchmarks.train_batch import make_batch
from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.modules.flops import multiply_adds, pairs, peak, training_flops

BASE = EncoderConfig(vocab_size=52_009, padding_idx=1)
FULL = (24, 24, 24)


def test_roberta_base_by_hand():
    """One row of 512: 12 layers of 4 x 768^2 + 2 x 768 x 3,072 a token, and 2 x 512^2 x 768 of attention."""
    layers = 12 * (512 * (2_359_296 + 4_718_592) + 402_653_184)
    head = 77 * (589_824 + 39_942_912)
    assert multiply_adds(BASE, [512], 77) == layers + head == 51_439_402_752
    assert training_flops(BASE, [512], 77) == 6 * 51_439_402_752


def test_neodictabert_by_hand():
    """Gated: three matrices of 768 x 2,048; no dense layer in the head; documents' own lengths."""
    config = dataclasses.replace(BASE, layers=28, feed_forward="swiglu", feed_forward_width=2048, lm_head="linear")
    layers = 28 * (800 * (2_359_296 + 4_718_592) + 2 * 768 * (500**2 + 300**2))
    assert multiply_adds(config, [500, 300], 120) == layers + 120 * 39_942_912


def test_the_last_layer_spares_what_follows_attention():
    spared = 12 * (512 - 77) * (589_824 + 4_718_592) // 12
    assert multiply_adds(BASE, [512], 77) - multiply_adds(BASE, [512], 77, spare_last=True) == spared


@pytest.mark.parametrize(("length", "window"), [(1, 3), (5, 0), (5, 1), (5, 3), (5, 4), (5, 9), (40, 7)])
def test_pairs_within_a_window(length, window):
    near = window or length
    assert pairs(length, window) == sum(abs(i - j) <= near for i in range(length) for j in range(length))


def test_local_layers_count_what_they_read():
    local = dataclasses.replace(BASE, local_window=64, global_every=3)
    less = 8 * 2 * 768 * (512**2 - pairs(512, 64))  # 4 of 12 layers are global
    assert multiply_adds(BASE, [512], 77) - multiply_adds(local, [512], 77) == less


def added_product(to, first, second, out_shape=None, **rest) -> int:
    """FLOP of addmm_, which torch's counter does not know, from the shapes."""
    return 2 * first[0] * first[1] * second[1]


def counted(name: str, setting: Setting) -> int:
    """FLOP of forward and backward as torch counts the products that a contender runs."""
    model, loss = CONTENDERS[name].build(setting)
    model.train()
    batch = make_batch(FULL, setting.vocab_size)
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: added_product})
    # math: attention as products that torch counts
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), counter:
        loss(batch).backward()
    return counter.get_total_flops()


SETTINGS = {
    family: Setting(family, 2, 64, 300, 24, options={"attention_backend": "plain"})
    for family in ("hallelubert", "neodictabert")
}


@pytest.mark.parametrize("setting", [*SETTINGS.values(), as_modernbert(SETTINGS["neodictabert"])])
def test_torch_counts_the_same_in_ours(setting, monkeypatch):
    # the product of oneDNN is not among those that torch counts
    monkeypatch.setattr("fairseq_hebrew.modules.linear._product", lambda: None)
    masked = make_batch(FULL, 300).masked
    assert counted("ours", setting) == training_flops(setting.config, FULL, masked, spare_last=True)


def test_torch_counts_the_same_in_stock_fairseq():
    setting = SETTINGS["hallelubert"]
    masked = make_batch(FULL, 300).masked
    assert counted("fairseq", setting) == training_flops(setting.config, FULL, masked)


@pytest.mark.parametrize("name", ["roberta", "modernbert"])
def test_torch_counts_the_same_in_transformers(name):
    setting = SETTINGS["neodictabert" if name == "modernbert" else "hallelubert"]
    config = (as_modernbert(setting) if name == "modernbert" else setting).config
    batch = make_batch(FULL, 300)
    # RobertaForMaskedLM projects every position on the vocabulary
    projected = batch.tokens.numel() if name == "roberta" else batch.masked
    assert counted(name, setting) == training_flops(config, FULL, projected)


def test_peaks_by_the_name_of_the_device():
    told = {
        "NVIDIA H100 80GB HBM3": 989e12,
        "NVIDIA H100 PCIe": 756e12,
        "NVIDIA H100 NVL": 835e12,
        "NVIDIA H200": 989e12,
        "NVIDIA A100-SXM4-80GB": 312e12,
        "NVIDIA L40S": 362e12,
        "NVIDIA GeForce RTX 4090": 165e12,
        "NVIDIA GeForce RTX 3090": 71e12,
        "NVIDIA GeForce RTX 3090 Ti": None,
        "Tesla V100-SXM2-16GB": None,
    }
    assert {name: peak(name) for name in told} == told
