"""Reading checkpoints: stock RoBERTa's, pretraining into fine-tuning, and those that do not fit."""

import argparse
import logging

import pytest
import torch
from fairseq.models.roberta import RobertaModel

from fairseq_hebrew.models.state_dict import from_stock_roberta
from fairseq_hebrew.stage.errors import UserError
from tests.models.building import task, tiny

TOKENS = torch.tensor([[0, 5, 6, 7, 9, 30, 2], [0, 8, 40, 2, 1, 1, 1], [0, 11, 12, 13, 14, 2, 1]])


def stock(**changes) -> RobertaModel:
    """Stock RoBERTa of the tiny size, every weight off its initial value."""
    torch.manual_seed(1)
    args = argparse.Namespace(
        encoder_layers=2, encoder_embed_dim=128, encoder_ffn_embed_dim=512, encoder_attention_heads=2,
        dropout=0.0, attention_dropout=0.0, max_positions=512, **changes,
    )  # fmt: skip
    model = RobertaModel.build_model(args, task())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding):
                module.weight[1] = 0.0  # padding
    return model


def converted(model: RobertaModel):
    """Our model with the weights of a stock one, whose checkpoint has 0.12.2's dead copies of them too."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for name in ("in_proj", "out_proj", "fc1", "fc2"):
        for kind in ("weight", "bias"):
            state[f"encoder.sentence_encoder.layers.0.{name}_{kind}"] = torch.zeros(2)
    ours = tiny(dropout=0.0, attention_dropout=0.0)
    ours.load_state_dict(state)
    return ours


def test_logits_and_gradients_equal_stock_roberta():
    theirs = stock()
    ours = converted(theirs)
    real = TOKENS.ne(1)
    theirs.train()
    ours.train()
    logits = [theirs(TOKENS)[0], ours(TOKENS)[0]]
    torch.testing.assert_close(logits[1][real], logits[0][real], atol=1e-5, rtol=1e-5)
    target = torch.arange(int(real.sum())) % 60
    for of_model in logits:
        torch.nn.functional.cross_entropy(of_model[real], target, reduction="sum").backward()
    gradients = {n: p.grad for n, p in theirs.named_parameters(remove_duplicate=False) if p.grad is not None}
    from_stock_roberta(gradients)
    mine = {n: p.grad for n, p in ours.named_parameters()}
    assert gradients.keys() == mine.keys()
    for name, gradient in gradients.items():
        scale = max(1.0, float(gradient.abs().max()))
        torch.testing.assert_close(mine[name] / scale, gradient / scale, atol=1e-5, rtol=0, msg=name)


def test_unpadded_batches_equal_stock_roberta_too():
    theirs = stock().train()
    ours = converted(theirs).eval()
    rows = TOKENS[:, :3]
    torch.testing.assert_close(ours(rows)[0], theirs(rows)[0], atol=1e-5, rtol=1e-5)


def test_names_of_older_fairseq():
    theirs = stock()
    state = theirs.state_dict()
    old = {}
    for name, value in state.items():
        if name.endswith(("_proj_weight", "_proj_bias", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias")):
            continue
        name = name.replace("encoder.", "decoder.", 1).replace("layernorm_embedding", "emb_layer_norm")
        if ".self_attn.q_proj." in name:
            parts = [state[name.replace("decoder.", "encoder.", 1).replace("q_proj", f"{x}_proj")] for x in "qkv"]
            name, value = name.replace("q_proj.", "in_proj_"), torch.cat(parts)
        elif ".k_proj." in name or ".v_proj." in name:
            continue
        old[name] = value
    ours = tiny()
    ours.load_state_dict(old)
    for name, value in converted(theirs).state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


def test_stock_classification_heads_load_into_heads_of_that_name():
    theirs = stock(pooler_dropout=0.0)
    theirs.register_classification_head("topic", num_classes=3)
    ours = tiny(dropout=0.0, attention_dropout=0.0)
    ours.register_head("topic", 3, kind="sequence", dropout=0.0)
    ours.load_state_dict(theirs.state_dict())
    theirs.train()
    expected, _ = theirs(TOKENS, classification_head_name="topic")
    torch.testing.assert_close(ours(TOKENS, head="topic")[0], expected, atol=1e-5, rtol=1e-5)


def test_an_untied_output_matrix_is_refused():
    with pytest.raises(UserError, match="only models with tied weights"):
        tiny().load_state_dict(stock(untie_weights_roberta=True).state_dict())


def test_a_damaged_stock_checkpoint():
    state = stock().state_dict()
    del state["encoder.sentence_encoder.layers.1.self_attn.k_proj.weight"]
    with pytest.raises(UserError, match=r"no k_proj for encoder\.layers\.1"):
        tiny().load_state_dict(state)


def test_pretraining_into_a_head(caplog):
    pretrained = tiny().state_dict()
    model = tiny()
    model.register_head("ner", 9)
    fresh = model.heads["ner"].out.weight.clone()
    with caplog.at_level(logging.INFO):
        model.load_state_dict(dict(pretrained))
    assert torch.equal(model.heads["ner"].out.weight, fresh)
    assert torch.equal(
        model.encoder.layers[1].attention.qkv.weight, pretrained["encoder.layers.1.attention.qkv.weight"]
    )
    assert [r.message for r in caplog.records if "head" in r.message] == [
        "left out the checkpoint's masked-LM head",
        "head ner starts from fresh weights",
    ]


def test_fine_tuned_into_the_same_head():
    first, second = tiny(), tiny()
    for model in (first, second):
        model.register_head("ner", 9)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.heads["ner"].out.weight, first.heads["ner"].out.weight)


def test_fine_tuned_into_another_head():
    first, second = tiny(), tiny()
    first.register_head("ner", 9)
    second.register_head("topic", 3, kind="sequence")
    second.load_state_dict(first.state_dict())
    assert second.state_dict().keys() >= {"heads.topic.dense.weight"} and "ner" not in second.heads


def with_head(labels: int, kind: str = "token"):
    model = tiny()
    model.register_head("ner", labels, kind=kind)
    return model


@pytest.mark.parametrize(
    ("checkpoint", "model", "line"),
    [
        (lambda: tiny(60), lambda: tiny(64), "has 60 embeddings, this dictionary makes 64; use the tokenizer"),
        (lambda: tiny(), lambda: tiny(max_positions=256), "512 positions, this model 256; use --max-positions 512"),
        (lambda: tiny(), lambda: tiny(encoder_ffn_embed_dim=256), r"feed_forward\.up.*use the --arch"),
        (lambda: with_head(9), lambda: with_head(7), "head ner has 9 labels, this task makes 7; use the labels"),
        (lambda: with_head(9), lambda: with_head(9, "sequence"), r"lacks 2 tensors, first heads\.ner\.dense\.bias"),
        (lambda: with_head(9), lambda: tiny(), r"fine-tuned \(head ner\) and has no masked-LM head"),
    ],
)
def test_checkpoints_that_do_not_fit(checkpoint, model, line):
    with pytest.raises(UserError, match=line) as caught:
        model().load_state_dict(checkpoint().state_dict())
    assert "\n" not in str(caught.value)


def test_another_number_of_layers():
    state = tiny().state_dict()
    for name in [name for name in state if name.startswith("encoder.layers.1.")]:
        del state[name]
    with pytest.raises(UserError, match="has 1 layers, this model 2; use the --arch"):
        tiny().load_state_dict(state)


def test_unknown_tensors():
    with pytest.raises(UserError, match="has unknown 1 tensor, first decoder"):
        tiny().load_state_dict({**tiny().state_dict(), "decoder.bias": torch.zeros(1)})
