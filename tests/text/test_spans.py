import random

import pytest
from seqeval.metrics.sequence_labeling import get_entities  # noqa: F401 - the library the spans are compared with
from seqeval.scheme import IOB2, IOBES, Entities

from fairseq_hebrew.text.spans import READERS, spans_bio, spans_bioes


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
