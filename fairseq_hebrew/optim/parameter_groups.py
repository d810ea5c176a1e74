"""Which weights decay: all of them, or, on request, all but those of norms and biases."""

import logging

from torch import Tensor

from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)

FLAT = "leave out --ddp-backend fully_sharded, or add --fp16-no-flatten-grads where --fp16 is given"


def parameter_groups(params: list[Tensor], no_decay_norms_biases: bool) -> list[dict]:
    """torch.optim's groups of the parameters fairseq gives an optimizer, in the order it gives them.

    A group marked `no_decay` has the weight decay 0: parameters of one dimension, which in these models are the weights
    of norms and all biases (the masked-LM head's too). Matrices decay, embeddings among them, as in BERT and RoBERTa.
    Raises UserError where the question makes no sense, as every parameter is of one dimension: fairseq has flattened
    them.
    """
    if not no_decay_norms_biases:
        return [{"params": params}]
    matrices = [param for param in params if param.ndim > 1]
    others = [param for param in params if param.ndim <= 1]
    if not matrices:
        raise UserError(f"--no-decay-norms-biases cannot tell norms and biases in flattened parameters; {FLAT}")
    logger.info(
        f"weight decay: on {sum(p.numel() for p in matrices):,} weights of {len(matrices)} matrices, "
        f"not on {sum(p.numel() for p in others):,} of {len(others)} norms and biases"
    )
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0, "no_decay": True}]
    return [group for group in groups if group["params"]]
