"""Python 3.11 and later refuse a dataclass instance as another dataclass's default; fairseq's configs are made so."""

import contextlib
import dataclasses
import functools


@contextlib.contextmanager
def keep_hashes(module):
    """While a module of fairseq is executed, let the dataclasses it makes keep `object.__hash__`.

    dataclasses takes a default for mutable when its class has no hash, and a dataclass with `__eq__` has none unless
    its body says so. A class that keeps `object.__hash__` is accepted as it was on Python 3.10: the one instance is
    shared, and nothing in fairseq changes or hashes it. `dataclasses.dataclass` is put back after every module, and
    passes every class that is not fairseq's through untouched, so no other library can tell.
    """
    stock = dataclasses.dataclass
    if getattr(stock, "_keeps_hashes", False):  # a module of fairseq that imports another
        yield
        return

    @functools.wraps(stock)
    def dataclass(cls=None, /, **options):
        if cls is None:
            return lambda cls: dataclass(cls, **options)
        if cls.__module__.partition(".")[0] == "fairseq" and "__hash__" not in vars(cls):
            cls.__hash__ = object.__hash__
        return stock(cls, **options)

    dataclass.__kwdefaults__ = stock.__kwdefaults__  # torch's distributed tensors look there for `kw_only`
    dataclass._keeps_hashes = True
    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = stock
