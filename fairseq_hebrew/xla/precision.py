"""How exact the matrix products of fp32 tensors are: on a TPU that is a choice, and not by default fp32."""

import logging

logger = logging.getLogger(__name__)

# torch_xla.backends.set_mat_mul_precision, by name; what a TPU's matrix unit, which multiplies bf16, does for each.
MEANS = {
    "default": "operands are rounded to bf16, sums are fp32: one pass, and not what a CPU or a GPU calls fp32",
    "high": "three bf16 passes, about 14 bits of each operand",
    "highest": "six bf16 passes: true fp32",
}


def set_precision(name: str) -> None:
    """Set the precision of all graphs that are compiled from now on, and log what it means."""
    import torch_xla.backends
    import torch_xla.runtime

    if torch_xla.backends.get_mat_mul_precision() != name:
        torch_xla.backends.set_mat_mul_precision(name)
    logger.info(f"matrix products of fp32 tensors: {name}: {MEANS[name]}")
    kind = torch_xla.runtime.device_type()
    if kind != "TPU":
        logger.info(f"the device is no TPU but {kind}, where all three are fp32")
