"""How a member of a compressed file is made."""

import bz2
import gzip
import lzma

import pytest

# Why a test of an optional format is skipped.
EXTRA = "needs pip install 'fairseq-hebrew[readers]'"


def zstd(data):
    return pytest.importorskip("zstandard", reason=EXTRA).compress(data)


# By the ending of the name.
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}
