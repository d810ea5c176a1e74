"""The names numpy has dropped are there for the modules of fairseq that use them, and nowhere else."""

import types

import numpy
import pytest

from fairseq_hebrew_compat import numpy2, table


@pytest.fixture
def old():
    module = types.SimpleNamespace(np=numpy)
    numpy2.lend_old_names(module)
    return module.np


def test_old_names_and_new_ones(old):
    assert old.zeros(3, dtype=old.compat.long).dtype == numpy.int64
    assert old.fromiter([1, 2], old.int).tolist() == [1, 2] and old.float("inf") == numpy.inf
    assert old.ndarray is numpy.ndarray and old.random is numpy.random and old.testing is numpy.testing
    assert old.percentile([1, 2, 3, 4], 50, interpolation="lower") == 2
    assert old.percentile([1, 2, 3, 4], 50) == 2.5
    with pytest.raises(AttributeError):
        _ = old.no_such_name
    assert not hasattr(numpy, "compat")


def test_no_other_module_of_fairseqs_own_uses_a_dropped_name():
    """fairseq's sources, without its examples, searched for what its modules ask of numpy in vain."""
    import importlib.util
    import re
    from pathlib import Path

    root = Path(importlib.util.find_spec("fairseq").submodule_search_locations[0])
    cured = next(cure for cure in table.CURES if cure.function is numpy2.lend_old_names).modules
    missing = set()
    for path in root.rglob("*.py"):
        name = ".".join(["fairseq", *path.relative_to(root).with_suffix("").parts])
        if name.startswith("fairseq.examples."):
            continue
        used = set(re.findall(r"(?<![\w.])np\.([a-zA-Z_]\w*)", path.read_text(encoding="utf-8")))
        missing |= {(name, word) for word in used if not hasattr(numpy, word) and name not in cured}
    assert not missing


def test_span_masking_and_buckets():
    from fairseq.data import data_utils

    mask = data_utils.compute_mask_indices((2, 40), None, 0.4, 4, "uniform", 2.0, 2, True, 1)
    assert mask.shape == (2, 40) and mask.any()
    assert data_utils.get_buckets(numpy.array([3, 5, 9, 12]), 2)[-1] == 12
