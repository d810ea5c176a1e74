"""Is the torch_xla here that --tpu needs? Asked without importing it."""

import importlib.metadata

from fairseq_hebrew.stage.errors import UserError

WANTED = "2.9"  # the last line of releases; each needs the torch of the same number
INSTALL = "make setup-xla, or in an environment of its own: pip install 'fairseq-hebrew[tpu]'"


def check_versions() -> None:
    """Raises UserError where torch_xla is missing or does not go with the torch at hand."""
    xla, torch = _version("torch_xla"), _version("torch")
    if xla is None:
        raise UserError(f"--tpu needs torch_xla {WANTED}, which is not installed; {INSTALL}")
    if not _is(xla):
        raise UserError(f"--tpu: torch_xla {xla} is installed, the plugin is made for {WANTED}; {INSTALL}")
    if torch is None or not _is(torch):
        raise UserError(f"--tpu: torch_xla {xla} needs torch {WANTED}, here is torch {torch}; {INSTALL}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is(version: str) -> bool:
    return version.split(".")[:2] == WANTED.split(".")
