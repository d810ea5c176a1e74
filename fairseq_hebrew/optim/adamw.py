"""--optimizer adamw: torch's AdamW, as one fused kernel where torch has it, as one unchanging graph on XLA."""

import logging
from dataclasses import dataclass

import torch
from fairseq.optim import register_optimizer
from torch import Tensor

from fairseq_hebrew.optim.decoupled import DecoupledConfig, DecoupledOptimizer

logger = logging.getLogger(__name__)

FUSED = ("cpu", "cuda")  # devices of the fused kernel
SMALLEST = 1e-30  # changes no fp32 weight; torch divides by the rate where it is a tensor


@dataclass
class AdamWConfig(DecoupledConfig):
    """fairseq reads the annotations at run time."""


@register_optimizer("adamw", dataclass=AdamWConfig)
class AdamW(DecoupledOptimizer):
    """torch.optim.AdamW (arXiv 1711.05101, algorithm 2).

    fairseq's own `adam` is an AdamW too: it takes lr * weight_decay off the weights before the update. The two differ
    in eps alone. Here it is added to the root of the bias-corrected average square, as in the paper; there before the
    correction, which makes it eps / sqrt(1 - beta2^t) in these terms: seven times as large in the first update at
    beta2 = 0.98, and the same in the end. Beyond that 500 updates in double precision agree to 1e-12.
    """

    name = "adamw"

    def build(self, groups: list[dict], params: list[Tensor]) -> torch.optim.Optimizer:
        """torch's AdamW, fused when all parameters are on devices that have it; on XLA its numbers are tensors."""
        kinds = {param.device.type for param in params}
        others = sorted(kinds - {*FUSED, "xla"})
        self.fused = kinds <= set(FUSED)
        self.on_xla = kinds == {"xla"}
        if others:
            logger.info(f"adamw: torch has no fused AdamW for {', '.join(others)}; its plain one is taken")
        return torch.optim.AdamW(groups, fused=self.fused, capturable=self.on_xla, **self.optimizer_config)

    def set_lr(self, lr: float) -> None:
        """FairseqOptimizer's. On XLA the rate is sent as a tensor: some numbers would be part of the graph, such as 0,
        with which a warm-up begins.
        """
        self._lr = lr
        if self.on_xla:
            device = self.param_groups[0]["params"][0].device
            lr = torch.tensor(max(lr, SMALLEST)).to(device)
        super().set_lr(lr)

    def get_lr(self) -> float:
        return self._lr if self.on_xla else super().get_lr()

    def state_dict(self) -> dict:
        """FairseqOptimizer's, with the rate as a number."""
        state = super().state_dict()
        if self.on_xla:
            state = {**state, "param_groups": [{**group, "lr": self._lr} for group in state["param_groups"]]}
        return state

    @property
    def supports_flat_params(self) -> bool:
        """fairseq's hook: each weight is updated by itself, so they may be flattened."""
        return True

    def load_state_dict(self, state_dict: dict, optimizer_overrides: dict | None = None) -> None:
        """DecoupledOptimizer's; how it is computed depends on this machine, not on the checkpoint's."""
        how = {"fused": self.fused, "capturable": self.on_xla}
        groups = [{**group, **how} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups}, optimizer_overrides)
