"""Memory: a number of bytes a document, and a bound for all else."""

import functools
import tracemalloc

import numpy as np
import pytest

from fairseq_hebrew.preprocess.duplicates.banding import Banding
from fairseq_hebrew.preprocess.duplicates.bands import band_part
from fairseq_hebrew.preprocess.duplicates.cluster import cluster_part
from fairseq_hebrew.preprocess.duplicates.exact import exact_part
from fairseq_hebrew.preprocess.duplicates.paragraphs import repeated_part
from fairseq_hebrew.preprocess.duplicates.signatures import FIRST_BAND, SignatureWriter

BANDING = Banding(0.8, 5, 2, 8)
DOCUMENTS = 400_000
# Of a document: parent 4, flag 1, where it stands 16; flags that overlap 1; and what is made and dropped on the way.
A_DOCUMENT = 24
BOUND = 8 << 20
# Groups of signatures as they are read, numpy's own.
SLACK = 6 << 20


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    """Signatures of documents of three words, in buckets of four by the first of two bands.

    `text`: no two documents share a word n-gram; `near`: the four of a bucket are the same.
    """
    folder = tmp_path_factory.mktemp("signatures")
    choice = np.random.default_rng(1)
    rows = np.empty((FIRST_BAND + BANDING.bands, DOCUMENTS), dtype=np.uint64)
    rows[0], rows[3] = len(line(0)), 1
    rows[1:3] = choice.integers(1, 1 << 63, (2, DOCUMENTS), dtype=np.uint64)
    rows[FIRST_BAND:] = choice.integers(1, 1 << 63, (BANDING.bands, DOCUMENTS), dtype=np.uint64)
    rows[FIRST_BAND] = np.repeat(rows[FIRST_BAND, : DOCUMENTS // 4], 4)
    rows[:, -1000:] = rows[:, :1000]  # equal ones
    with SignatureWriter(folder / "signatures", len(rows)) as writer:
        for start in range(0, DOCUMENTS, 50_000):
            writer.add(rows[:, start : start + 50_000])
    (folder / "text").write_bytes(b"".join(map(line, range(DOCUMENTS))))
    (folder / "near").write_bytes(b"".join(line(number // 4) for number in range(DOCUMENTS)))
    return folder


def line(number):
    return f"מסמך {number:07d} קטן\n\n".encode()


def peak_of(work):
    """(bytes of numpy's and Python's at the highest, what the work returned)."""
    tracemalloc.start()
    try:
        made = work()
        return tracemalloc.get_traced_memory()[1], made
    finally:
        tracemalloc.stop()


def test_twenty_million_documents_fit_in_four_gigabytes(signatures, tmp_path):
    """The peak of each part is at most what it holds of each document and the bound it was given: so it scales."""
    files, alive, pairs = [signatures / "signatures"], tmp_path / "alive", [tmp_path / f"{n}.pairs" for n in range(2)]
    kept = [tmp_path / "kept"]
    cluster = functools.partial(cluster_part, files, alive, pairs, [signatures / "text"], kept, BANDING)
    work = {
        "exact": lambda: exact_part(files, alive, BOUND),
        "band": lambda: [band_part(files, alive, n, 2, pairs[n], BANDING, BOUND) for n in range(2)],
        "cluster": lambda: cluster(BOUND),
    }
    # Compiled before: what the compiler holds is none of the parts'.
    work["exact"](), work["band"](), cluster(1 << 30)
    wanted = kept[0].read_bytes()
    for name, run in work.items():
        peak, made = peak_of(run)
        assert peak < A_DOCUMENT * DOCUMENTS + BOUND + SLACK, (name, peak)
        if name == "cluster":
            assert made["compared_pairs"] > DOCUMENTS > made["near_duplicates"] == 0, "many pairs went through"
    assert kept[0].read_bytes() == wanted
    assert A_DOCUMENT * 20_000_000 + (1000 << 20) + SLACK < 4e9, "with the memory a user gets by default"


def test_a_bucket_of_all_documents_is_paired_within_the_bound(tmp_path):
    """50,000 documents of one band key: 3.2 million pairs, 25 MB, that are never held at once."""
    count, banding = 50_000, Banding(0.8, 5, 1, 1)
    choice = np.random.default_rng(2)
    rows = choice.integers(1, 1 << 63, (FIRST_BAND + 1, count), dtype=np.uint64)
    rows[FIRST_BAND] = 7
    with SignatureWriter(tmp_path / "signatures", len(rows)) as writer:
        writer.add(rows)
    np.ones(count, np.uint8).tofile(tmp_path / "alive")

    def run(memory, name):
        return band_part([tmp_path / "signatures"], tmp_path / "alive", 0, 1, tmp_path / name, banding, memory)

    run(1 << 20, "compiled")
    peak, counts = peak_of(lambda: run(1 << 20, "small"))
    assert counts == run(1 << 30, "large") and counts["buckets_cut"] == 1
    assert (tmp_path / "small").read_bytes() == (tmp_path / "large").read_bytes()
    assert (tmp_path / "small").stat().st_size == count * 64 * 8
    assert peak < 80 * count + (1 << 20) + SLACK < (tmp_path / "small").stat().st_size / 2


def test_short_lines_take_no_memory_of_a_pass(tmp_path):
    """Nine lines in ten are never removed: they take a byte each, whatever the pass."""
    count = 500_000
    rows = np.random.default_rng(3).integers(1, 1 << 63, (FIRST_BAND, count), dtype=np.uint64)
    rows[0] = 10
    rows[1:, np.arange(count) % 10 > 0] = 0
    with SignatureWriter(tmp_path / "keys", len(rows)) as writer:
        writer.add(rows)
    peak, counts = peak_of(lambda: repeated_part([tmp_path / "keys"], [tmp_path / "kept"], 1 << 20))
    assert counts["paragraphs_removed"] == 0 and (tmp_path / "kept").read_bytes() == b"\1" * count
    assert peak < 3 * count + (1 << 20) + SLACK


def test_choosing_of_clusters_takes_what_the_docstring_says(signatures, tmp_path):
    """Every document in a cluster: the worst case for what is chosen from."""
    files, alive = [signatures / "signatures"], tmp_path / "alive"
    exact_part(files, alive, 1 << 30)
    pairs = np.arange(DOCUMENTS // 4 * 4, dtype=np.uint64).reshape(-1, 4)
    (pairs[:, :1] << np.uint64(32) | pairs[:, 1:]).tofile(tmp_path / "pairs")
    run = functools.partial(cluster_part, files, alive, [tmp_path / "pairs"], [signatures / "near"], [tmp_path / "k"])
    run(BANDING, BOUND)
    peak, made = peak_of(lambda: run(BANDING, BOUND))
    assert made["clusters"] == DOCUMENTS // 4
    assert peak < (A_DOCUMENT + 44) * DOCUMENTS + BOUND + SLACK
