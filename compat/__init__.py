"""Stock fairseq 0.12.2 on today's Python, torch and numpy, with no file of fairseq edited.

torch (>= 2.5) loads the entry points of the group `torch.backends` at the end of `import torch`, and every fairseq
command imports torch before the parts of fairseq that are broken; `start` is such an entry point. All it does then is
to stand in the way of fairseq's imports; each cure (see `table.py`) is made when the module it cures is imported, so a
program that never imports fairseq pays nothing.

This package knows nothing of the plugin, and imports neither torch nor fairseq when it is imported: fairseq's
`--user-dir` would skip a plugin that is already in `sys.modules`, and torch is not ready yet when `start` is called.
Where torch is told to load no such entry points (TORCH_DEVICE_BACKEND_AUTOLOAD=0), call `start` before fairseq is
imported.
"""

from .better_transformer import drop_dead_parameters
from .clear_line import show_tracebacks
from .errors import (
    CheckpointNotFound,
    CheckpointNotSaved,
    CheckpointRefused,
    CheckpointUnreadable,
    ClearLineError,
    OptionsExcluded,
    UserDirConflict,
    UserDirNotFound,
)
from .hooks import start

__all__ = [
    "CheckpointNotFound",
    "CheckpointNotSaved",
    "CheckpointRefused",
    "CheckpointUnreadable",
    "ClearLineError",
    "OptionsExcluded",
    "UserDirConflict",
    "UserDirNotFound",
    "drop_dead_parameters",
    "show_tracebacks",
    "start",
]
