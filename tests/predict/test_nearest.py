"""The search for the nearest vectors, beside the plain one that sorts them all."""

import faiss
import numpy as np
import pytest

from fairseq_hebrew.predict import nearest
from fairseq_hebrew.predict.nearest import SPARE, Nearest, plain_nearest


def unit(rng, rows, width=24):
    vectors = rng.normal(size=(rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def searched(queries, vectors, top, chunk):
    found = Nearest(queries, top)
    for start in range(0, len(vectors), chunk):
        found.add(vectors[start : start + chunk])
    return found.scores, found.rows


def same(one, other):
    return all(np.array_equal(*pair) for pair in zip(one, other))


@pytest.mark.parametrize("top", [1, 7, 100, 1000])
def test_the_fast_way_finds_what_the_plain_one_does_whatever_the_chunks(top):
    rng = np.random.default_rng(1)
    queries, vectors = unit(rng, 70), unit(rng, 900)
    vectors[300:400] = vectors[5]  # copies: of equal scores the first row is better
    vectors[850] = vectors[2]
    vectors[500:600] += rng.normal(size=(100, 24)).astype(np.float32) * 1e-7  # equal to the sixth digit
    queries[3] = vectors[5]
    wanted = plain_nearest(queries, vectors, top)
    assert wanted[1].shape == (70, min(top, 900)) and wanted[1][3, 0] == 5
    for chunk in (1, 37, 450, 899, 900, 5000):
        if chunk > 1 or top < 100:
            assert same(searched(queries, vectors, top, chunk), wanted), chunk


def test_where_all_are_nearly_equal_no_passage_is_lost():
    # A model that makes nearly one vector of all texts: faiss cannot tell which are best.
    rng = np.random.default_rng(2)
    one = unit(rng, 1)
    vectors = one + rng.normal(size=(800, 24)).astype(np.float32) * 1e-6
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = unit(rng, 5)
    wanted = plain_nearest(queries, vectors, 20)
    assert len(np.unique(wanted[0])) < 20
    assert same(searched(queries, vectors, 20, 800), wanted)
    assert same(searched(queries, vectors, 20, 300), wanted)


def test_candidates_are_chosen_by_faiss_and_few_are_ordered(monkeypatch):
    rng = np.random.default_rng(3)
    queries, vectors = unit(rng, 10), unit(rng, 5000)
    asked, plain = [], []
    whole, knn = nearest.plain_nearest, faiss.knn
    monkeypatch.setattr(faiss, "knn", lambda *given, **more: asked.append(given[2]) or knn(*given, **more))
    monkeypatch.setattr(nearest, "plain_nearest", lambda *given: plain.append(len(given[0])) or whole(*given))
    found = searched(queries, vectors, 50, 2500)
    assert asked == [50 + SPARE] * 2 and plain == []
    assert same(found, whole(queries, vectors, 50))


def test_what_is_worse_than_the_best_so_far_is_not_ordered_again(monkeypatch):
    rng = np.random.default_rng(5)
    queries = unit(rng, 10)
    vectors = np.vstack([queries[:, :].repeat(60, axis=0), unit(rng, 3000)])
    wanted = plain_nearest(queries, vectors, 20)
    products, whole = [], np.einsum
    monkeypatch.setattr(np, "einsum", lambda rule, *given: products.append(len(given[0])) or whole(rule, *given))
    assert same(searched(queries, vectors, 20, 600), wanted)
    assert products == []  # of the first chunk 60 are equal to the last bit, and after it none is good enough


def test_nothing_to_search():
    rng = np.random.default_rng(4)
    found = Nearest(unit(rng, 3), 5)
    assert found.rows.shape == (3, 0)
    found.add(unit(rng, 2))
    assert found.rows.shape == (3, 2) and found.added == 2
