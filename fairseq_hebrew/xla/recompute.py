"""--checkpoint-activations on XLA: the compiler is kept from finding that the second computation is the first."""


def recompute(layer, *inputs):
    """layer(*inputs), computed again in the backward pass with the same random numbers; keeps only the inputs."""
    from torch_xla.utils.checkpoint import checkpoint

    return checkpoint(layer, *inputs)
