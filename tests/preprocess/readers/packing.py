"""How a member of a compressed file is made."""

import bz2
import gzip
import lzma

import pytest


def zstd(data):
    return pytest.importorskip("zstandard").compress(data)


# By the ending of the name.
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}
