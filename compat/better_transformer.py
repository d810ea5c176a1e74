"""What 0.12.2 adds to every encoder layer for torch's fused inference: a path that fails, parameters that are dead.

The parameters are copies of a layer's own weights, made when a checkpoint is loaded. No training step uses them, yet
they enter the optimizer, the all-reduce and every checkpoint (85 million of them in a base model). Models that have
none load such checkpoints without them. Stock models keep theirs: the number of parameters that an optimizer's state
knows must not change under a run that is resumed.
"""

import functools
import logging
import re

logger = logging.getLogger(__name__)

DEAD = re.compile(r"^(?P<layer>(?:.*\.)?layers\.\d+\.)(?:in_proj|out_proj|fc1|fc2)_(?:weight|bias)$")


def is_dead(name: str, state_dict) -> bool:
    """Whether a name is one of the eight copies: its layer must have the originals beside it."""
    found = DEAD.match(name)
    return found is not None and f"{found['layer']}self_attn.q_proj.weight" in state_dict


def drop_dead_parameters(state_dict):
    """A state dict without the eight copies of each encoder layer, and their names.

    The state dict given is left as it is, and is the one returned when nothing is dropped; torch's `_metadata` is
    carried along.
    """
    dropped = [name for name in state_dict if is_dead(name, state_dict)]
    if not dropped:
        return state_dict, dropped
    kept = type(state_dict)()
    kept.update((name, value) for name, value in state_dict.items() if name not in set(dropped))
    if hasattr(state_dict, "_metadata"):
        kept._metadata = state_dict._metadata
    return kept, dropped


def drop_on_load(module) -> None:
    """Let every fairseq model without dead parameters load a checkpoint that has them."""
    model = module.BaseFairseqModel
    load = model.load_state_dict
    if hasattr(load, "__wrapped__"):
        return

    @functools.wraps(load)
    def load_state_dict(self, state_dict, *args, **options):
        own = self.state_dict()
        if not any(is_dead(name, own) for name in own):
            state_dict, dropped = drop_dead_parameters(state_dict)
            if dropped:
                logger.info("%d unused BetterTransformer parameters of the checkpoint are left out", len(dropped))
        return load(self, state_dict, *args, **options)

    model.load_state_dict = load_state_dict


def leave_fused_path(module) -> None:
    """Keep every encoder layer on fairseq's own computation, which gives the same values, padding or not."""
    layer = module.TransformerEncoderLayerBase
    make = layer.__init__
    if hasattr(make, "__wrapped__"):
        return

    @functools.wraps(make)
    def __init__(self, *args, **options):
        make(self, *args, **options)
        self.can_use_fastpath = False  # the encoder asks its first layer, and each layer itself

    layer.__init__ = __init__
