"""fairseq's side of an AdamW: its options, its groups, and going on from a checkpoint."""

import ast
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer
from torch import Tensor

from fairseq_hebrew.optim.parameter_groups import parameter_groups
from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)

# The settings of a group, and the options they come from.
OPTIONS = {"betas": "--adam-betas", "eps": "--adam-eps", "weight_decay": "--weight-decay"}


@dataclass
class DecoupledConfig(FairseqDataclass):
    """Options named as those of fairseq's `adam`. fairseq reads the annotations at run time."""

    adam_betas: Any = field(
        default="(0.9, 0.999)", metadata={"help": "decay of the averages of the gradient and of its square"}
    )
    adam_eps: float = field(
        default=1e-8, metadata={"help": "added to the root of the average square, after its bias is corrected"}
    )
    weight_decay: float = field(
        default=0.0, metadata={"help": "each update takes this share, times the learning rate, off every weight"}
    )
    no_decay_norms_biases: bool = field(
        default=False, metadata={"help": "no weight decay on the weights of norms and on biases; embeddings decay"}
    )
    lr: list[float] = "${optimization.lr}"


class DecoupledOptimizer(FairseqOptimizer, ABC):
    """A FairseqOptimizer around one of torch's with decoupled weight decay; subclasses give `name` and `build` it."""

    name: str

    def __init__(self, cfg: DecoupledConfig, params):
        """Raises UserError for settings that are none, and for weights of less than 32 bits."""
        super().__init__(cfg)
        params = list(params)
        if any(param.dtype in (torch.float16, torch.bfloat16) for param in params):
            raise UserError(
                f"{self.name} keeps its averages in the type of the weights, and 16 bits are too few for them; "
                "leave out --memory-efficient-fp16 or --memory-efficient-bf16, or take --optimizer adam"
            )
        self._optimizer = self.build(parameter_groups(params, cfg.no_decay_norms_biases), params)

    @abstractmethod
    def build(self, groups: list[dict], params: list[Tensor]) -> torch.optim.Optimizer:
        """The optimizer of these groups, with the settings of `optimizer_config`."""

    @property
    def optimizer_config(self) -> dict:
        """fairseq's hook: settings of the optimizer by torch's names."""
        settings = {
            "lr": float(self.cfg.lr[0]),
            "betas": betas(self.cfg.adam_betas),
            "eps": self.cfg.adam_eps,
            "weight_decay": self.cfg.weight_decay,
        }
        for name in ("eps", "weight_decay"):
            if not settings[name] >= 0:
                raise UserError(f"{OPTIONS[name]} {settings[name]:g} is less than 0; give 0 for none")
        return settings

    def load_state_dict(self, state_dict: dict, optimizer_overrides: dict | None = None) -> None:
        """Go on from a checkpoint, bit for bit; its settings go before the options', as with all of fairseq's.

        A difference is told in the log; --optimizer-overrides changes them, the weight decay in the groups that have
        one. Raises UserError for a checkpoint with other groups.
        """
        saved, own = state_dict["param_groups"], self.param_groups
        if [len(group["params"]) for group in saved] != [len(group["params"]) for group in own]:
            asked = "was" if self.cfg.no_decay_norms_biases else "was not"
            raise UserError(
                f"the checkpoint's optimizer has other parameter groups: --no-decay-norms-biases {asked} given now; "
                "give it as in the run that made the checkpoint, or start afresh with --reset-optimizer"
            )
        overrides = dict(optimizer_overrides or {})
        for name, option in OPTIONS.items():
            was, wanted = saved[0][name], self.optimizer_config[name]
            if name not in overrides and was != wanted:
                logger.warning(
                    f"{option} {wanted} is not followed: the checkpoint goes on with its own, {was}; "
                    f"--optimizer-overrides \"{{'{name}': {wanted}}}\" changes it"
                )
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            kept = {"weight_decay": group["weight_decay"]} if group.get("no_decay") else {}
            group.update({**overrides, **kept})


def betas(given: Any) -> tuple[float, float]:
    """--adam-betas, as text or a list; raises UserError when it is not two shares below 1."""
    wrong = UserError(f"--adam-betas {given} is not two numbers from 0 up to 1; write it as '(0.9, 0.98)'")
    if isinstance(given, str):
        try:
            given = ast.literal_eval(given)
        except (ValueError, SyntaxError):
            raise wrong from None
    if not isinstance(given, Sequence) or len(given) != 2:
        raise wrong
    if not all(isinstance(beta, int | float) and 0 <= beta < 1 for beta in given):
        raise wrong
    return float(given[0]), float(given[1])
