"""Self-attention, and its back ends: one file each, all equal to `plain`."""

from fairseq_hebrew.modules.attention.choose import AUTO, BACKENDS, Backend, BackendError, choose
from fairseq_hebrew.modules.attention.layer import SelfAttention

__all__ = ["AUTO", "BACKENDS", "Backend", "BackendError", "SelfAttention", "choose"]
