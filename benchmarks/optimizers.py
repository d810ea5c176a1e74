"""An optimizer's step beside fairseq's own `adam`, on the weights of an encoder, in turns within one run.

Usage: python -m benchmarks.optimizers [--layers 4] [--width 256] [--vocab-size 16000] [--rounds 5] [--steps 5]
       [--device cpu|cuda]

`--clip-norm` is not part of a step: it is the same for all.
"""

from __future__ import annotations

import argparse
import time

import torch
from fairseq.optim import OPTIMIZER_DATACLASS_REGISTRY, OPTIMIZER_REGISTRY, FairseqOptimizer
from omegaconf import OmegaConf

import fairseq_hebrew.optim  # noqa: F401

from .contenders import CONTENDERS, Setting
from .measure import table

PLAIN = "adam"
# Names of the rows, and the optimizer with what sets it apart.
OPTIMIZERS = {
    "fairseq adam": (PLAIN, {}),
    "adamw, fused": ("adamw", {}),
    "adamw, fused, --no-decay-norms-biases": ("adamw", {"no_decay_norms_biases": True}),
    "adamw, as torch has it without the kernel": ("adamw", {"fused": False}),
    "stable_adamw": ("stable_adamw", {}),
}


def build(name: str, params: list[torch.nn.Parameter], **changes) -> FairseqOptimizer:
    """An optimizer as fairseq-train has it, under HalleluBERT's settings."""
    fused = changes.pop("fused", None)
    options = {"adam_betas": "(0.9, 0.98)", "adam_eps": 1e-6, "weight_decay": 0.01, "lr": [1e-5], **changes}
    if name == PLAIN:
        options["tpu"] = False
    cfg = OmegaConf.merge(OmegaConf.structured(OPTIMIZER_DATACLASS_REGISTRY[name]), {"_name": name, **options})
    made = OPTIMIZER_REGISTRY[name](cfg, params)
    if fused is not None:
        for group in made.param_groups:
            group["fused"] = fused
    return made


def step_seconds(optimizer: FairseqOptimizer, steps: int, device: str) -> float:
    """The quickest of some steps with the gradients that are there."""
    taken = []
    for _ in range(steps):
        _wait(device)
        started = time.perf_counter()
        optimizer.step()
        _wait(device)
        taken.append(time.perf_counter() - started)
    return min(taken)


def measured(setting: Setting, rounds: int, steps: int, device: str) -> dict[str, float]:
    """{row: seconds of its quickest step}; the optimizers take turns, each on weights of its own."""
    made = {}
    for row, (name, changes) in OPTIMIZERS.items():
        torch.manual_seed(0)
        model, _ = CONTENDERS["ours"].build(setting)
        params = list(model.to(device).parameters())
        for param in params:
            param.grad = torch.randn_like(param)
        made[row] = build(name, params, **changes)
        made[row].step()  # makes the averages
    best = dict.fromkeys(made, float("inf"))
    for _ in range(rounds):
        for row, optimizer in made.items():
            best[row] = min(best[row], step_seconds(optimizer, steps, device))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimizers", description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--vocab-size", type=int, default=16_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="steps of each optimizer in a round")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    given = parser.parse_args()
    setting = Setting("hallelubert", given.layers, given.width, given.vocab_size, positions=512)
    weights = sum(param.numel() for param in CONTENDERS["ours"].build(setting)[0].parameters())
    where = torch.cuda.get_device_name() if given.device == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{weights:,} weights in fp32, {given.layers} layers of {given.width}; {where}, torch {torch.__version__}\n")
    found = measured(setting, given.rounds, given.steps, given.device)
    plain = found["fairseq adam"]
    rows = [(row, f"{1e3 * taken:.2f}", f"{plain / taken:.2f} x") for row, taken in found.items()]
    print(table(("optimizer", "ms a step", "fairseq's adam / this"), rows))


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
