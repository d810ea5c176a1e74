"""`--user-dir` for installed packages, and for packages that somebody has imported before fairseq did."""

import functools
import importlib
import importlib.util
import logging
import os
import sys

from .errors import UserDirConflict, UserDirNotFound

logger = logging.getLogger(__name__)


def resolve_packages(module) -> None:
    """Replace fairseq's import_user_module by one that finds installed packages and registers all it is given."""
    stock = module.import_user_module
    if hasattr(stock, "__wrapped__"):
        return

    @functools.wraps(stock)
    def import_user_module(args):
        user_dir = getattr(args, "user_dir", None)
        if user_dir is None:
            return
        folder = find_folder(user_dir, os.path.dirname(module.__file__))
        if folder not in import_user_module.memo:
            register(folder)
            import_user_module.memo.add(folder)

    import_user_module.memo = getattr(stock, "memo", set())
    module.import_user_module = import_user_module


def find_folder(user_dir: str, fairseq_folder: str) -> str:
    """The folder `--user-dir` means.

    In fairseq's order: that path as seen from the current directory, from fairseq's folder, from the one above it.
    Then, if it is a bare name, the installed package of that name; it is found without being imported. A bare name is
    that package as well when it is imported already, or when the folder of that name is no plugin (a clone of a
    project often has the project's name and holds the package of the same name one level down).
    """
    package = find_package(user_dir)
    imported = user_dir if user_dir.isidentifier() and user_dir in sys.modules else None
    if package and imported:
        return package
    here = os.path.abspath(user_dir)
    bases = (os.path.join(fairseq_folder, user_dir), os.path.join(os.path.dirname(fairseq_folder), user_dir))
    for folder in (here, *bases):
        if os.path.exists(folder) or (folder == here and os.path.isfile(os.path.dirname(here))):
            if package and not is_plugin(folder):
                break
            return os.path.normpath(folder)
    if package:
        logger.info("--user-dir=%s is the installed package in %s", user_dir, package)
        return package
    raise UserDirNotFound(
        f"--user-dir {user_dir}: no such folder from {os.getcwd()}, and no installed package of that name; "
        "give the path of the folder, or install the package"
    )


def find_package(name: str) -> str | None:
    """The folder of an importable top-level package, found without importing it; None if there is none."""
    if not name.isidentifier():
        return None
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.submodule_search_locations:
        return None
    return os.path.normpath(next(iter(spec.submodule_search_locations)))


def is_plugin(folder: str) -> bool:
    """Whether a folder holds anything fairseq would import from it."""
    return any(os.path.exists(os.path.join(folder, name)) for name in ("__init__.py", "tasks", "models"))


def register(folder: str) -> None:
    """Import a user's package, then its tasks and its models, as fairseq does, whoever imported the package first.

    A module of that name from another folder is an error, as in fairseq: to go on with it would train with other code
    than the path given says.
    """
    parent, name = os.path.split(folder)
    if name not in sys.modules:
        if find_package(name) != folder:  # an installed package needs no help to be found
            sys.path.insert(0, parent)
        importlib.import_module(name)
    else:
        logger.info("--user-dir=%s has already been imported, its tasks and models are registered now", folder)
    locations = [os.path.realpath(location) for location in getattr(sys.modules[name], "__path__", ())]
    if os.path.realpath(folder) not in locations:
        other = locations[0] if locations else getattr(sys.modules[name], "__file__", "the interpreter")
        raise UserDirConflict(
            f"--user-dir {folder}: a module named {name} is already imported from {other}; "
            f"give --user-dir {other}, or rename or uninstall one of the two"
        )
    from fairseq.models import import_models
    from fairseq.tasks import import_tasks

    for part, import_all in (("tasks", import_tasks), ("models", import_models)):
        if os.path.exists(os.path.join(folder, part)):
            import_all(os.path.join(folder, part), f"{name}.{part}")
