"""What an entry of the table of cures says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Cure:
    """One cure. It is made for each of `modules` when that module is imported, and only if `begins` is reached.

    `begins` is a package and the version of it where the trouble begins ("Python 3.11", "torch 2.6"); a cure of what
    fairseq has always done wrong begins with fairseq. `function` takes the module: it changes it `after` its code has
    run, or is a context manager `around` that run. A module that ends in `.*` stands for all below it.
    """

    name: str
    begins: str
    why: str
    until: str
    modules: tuple[str, ...]
    function: Callable[[Any], Any]
    when: Literal["around", "after"] = "after"
