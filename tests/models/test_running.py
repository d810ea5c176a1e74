"""How a model is run: options that this machine can serve, and those it refuses."""

import pytest
import torch

from fairseq_hebrew.models.running import fp8_layers
from fairseq_hebrew.stage.errors import UserError
from tests.models.building import tiny

TOKENS = torch.tensor([[0, 5, 6, 7, 2, 8, 9, 2], [0, 8, 2, 1, 1, 1, 1, 1]])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"attention_backend": "fast"}, r"--attention-backend fast: there are auto, plain, sdpa"),
        ({"autocast": "fp16"}, r"--autocast fp16: there are none, bf16"),
    ],
)
def test_names_that_are_not_known(options, line):
    with pytest.raises(UserError, match=line):
        tiny(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the refusal of a machine without a GPU")
def test_fp8_is_refused_without_a_hopper_gpu():
    with pytest.raises(UserError, match=r"--fp8 needs a Hopper GPU .*, here is no GPU; leave it out"):
        tiny(fp8=True, autocast="bf16")


def test_fp8_keeps_names_and_weights():
    """torchao's layers, with products emulated where there is no such GPU, stay near the others."""
    pytest.importorskip("torchao", reason="the extra [fp8] is not installed")
    from torchao.float8 import Float8LinearConfig

    model = tiny(autocast="bf16").eval()
    names, before = set(model.state_dict()), model(TOKENS, features_only=True)[0]
    fp8_layers(model.encoder, config=Float8LinearConfig(emulate=True))
    assert set(model.state_dict()) == names
    assert "Float8" in type(model.encoder.layers[0].attention.qkv).__name__
    after = model(TOKENS, features_only=True)[0]
    assert 0 < (after - before).abs().mean() < 0.05 * before.abs().mean()


def test_varlen_is_refused_on_the_cpu_when_it_runs():
    with pytest.raises(UserError, match=r"back end varlen cannot serve here: it runs on CUDA, not on cpu"):
        tiny(attention_backend="varlen")(TOKENS)


def test_a_wrong_count_of_predicted_positions_changes_nothing_on_the_cpu():
    model, target = tiny().eval(), torch.where(TOKENS.gt(4), TOKENS, 1)
    (loss, right), _ = model(TOKENS, target=target)
    for count in (0, 1, 50):
        (other, as_right), _ = model(TOKENS, target=target, num_masked=count)
        assert torch.equal(loss, other) and torch.equal(right, as_right)
