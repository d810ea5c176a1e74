import itertools
import random

import pytest
from seqeval.metrics.sequence_labeling import get_entities  # noqa: F401 - the library the spans are compared with
from seqeval.scheme import IOB2, IOBES, Entities

from fairseq_hebrew.text.spans import READERS, broken, may_follow, spans_bio, spans_bioes, write_tags


@pytest.mark.parametrize(("name", "scheme", "places"), [("bioes", IOBES, "BIES"), ("bio", IOB2, "BI")])
def test_random_tags_give_the_entities_of_seqeval_strict(name, scheme, places):
    draw = random.Random(1)
    tags = ["O", *(f"{place}-{kind}" for place in places for kind in ("PER", "LOC"))]
    sequences = [[draw.choice(tags) for _ in range(draw.randrange(1, 12))] for _ in range(3000)]
    expected = [[entity.to_tuple()[1:] for entity in row] for row in Entities(sequences, scheme=scheme).entities]
    found = [READERS[name](sequence) for sequence in sequences]
    assert [sorted(row) for row in found] == [sorted(row) for row in expected]
    assert sum(map(len, found)) > 2000


def test_hand_worked_cases():
    assert spans_bioes(["B-PER", "E-PER", "O", "S-LOC"]) == [("PER", 0, 2), ("LOC", 3, 4)]
    assert spans_bioes(["B-PER", "I-PER", "O"]) == []  # never ends
    assert spans_bioes(["B-PER", "E-LOC"]) == []  # another type
    assert spans_bio(["B-PER", "B-PER", "I-PER", "I-LOC"]) == [("PER", 0, 1), ("PER", 1, 3)]
    assert spans_bio([]) == []


@pytest.mark.parametrize("scheme", sorted(READERS))
def test_tags_are_broken_where_their_entities_do_not_write_them(scheme):
    """All sequences of up to 4 words and two types: well formed if and only if the strict reading gives them back."""
    places = {"bio": "BI", "bioes": "BIES"}[scheme]
    tags = ["O", *(f"{place}-{kind}" for place in places for kind in ("A", "B"))]
    for length in range(1, 5):
        for given in itertools.product(tags, repeat=length):
            again = write_tags(READERS[scheme](given), length, scheme)
            assert (broken(given, scheme) == []) == (again == list(given)), given


def test_what_may_begin_and_end_a_sentence():
    assert may_follow(None, "B-A", "bioes") and not may_follow(None, "I-A", "bioes")
    assert may_follow("E-A", None, "bioes") and not may_follow("B-A", None, "bioes")
    assert may_follow("B-A", None, "bio") and not may_follow(None, "I-A", "bio")
    assert broken(["O", "I-A", "I-A", "I-B"], "bio") == [1, 3]
