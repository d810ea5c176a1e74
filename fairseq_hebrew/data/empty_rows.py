"""Empty batches."""

import torch


def empty_batch(batch):
    net = {k: torch.zeros_like(v) if torch.is_tensor(v) else v for k, v in batch["net_input"].items()}
    net["src_tokens"] = torch.ones_like(net["src_tokens"])
    return {
        **batch,
        "net_input": net,
        "target": torch.ones_like(batch["target"]),
        "ntokens": 0,
        "nsentences": 0,
        "num_masked": 0,
        "id": torch.full_like(batch["id"], -1),
    }
