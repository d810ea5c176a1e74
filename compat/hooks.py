"""Making the cures at the right moment: around, or right after, the import of the module each one cures."""

import logging
import sys
import threading
from contextlib import ExitStack

logger = logging.getLogger(__name__)

PACKAGES = ("fairseq", "fairseq_cli")


def start() -> None:
    """Stand in the way of fairseq's imports; called by torch at the end of `import torch`, harmless when repeated.

    Nothing may leave this function: torch turns an exception of an entry point into a failed `import torch`.
    """
    try:
        if any(isinstance(finder, FairseqFinder) for finder in sys.meta_path):
            return
        sys.meta_path.insert(0, FairseqFinder())
        for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
            module = sys.modules[name]
            if not _in_progress(module):
                after_import(module)
    except Exception:
        logger.warning("the cures for fairseq could not be started", exc_info=True)


def _in_progress(module) -> bool:
    """Whether a module's code is still running: fairseq's packages are, when it is they that import torch."""
    return getattr(getattr(module, "__spec__", None), "_initializing", False)


class FairseqFinder:
    """A finder that finds nothing itself: it lets the others find fairseq's modules and wraps their execution."""

    def __init__(self):
        self._asking = set()

    def find_spec(self, fullname, path=None, target=None):
        """The spec the other finders give, its loader wrapped; None for every module that is not fairseq's."""
        question = (threading.get_ident(), fullname)
        if fullname.partition(".")[0] not in PACKAGES or question in self._asking:
            return None
        self._asking.add(question)  # another finder may ask all finders in turn, this one too
        try:
            spec = _ask_others(self, fullname, path, target)
        finally:
            self._asking.discard(question)
        if spec is not None:
            _wrap(spec)
        return spec


def _ask_others(finder, fullname, path, target):
    """What the finders behind `finder` say: the import system itself would ask them in the same order."""
    for other in list(sys.meta_path):
        find = getattr(other, "find_spec", None)
        if other is not finder and find is not None:
            spec = find(fullname, path, target)
            if spec is not None:
                return spec
    return None


def _wrap(spec) -> None:
    """Wrap the execution of one module; a loader that cannot be wrapped is left as it is."""
    run = getattr(spec.loader, "exec_module", None)
    if run is None:
        return

    def exec_module(module):
        with around_import(module):
            run(module)
        after_import(module)

    try:
        spec.loader.exec_module = exec_module
    except AttributeError:
        logger.debug("%s: its loader cannot be wrapped, no cure is made", spec.name)


def around_import(module) -> ExitStack:
    """A context in which a module of fairseq is executed, made by the cures that must be there before its code."""
    stack = ExitStack()
    for cure in _cures_of(module, "around"):
        try:
            stack.enter_context(cure.function(module))
        except Exception:
            logger.warning("cure %s of %s failed", cure.name, module.__name__, exc_info=True)
    return stack


def after_import(module) -> None:
    """Make every cure of a module that has just been executed. A cure that fails is reported, never raised."""
    for cure in _cures_of(module, "after"):
        try:
            cure.function(module)
        except Exception:
            logger.warning("cure %s of %s failed", cure.name, module.__name__, exc_info=True)


def _cures_of(module, when: str):
    """The cures of one module that today's versions need. The table is read at fairseq's first import only."""
    try:
        from .table import cures_of

        return cures_of(module.__name__, when)
    except Exception:
        logger.warning("the table of cures could not be read", exc_info=True)
        return ()
