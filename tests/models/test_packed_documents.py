"""Documents packed in a row are read as if each stood alone; the loss has one value by every way to it."""

import pytest
import torch
from fairseq.models import build_model
from omegaconf import OmegaConf
from torch.nn import functional as F

from fairseq_hebrew.models.hallelubert import HALLELUBERT
from fairseq_hebrew.models.neodictabert import NEODICTABERT
from fairseq_hebrew.stage.errors import UserError
from tests.models.building import parsed, task

PAD, ENTRIES = 1, 60
FAMILIES = [f"{family.name}_tiny" for family in (HALLELUBERT, NEODICTABERT)]
BACKENDS = ["auto", "plain", "sdpa", "static"]
LENGTHS = [[5, 1, 9], [15], [2, 3, 1]]  # documents of each packed row


def make(arch: str, *options: object):
    """A model off its initial values, with no dropout."""
    torch.manual_seed(0)
    model = build_model(
        parsed("--arch", arch, "--dropout", "0", "--attention-dropout", "0", *map(str, options)), task()
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed" not in name:
                parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def packed() -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens, segment ids), (3, 15) each; the last row ends in padding."""
    ids = torch.zeros(len(LENGTHS), 15, dtype=torch.int64)
    for row, place in documents():
        ids[row, place] = int(ids[row].max()) + 1
    tokens = torch.randint(4, ENTRIES, ids.shape, generator=torch.Generator().manual_seed(1))
    return torch.where(ids.eq(0), PAD, tokens), ids


def documents():
    """(row, slice) of each document."""
    for row, sizes in enumerate(LENGTHS):
        start = 0
        for size in sizes:
            yield row, slice(start, start + size)
            start += size


def targets(tokens: torch.Tensor) -> torch.Tensor:
    chosen = torch.arange(tokens.numel()).view(tokens.shape) % 4 == 0
    return torch.where(chosen & tokens.ne(PAD), (tokens + 11) % 50 + 5, PAD)


def gradients(model, loss) -> dict:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(mine: dict, theirs: dict, tolerance: float = 1e-5) -> None:
    assert mine.keys() == theirs.keys()
    scale = max(float(gradient.abs().max()) for gradient in theirs.values())
    for name, gradient in theirs.items():
        torch.testing.assert_close(mine[name] / scale, gradient / scale, atol=tolerance, rtol=0, msg=name)


@pytest.mark.parametrize("options", [(), ("--local-window", 2)], ids=["global", "local"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("arch", FAMILIES)
def test_each_document_as_if_alone(arch, backend, options):
    model = make(arch, "--attention-backend", backend, *options).eval()
    tokens, ids = packed()
    logits = model(tokens, segment_ids=ids)[0]
    for row, place in documents():
        alone = model(tokens[row : row + 1, place])[0]
        torch.testing.assert_close(logits[row, place], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("arch", FAMILIES)
def test_a_token_changes_no_other_document(arch, backend):
    model = make(arch, "--attention-backend", backend).eval()
    tokens, ids = packed()
    changed = tokens.clone()
    changed[0, 7] = 4 + (tokens[0, 7] - 3) % 50
    first, second = model(tokens, segment_ids=ids)[0], model(changed, segment_ids=ids)[0]
    own = torch.zeros_like(ids, dtype=torch.bool)
    own[0, 6:] = True  # the third document of the first row
    real = ids.ne(0)
    assert torch.equal(first[~own & real], second[~own & real]) and not torch.equal(first[own], second[own])


@pytest.mark.parametrize("options", [(), ("--checkpoint-activations",), ("--local-window", 2)], ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("arch", FAMILIES)
def test_one_loss_by_every_way(arch, backend, options):
    """target (B, T), with and without their number, and fixed masked positions: cross-entropy over the logits."""
    model = make(arch, "--attention-backend", backend, *options).train()
    tokens, ids = packed()
    target = targets(tokens)
    chosen = target.ne(PAD)
    plain = F.cross_entropy(model(tokens, segment_ids=ids)[0][chosen], target[chosen], reduction="sum")
    wanted = gradients(model, plain)
    K = int(chosen.sum(1).max()) + 2
    places = torch.zeros(len(tokens), K, dtype=torch.int64)
    filled = torch.full_like(places, PAD)
    for row, line in enumerate(chosen):
        at = line.nonzero().squeeze(1)
        places[row, : len(at)], filled[row, : len(at)] = at, target[row, at]
    for arguments in (
        {"target": target},
        {"target": target, "num_masked": int(chosen.sum())},
        {"target": filled, "masked_positions": places},
    ):
        (loss, right), _ = model(tokens, segment_ids=ids, **arguments)
        torch.testing.assert_close(loss, plain.detach(), atol=1e-5, rtol=1e-5)
        assert 0 <= int(right) <= int(chosen.sum())
        assert_same(gradients(model, loss), wanted)


def loss_of(model) -> torch.Tensor:
    tokens, ids = packed()
    return model(tokens, segment_ids=ids, target=targets(tokens))[0][0]


@pytest.mark.parametrize("arch", FAMILIES)
def test_bf16_products_stay_near_and_weights_stay_fp32(arch):
    plain, rounded = make(arch).train(), make(arch, "--autocast", "bf16").train()
    wanted, loss = loss_of(plain), loss_of(rounded)
    assert loss.dtype == torch.float32 and loss.item() != wanted.item()
    torch.testing.assert_close(loss, wanted, rtol=0.01, atol=0)
    made = gradients(rounded, loss)
    assert {t.dtype for t in made.values()} == {p.dtype for p in rounded.parameters()} == {torch.float32}
    assert_same(made, gradients(plain, wanted), 0.05)


def test_compiled_layers_give_the_same():
    plain, compiled = make("neodictabert_tiny").train(), make("neodictabert_tiny", "--compile-layers").train()
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    wanted, loss = loss_of(plain), loss_of(compiled)
    torch.testing.assert_close(loss, wanted, atol=1e-4, rtol=1e-5)
    assert_same(gradients(compiled, loss), gradients(plain, wanted))


OPTIONS = [
    ("--norm", "layer_norm"), ("--norm", "rms_norm"), ("--norm", "layer_norm", "--norm-bias", "no"),
    ("--norm-placement", "post"), ("--norm-placement", "pre"), ("--norm-placement", "pre", "--first-norm", "no"),
    ("--positions", "learned"), ("--positions", "rope"), ("--positions", "none"),
    ("--feed-forward", "gelu"), ("--feed-forward", "swiglu"), ("--feed-forward", "geglu"),
    ("--lm-head", "dense"), ("--lm-head", "linear"), ("--bias", "yes"), ("--bias", "no"),
    ("--embedding-norm", "yes"), ("--embedding-norm", "no"), ("--tie-embeddings", "yes"), ("--tie-embeddings", "no"),
    ("--init", "normal"), ("--init", "uniform"), ("--init", "scaled"),
    ("--positions", "rope", "--local-window", "2", "--global-every", "2", "--rope-theta-local", "100"),
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("arch", FAMILIES)
def test_every_choice_learns_and_is_built_again_from_its_saved_config(arch, options):
    sizes = ("--encoder-embed-dim", "64", "--dropout", "0", "--attention-dropout", "0")
    cfg = parsed("--arch", arch, *sizes, *options)
    torch.manual_seed(0)
    model = build_model(cfg, task()).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(20):
        loss = loss_of(model)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    saved = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))
    again = build_model(saved, task(), from_checkpoint=True).train()
    assert again.encoder.config == model.encoder.config
    again.load_state_dict(model.state_dict(), model_cfg=saved)
    assert torch.equal(loss_of(again), loss_of(model))


def test_a_local_layer_reads_within_its_window_alone():
    options = ("--encoder-layers", 1, "--local-window", 3, "--global-every", 0, "--rope-theta-local", 100)
    model = make("neodictabert_tiny", *options).eval()
    tokens = torch.arange(4, 44)[None]
    changed = tokens.clone()
    changed[0, 20] = 50
    first, second = model(tokens)[0][0], model(changed)[0][0]
    moved = [not torch.equal(first[i], second[i]) for i in range(40)]
    assert moved == [abs(i - 20) <= 3 for i in range(40)]
    other = make("neodictabert_tiny", *options[:-2]).eval()
    other.load_state_dict(model.state_dict())
    assert not torch.allclose(other(tokens)[0], model(tokens)[0])  # the local theta is the one that turns


def test_global_layers_take_turns():
    config = make(
        "neodictabert_tiny", "--encoder-layers", 5, "--local-window", 2, "--rope-theta-local", 7
    ).encoder.config
    assert [config.window(i) for i in range(5)] == [0, 2, 2, 0, 2]
    assert [config.theta(i) for i in range(5)] == [10_000.0, 7.0, 7.0, 10_000.0, 7.0]


def test_flex_is_refused_for_training_on_the_cpu():
    model = make("neodictabert_tiny", "--attention-backend", "flex")
    with pytest.raises(UserError, match="flex cannot serve here: torch has no gradient of it on the CPU"):
        loss_of(model)
    with torch.no_grad():
        torch.testing.assert_close(loss_of(model), loss_of(make("neodictabert_tiny")), atol=1e-4, rtol=1e-5)
