"""fairseq's own ways to a schedule or an optimizer: its command line, and its registries."""

import torch
from fairseq import optim, options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.optim import FairseqOptimizer
from fairseq.optim.lr_scheduler import build_lr_scheduler

import fairseq_hebrew.optim  # noqa: F401


def parsed(*arguments):
    """The config that fairseq-train makes of these arguments."""
    parser = options.get_training_parser(default_task="masked_lm")
    given = ["data", "--criterion", "masked_lm", "--arch", "roberta_base", *map(str, arguments)]
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, given))


def optimizer(params, *arguments) -> FairseqOptimizer:
    """`--optimizer NAME ...` of these parameters."""
    return optim.build_optimizer(parsed(*arguments).optimizer, list(params))


def schedule(*arguments):
    """`--lr-scheduler NAME ...` over a parameter of its own."""
    cfg = parsed("--optimizer", "adamw", *arguments)
    holder = optim.build_optimizer(cfg.optimizer, [torch.nn.Parameter(torch.zeros(2, 2))])
    made = build_lr_scheduler(cfg.lr_scheduler, holder)
    made.step_update(0)  # as the trainer does
    return made


def curve(made, updates: int) -> list[float]:
    """The learning rates after 0, 1, ... `updates` updates, as the optimizer has them."""
    rates = []
    for update in range(updates + 1):
        made.step_update(update)
        rates.append(made.optimizer.get_lr())
    return rates
