"""--optimizer stable_adamw: AdamW whose learning rate is lowered, tensor by tensor, where the gradient has leapt."""

import math
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from fairseq.optim import register_optimizer
from torch import Tensor

from fairseq_hebrew.optim.decoupled import DecoupledConfig, DecoupledOptimizer
from fairseq_hebrew.optim.parameter_groups import FLAT
from fairseq_hebrew.stage.errors import UserError


@dataclass
class StableAdamWConfig(DecoupledConfig):
    """fairseq reads the annotations at run time."""

    update_clip: float = field(
        default=1.0,
        metadata={
            "help": "the learning rate of a tensor is divided by how many times its gradient's root mean square, in "
            "terms of the averages Adam divides by, is above this"
        },
    )


@register_optimizer("stable_adamw", dataclass=StableAdamWConfig)
class StableAdamW(DecoupledOptimizer):
    """StableAdamW (arXiv 2304.13013, algorithm 2): AdamW with the update clipping of Adafactor (1804.04235, section 6).

    It makes the clipping of gradients unnecessary; --clip-norm may still be given.
    """

    name = "stable_adamw"

    def build(self, groups: list[dict], params: list[Tensor]) -> torch.optim.Optimizer:
        """Raises UserError for an --update-clip that is none, and for flattened parameters."""
        if not self.cfg.update_clip > 0:
            raise UserError(f"--update-clip {self.cfg.update_clip:g} is not above 0; the paper's is 1")
        if all(param.ndim <= 1 for param in params):
            raise UserError(f"stable_adamw measures each tensor by itself, and these are flattened; {FLAT}")
        return ClippedAdamW(groups, **self.optimizer_config)

    @property
    def optimizer_config(self) -> dict:
        """fairseq's hook: settings of the optimizer by the names of ClippedAdamW."""
        return {**super().optimizer_config, "update_clip": self.cfg.update_clip}


class ClippedAdamW(torch.optim.Optimizer):
    """The algorithm, for parameters of at least 32 bits; its state is that of AdamW: step, exp_avg, exp_avg_sq.

    Of each tensor, at its update t, with gradient g, learning rate a, weight decay l and b = beta (1 - beta^(t-1)) /
    (1 - beta^t) for both betas, which corrects the averages as they are made:

        v = b1 v + (1 - b1) g,  u = b2 u + (1 - b2) g^2,  rms = sqrt(mean(g^2 / max(u, eps^2)))
        h = a / max(1, rms / update_clip),  weights = weights - h l weights - h v / (sqrt(u) + eps)

    As in the paper h lowers the weight decay too; its authors' code lowers the update alone.
    """

    def __init__(self, params, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, update_clip=1.0):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "update_clip": update_clip}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for (step, _), params in self._alike(group["params"]).items():
                _update(params, [self.state[param] for param in params], step, group)
        return loss

    def _alike(self, params: list[Tensor]) -> dict[tuple, list[Tensor]]:
        """Lists of parameters that are updated in one go, by the number of this update and where they are.

        On a CPU, where torch goes through such a list tensor by tensor anyway, each is by itself: what is between the
        gradient and the update is then as large as one of them, not all.
        """
        lists = defaultdict(list)
        for number, param in enumerate(params):
            if param.grad is None:
                continue
            state = self.state[param]
            if not state:
                state["step"] = 0
                state["exp_avg"] = torch.zeros_like(param, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(param, memory_format=torch.preserve_format)
            state["step"] += 1
            place = number if param.device.type == "cpu" else (param.device, param.dtype)
            lists[state["step"], place].append(param)
        return lists


def _update(params: list[Tensor], states: list[dict], step: int, group: dict) -> None:
    """Update number `step` of parameters of one device and type."""
    grads = [param.grad for param in params]
    averages, squares = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
    beta1, beta2 = (beta * (1 - beta ** (step - 1)) / (1 - beta**step) for beta in group["betas"])
    torch._foreach_lerp_(averages, grads, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
    roots = torch._foreach_sqrt(squares)
    leaps = torch._foreach_norm(torch._foreach_div(grads, torch._foreach_maximum(roots, group["eps"])))
    rates = []
    for param, leap in zip(params, torch.stack(leaps).tolist()):  # the host waits once for all of them
        rms = leap / math.sqrt(max(param.numel(), 1))
        rates.append(group["lr"] / max(1.0, rms / group["update_clip"]))
    if group["weight_decay"]:
        torch._foreach_mul_(params, [1 - rate * group["weight_decay"] for rate in rates])
    torch._foreach_add_(roots, group["eps"])
    torch._foreach_addcdiv_(params, averages, roots, [-rate for rate in rates])
