"""Names that numpy has dropped, lent back to the modules of fairseq that still use them."""

import types

# np.compat.long was int, and so were and are the others: plain Python types.
OLD_NAMES = {"int": int, "float": float, "bool": bool, "object": object}


class OldNumpy(types.ModuleType):
    """numpy as a module of fairseq sees it: all that numpy has, and what fairseq 0.12.2 still asks it for."""

    def __init__(self, numpy):
        super().__init__(numpy.__name__, numpy.__doc__)
        vars(self).update(
            {name: value for name, value in vars(numpy).items() if name not in ("__getattr__", "percentile")}
        )
        vars(self).update(OLD_NAMES, compat=types.SimpleNamespace(long=int), _numpy=numpy)

    def percentile(self, a, q, *args, interpolation=None, **options):
        """np.percentile, whose `interpolation` is called `method` since numpy 1.22, and nothing else since 2.4."""
        if interpolation is not None:
            options["method"] = interpolation
        return self._numpy.percentile(a, q, *args, **options)

    def __getattr__(self, name):
        """numpy loads some of its parts at first use."""
        return getattr(self._numpy, name)


def lend_old_names(module) -> None:
    """Give one module of fairseq a numpy with the old names. numpy itself, and what others see of it, is untouched."""
    if isinstance(getattr(module, "np", None), types.ModuleType) and not isinstance(module.np, OldNumpy):
        module.np = OldNumpy(module.np)
