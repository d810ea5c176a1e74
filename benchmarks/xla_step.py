"""One update of our model on an XLA device, traced and compiled: all that training does on its last batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .contenders import MODELS, Setting, vocabulary
from .train_batch import PAD, SPECIAL

ADAM = {"adam_betas": "(0.9, 0.98)", "adam_eps": 1e-6, "weight_decay": 0.01, "lr": [4e-4]}


def gathered(model: nn.Module, tokens: Tensor, masked: int) -> Tensor:
    """The loss of the predicted places of each row, as our criterion has it."""
    rows = len(tokens)
    places = torch.arange(masked).repeat(rows, 1).to(tokens.device)
    return model(tokens, target=some_tokens(model, rows, masked).to(tokens.device), masked_positions=places)[0][0]


def every_position(model: nn.Module, tokens: Tensor, masked: int) -> Tensor:
    """The same of logits of all positions, as stock masked_lm has it on a TPU: what is not predicted is left out."""
    target = some_tokens(model, *tokens.shape).to(tokens.device)
    logits = model(tokens)[0]
    chances = F.log_softmax(logits.flatten(0, 1), dim=-1, dtype=torch.float32)
    return F.nll_loss(chances, target.flatten(), ignore_index=PAD, reduction="sum")


@dataclass(frozen=True)
class Step:
    what: str
    loss: Callable[[nn.Module, Tensor, int], Tensor]


STEPS = {
    "gather": Step("predicted positions", gathered),
    "every": Step("every position", every_position),
}


def some_tokens(model: nn.Module, *shape: int) -> Tensor:
    return torch.randint(SPECIAL, model.encoder.config.vocab_size - 1, shape)


def compile_step(setting: Setting, rows: int, step: str, masked: int) -> list[tuple[int, ...]]:
    """Returns the shapes of the weights. The device has the optimizer's state, and gradients of the batches before."""
    import torch_xla

    from fairseq_hebrew.optim.adamw import AdamW, AdamWConfig
    from fairseq_hebrew.xla.guard import step_if_finite
    from fairseq_hebrew.xla.memory import compile_only
    from fairseq_hebrew.xla.priming import prime
    from fairseq_hebrew.xla.recompute import recompute
    from fairseq_hebrew.xla.transfer import sync

    task = SimpleNamespace(source_dictionary=vocabulary(setting.vocab_size))
    model = MODELS[setting.family].build_model(setting.encoder_options(), task).to(torch_xla.device()).train()
    model.encoder.execution.recompute = recompute
    weights = list(model.parameters())
    optimizer = AdamW(AdamWConfig(**ADAM), weights)
    prime(optimizer.optimizer, sync)
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    tokens = some_tokens(model, rows, setting.positions).to(torch_xla.device())
    sync()
    step_if_finite(optimizer)
    loss = STEPS[step].loss(model, tokens, masked)
    optimizer.backward(loss)
    optimizer.multiply_grads(1 / (rows * masked))
    norm = optimizer.clip_grad_norm(0.0)
    optimizer.step()
    optimizer.zero_grad()
    states = [value for state in optimizer.optimizer.state.values() for value in state.values()]
    compile_only([*weights, *states, loss, norm])
    return [tuple(weight.shape) for weight in weights]
