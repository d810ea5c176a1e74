import random

from fairseq_hebrew.data.examples import relevance
from fairseq_hebrew.data.examples.relevance import Relevance, identity


def test_an_identity_is_the_texts_own_in_every_process():
    # sha-like digests do not change: blake2b of "שלום", 8 bytes
    assert identity("שלום") == identity(" שלום\n") != identity("שלום.")
    assert identity("abc") == int.from_bytes(bytes.fromhex("d8bb14d833d59559"), "little", signed=True)


def test_the_same_as_a_dictionary_whatever_is_in_memory(monkeypatch):
    monkeypatch.setattr(relevance, "_BUFFER", 7)
    chance = random.Random(1)
    found, plain = Relevance(), {}
    for _ in range(300):
        query, passage, grade = chance.randint(-5, 5), chance.randint(-9, 9), chance.randint(1, 3)
        found.add(query, passage, grade)
        its = plain.setdefault(query, {})
        its[passage] = max(grade, its.get(passage, 0))
        if chance.random() < 0.02:
            assert len(found) == sum(map(len, plain.values()))
    assert found.queries().tolist() == sorted(plain)
    assert found.most() == max(map(len, plain.values()))
    for query in (*plain, 6):
        judged = found.of(query)
        assert list(zip(judged["passage"].tolist(), judged["grade"].tolist())) == sorted(plain.get(query, {}).items())


def test_the_most_of_a_query():
    found = Relevance()
    assert found.most() == 0
    for query, passage in ((3, 1), (-(2**63), 1), (2**63 - 1, 1), (-(2**63), 2), (-(2**63), 2)):
        found.add(query, passage)
    assert found.most() == 2
