"""The precision that matrix products have under autocast."""

from __future__ import annotations

import torch


def products_type(device_type: str) -> torch.dtype | None:
    """The type of matrix products where autocast is on; None where they have their operands' own."""
    if not torch.amp.is_autocast_available(device_type) or not torch.is_autocast_enabled(device_type):
        return None
    return torch.get_autocast_dtype(device_type)
