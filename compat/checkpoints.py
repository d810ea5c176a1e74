"""Loading fairseq's checkpoints with torch's safe loader, and one clear line for a file that is none."""

import functools
import importlib
import os
import pickle
import re
import zipfile

from .errors import CheckpointRefused, CheckpointUnreadable, ClearLineError

# What fairseq has written into checkpoints beside tensors and plain containers, from 0.9 to 0.12.2: plain data all of
# them, whose making runs no code a file could choose. (module, class, the names pickles know it by if others)
SAFE = (
    ("argparse", "Namespace", ()),  # args, and the cfg.model of an architecture without a dataclass
    ("omegaconf.dictconfig", "DictConfig", ()),  # cfg as a DictConfig: before 0.12.2, and in broadcasts to other ranks
    ("omegaconf.listconfig", "ListConfig", ()),
    ("omegaconf.base", "ContainerMetadata", ()),
    ("omegaconf.base", "Metadata", ()),
    ("omegaconf.nodes", "AnyNode", ()),
    ("omegaconf.nodes", "BooleanNode", ()),
    ("omegaconf.nodes", "FloatNode", ()),
    ("omegaconf.nodes", "IntegerNode", ()),
    ("omegaconf.nodes", "StringNode", ()),
    ("typing", "Any", ()),  # the types omegaconf's metadata names
    ("builtins", "bool", ()),
    ("builtins", "dict", ()),
    ("builtins", "float", ()),
    ("builtins", "int", ()),
    ("builtins", "list", ()),
    ("builtins", "str", ()),
    ("collections", "defaultdict", ()),
    ("fairseq.distributed.utils", "_TensorPlaceholder", ()),  # in what rank 0 sends to the other ranks
    ("fairseq.data.dictionary", "Dictionary", ()),  # task_state of the tasks that keep their dictionaries
    ("fairseq.logging.meters", "AverageMeter", ("fairseq.meters.AverageMeter",)),  # extra_state up to 0.9
    ("fairseq.logging.meters", "StopwatchMeter", ("fairseq.meters.StopwatchMeter",)),
    ("fairseq.logging.meters", "TimeMeter", ("fairseq.meters.TimeMeter",)),
    ("numpy", "dtype", ()),  # a validation loss or a meter that was a numpy number
    ("numpy", "ndarray", ()),
)
# numpy 2 moved these; a checkpoint names them as the numpy that wrote it did.
NUMPY_MAKERS = ("scalar", "_reconstruct")
NUMPY_CODES = "?bhilqBHILQefd"

ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02\x8a"  # how torch's files begin since 1.6, and before
REMEDY = "give another checkpoint, or copy this one again"
REFUSALS = (
    r"Unsupported global: GLOBAL (\S+) was not",
    r"unsupported GLOBAL (\S+) whose module",
    r"reduce for unrecognized function (.+?)(?: which belongs|$)",
    r"but got (?:<class ')?([\w.]+)",
)


def safe_globals() -> list[tuple[object, str]]:
    """The classes of `SAFE` and numpy's makers of numbers, each with a name a checkpoint may call it by."""
    found = []
    for module, name, other_names in SAFE:
        try:
            value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):  # another omegaconf or fairseq: then no checkpoint of its holds it
            continue
        found += [(value, known) for known in (f"{module}.{name}", *other_names)]
    return found + _numpy_globals()


def _numpy_globals() -> list[tuple[object, str]]:
    """What a pickled numpy number is made with, under the names of numpy 1 and of numpy 2."""
    import numpy

    core = getattr(numpy, "_core", None) or numpy.core
    found = [
        (getattr(core.multiarray, maker), f"numpy.{package}.multiarray.{maker}")
        for maker in NUMPY_MAKERS
        for package in ("core", "_core")
    ]
    kinds = {type(numpy.dtype(code)) for code in NUMPY_CODES}
    return found + [(kind, f"{kind.__module__}.{kind.__qualname__}") for kind in kinds]


def allow_checkpoint_classes(module) -> None:
    """Tell torch's safe loader the classes of fairseq's checkpoints; weights_only stays on for every file."""
    import torch

    torch.serialization.add_safe_globals(safe_globals())


def name_unreadable_files(module) -> None:
    """Let fairseq's two functions that read a checkpoint end in one clear line when the file is none."""
    for name in ("load_checkpoint_to_cpu", "load_ema_from_checkpoint"):
        load = getattr(module, name)
        if not hasattr(load, "__wrapped__"):
            setattr(module, name, _guard(load))


def _guard(load):
    """A loader whose failure to read its file is told in one line; any other failure is left as it is."""

    @functools.wraps(load)
    def guarded(*args, **options):
        try:
            return load(*args, **options)
        except (MemoryError, ClearLineError):
            raise
        except Exception as error:
            if getattr(error, "filename", None) is not None:  # a missing file, no permission: they name it already
                raise
            path = args[0] if args else options.get("path", options.get("fpath"))
            clear = diagnose(path, error, _what_was_read(error, load))
            if clear is None:
                raise
            raise clear from error

    return guarded


def _what_was_read(error, load) -> tuple:
    """What torch.load gave before a loader failed: a tuple of that one object, or empty when torch.load itself failed.

    It is taken from the failed loader's own frame, so that a file of many gigabytes is not read a second time.
    """
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is load.__code__:
            names = trace.tb_frame.f_locals
            return tuple(names[name] for name in ("state", "new_state") if names.get(name) is not None)
        trace = trace.tb_next
    return ()


def diagnose(path, error: Exception, read: tuple) -> ClearLineError | None:
    """The clear error for a file that could not be loaded; None if the fault is not the file's."""
    if not os.path.isfile(path):
        return None
    size = f"{os.path.getsize(path):,} bytes"
    if read:
        if isinstance(read[0], dict) and "model" in read[0]:
            return None
        holds = f"a dict of {len(read[0])} keys" if isinstance(read[0], dict) else f"a {type(read[0]).__name__}"
        problem = f"not a checkpoint of fairseq, it holds {holds} and no 'model'"
        return CheckpointUnreadable(f"{path}: {problem} ({size}); {REMEDY}")
    refused = _refused(error)
    if refused is not None:
        return CheckpointRefused(
            f"{path}: refused for safety: it holds {refused}, which no checkpoint of fairseq does, and loading it "
            f"could run code ({size}); give a checkpoint from a source you trust (if the class is your own, let your "
            "--user-dir name it to torch.serialization.add_safe_globals)"
        )
    problem = _problem(path, error)
    return problem and CheckpointUnreadable(f"{path}: {problem} ({size}); {REMEDY}")


def _refused(error: Exception) -> str | None:
    """The class or function torch's safe loader refused, if that is why it failed."""
    if not isinstance(error, pickle.UnpicklingError):
        return None
    found = (re.search(pattern, str(error), re.MULTILINE) for pattern in REFUSALS)
    return next((match[1] for match in found if match), None)


def _problem(path, error: Exception) -> str | None:
    """What is wrong with a file torch.load could not read, told from its first bytes; None if nothing is."""
    with open(path, "rb") as file:
        start = file.read(4)
    if not start:
        return "the file is empty, no checkpoint"
    if start == ZIP and not zipfile.is_zipfile(path):
        return "the checkpoint is truncated, its end is missing"
    if start == ZIP:  # whole, so torch's own words decide: a lack of memory is a RuntimeError too
        foreign = isinstance(error, RuntimeError | OSError) and "PytorchStreamReader" not in str(error)
        return None if foreign else "the checkpoint is damaged, or no checkpoint at all"
    if start.startswith(LEGACY):
        return "the checkpoint is truncated or damaged"
    return "not a checkpoint"
