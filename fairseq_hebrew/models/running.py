"""How a model is run, from its options: attention back end, recomputing, precision, compiling."""

import importlib.util

import torch

from fairseq_hebrew.modules import Execution, TransformerEncoder
from fairseq_hebrew.modules.attention import AUTO, BACKENDS
from fairseq_hebrew.stage.errors import UserError

AUTOCAST = {"none": None, "bf16": torch.bfloat16}
HOPPER = (9, 0)


def execution(cfg) -> tuple[Execution, torch.dtype | None]:
    """How to run the encoder and the type of its matrix products; raises UserError for an unknown name."""
    if cfg.attention_backend not in (AUTO, *BACKENDS):
        raise UserError(f"--attention-backend {cfg.attention_backend}: there are {AUTO}, {', '.join(BACKENDS)}")
    if cfg.autocast not in AUTOCAST:
        raise UserError(f"--autocast {cfg.autocast}: there are {', '.join(AUTOCAST)}")
    return Execution(cfg.attention_backend, cfg.checkpoint_activations), AUTOCAST[cfg.autocast]


def prepare(encoder: TransformerEncoder, cfg) -> None:
    """Put --fp8 and --compile-layers into effect; raises UserError where this machine cannot do it."""
    if cfg.fp8:
        to_fp8(encoder, cfg.autocast)
    if cfg.compile_layers:
        for layer in encoder.layers:
            # dynamic: the number of tokens differs from batch to batch where padding is left out
            layer.enter = torch.compile(layer.enter, dynamic=True)
            layer.leave = torch.compile(layer.leave, dynamic=True)


def to_fp8(encoder: TransformerEncoder, autocast: str) -> None:
    """The layers' matrices as torchao's Float8Linear: same names, same weights, products in fp8.

    Raises UserError without a Hopper GPU, without torchao, or without --autocast bf16.
    """
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() < HOPPER:
        name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
        raise UserError(f"--fp8 needs a Hopper GPU (H100, H200) or a later one, here is {name}; leave it out")
    if importlib.util.find_spec("torchao") is None:
        raise UserError("--fp8 needs torchao; pip install 'fairseq-hebrew[fp8]'")
    if autocast != "bf16":
        raise UserError("--fp8 replaces the products of bf16; add --autocast bf16")
    fp8_layers(encoder)


def fp8_layers(encoder: TransformerEncoder, **options) -> None:
    """Replace the layers' matrices, in place, by torchao's; `options` of its convert_to_float8_training."""
    from torchao.float8 import convert_to_float8_training

    def wanted(module: torch.nn.Module, name: str) -> bool:
        return module.in_features % 16 == 0 and module.out_features % 16 == 0  # what the hardware multiplies

    convert_to_float8_training(encoder.layers, module_filter_fn=wanted, **options)
