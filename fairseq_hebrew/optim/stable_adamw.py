"""--optimizer stable_adamw: AdamW whose learning rate is lowered, tensor by tensor, where the gradient has leapt."""

import math
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from fairseq.optim import register_optimizer
from torch import Tensor
from torch.optim.adamw import adamw

from fairseq_hebrew.optim.decoupled import DecoupledConfig, DecoupledOptimizer
from fairseq_hebrew.optim.parameter_groups import FLAT
from fairseq_hebrew.stage.errors import UserError

BLOCK = 1 << 17  # weights: what is made of so many stays in the caches


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
    """The algorithm, for parameters of at least 32 bits; its state is AdamW's: step, exp_avg m, exp_avg_sq s.

    Of each tensor, at its update t, with gradient g, learning rate a and weight decay l:

        m = b1 m + (1 - b1) g,  v = m / (1 - b1^t);  s = b2 s + (1 - b2) g^2,  u = s / (1 - b2^t)
        rms = sqrt(mean(g^2 / max(u, eps^2))),  h = a / max(1, rms / update_clip)
        weights = weights - h l weights - h v / (sqrt(u) + eps)

    The paper writes the corrected averages v and u as averages with betas that change; they are the same numbers. As in
    the paper h lowers the weight decay too; its authors' code lowers the update alone.
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
            alike = defaultdict(list)
            for param in group["params"]:
                if param.grad is not None:
                    alike[self._count(param), param.device, param.dtype].append(param)
            for (step, device, _), params in alike.items():
                states = [self.state[param] for param in params]
                UPDATES.get(device.type, update_lists)(params, states, step, group)
        return loss

    def _count(self, param: Tensor) -> int:
        """The number of this update of a parameter; makes its averages in the first one."""
        state = self.state[param]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(param, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(param, memory_format=torch.preserve_format)
        state["step"] += 1
        return state["step"]


def update_lists(params: list[Tensor], states: list[dict], step: int, group: dict) -> None:
    """Update number `step` of parameters of one device and type, all in one go, as GPUs want it."""
    grads = [param.grad for param in params]
    averages, squares = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
    beta1, beta2 = group["betas"]
    torch._foreach_lerp_(averages, grads, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
    roots = torch._foreach_sqrt(squares)
    torch._foreach_div_(roots, math.sqrt(1 - beta2**step))
    leaps = torch._foreach_norm(torch._foreach_div(grads, torch._foreach_maximum(roots, group["eps"])))
    leaps = torch.stack(leaps).tolist()  # the host waits once for all of them
    rates = [_rate(leap**2 / max(param.numel(), 1), group) for param, leap in zip(params, leaps)]
    torch._foreach_mul_(params, [1 - rate * group["weight_decay"] for rate in rates])
    torch._foreach_add_(roots, group["eps"])
    torch._foreach_addcdiv_(params, averages, roots, [-rate / (1 - beta1**step) for rate in rates])


def update_by_tensor(params: list[Tensor], states: list[dict], step: int, group: dict) -> None:
    """update_lists, tensor by tensor: what the clipping needs is read in blocks, the rest is torch's fused AdamW."""
    beta1, beta2 = group["betas"]
    for param, state in zip(params, states):
        mean_square = _mean_square(param.grad, state["exp_avg_sq"], beta2, 1 - beta2**step, group["eps"])
        adamw(
            [param],
            [param.grad],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [torch.tensor(step - 1.0)],  # which the kernel counts on
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=_rate(mean_square, group),
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def update_on_device(params: list[Tensor], states: list[dict], step: int, group: dict) -> None:
    """update_lists without the host, for XLA: numbers that change are tensors, for some would be part of the graph."""
    beta1, beta2 = group["betas"]
    numbers = torch.tensor([group["lr"], 1 - beta1**step, math.sqrt(1 - beta2**step)]).to(params[0].device)
    rate, correction1, root_correction2 = numbers.unbind()
    for param, state in zip(params, states):
        average, square = state["exp_avg"], state["exp_avg_sq"]
        average.lerp_(param.grad, 1 - beta1)
        square.mul_(beta2).addcmul_(param.grad, param.grad, value=1 - beta2)
        root = square.sqrt() / root_correction2
        leap = (param.grad / root.clamp(min=group["eps"])).square().mean().sqrt()
        own = rate / (leap / group["update_clip"]).clamp(min=1)
        param.mul_(1 - own * group["weight_decay"])
        param.sub_(own / correction1 * average / (root + group["eps"]))


def _rate(mean_square: float, group: dict) -> float:
    return group["lr"] / max(1.0, math.sqrt(mean_square) / group["update_clip"])


def _mean_square(grad: Tensor, square: Tensor, beta2: float, correction: float, eps: float) -> float:
    """mean(g^2 / max(u, eps^2)), with the average square u as it will be after this gradient."""
    sums = []
    for g, s in zip(grad.reshape(-1).split(BLOCK), square.reshape(-1).split(BLOCK)):
        g = g * g
        sums.append(g.div_(torch.lerp(s, g, 1 - beta2).clamp_(min=eps**2 * correction)).sum())
    return torch.stack(sums).sum(dtype=torch.float64).item() * correction / max(grad.numel(), 1)


UPDATES = {"cpu": update_by_tensor, "xla": update_on_device}  # by device; update_lists for the others
