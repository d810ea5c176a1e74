"""The failures these cures report themselves: each is one line that names the place and the remedy."""


class ClearLineError(Exception):
    """An error whose text is one line a user can act on.

    `clear_line` is the whole contract: whoever prints such errors (the hook in `clear_line.py`, the plugin's
    commands) looks for the attribute, so that neither package needs the other's classes.
    """

    clear_line = True


class CheckpointUnreadable(ClearLineError):
    """The file given as a checkpoint is empty, cut short, damaged, or something else altogether."""


class CheckpointRefused(ClearLineError):
    """The file given as a checkpoint asks for code that a checkpoint has no business running."""


class UserDirNotFound(ClearLineError, FileNotFoundError):
    """`--user-dir` names neither a folder nor an installed package (stock raises FileNotFoundError too)."""


class UserDirConflict(ClearLineError, ImportError):
    """`--user-dir` names one folder while a module of that name came from another (stock raises ImportError too)."""


class CheckpointNotFound(ClearLineError, ValueError):
    """The checkpoint to start from is not there (stock raises ValueError for --finetune-from-model)."""


class CheckpointNotSaved(ClearLineError, OSError):
    """There is no room for a checkpoint (stock raises OSError too)."""


class OptionsExcluded(ClearLineError, ValueError):
    """Two options that exclude each other (stock raises ValueError too)."""
