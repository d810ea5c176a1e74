"""The longest sample of a task, by the lengths of its examples."""

import pytest

from fairseq_hebrew.data.labelled.lengths import choose_length, lengths_up_to


@pytest.mark.parametrize(
    ("sizes", "percentile", "most", "needed", "longest", "longer"),
    [
        (range(1, 101), 95, 512, 95, 128, 0),  # of 100 numbers the 95th
        ([10] * 19 + [400], 95, 512, 10, 64, 1),  # 19 of 20 are 95 %
        ([10] * 18 + [64, 400], 95, 512, 64, 64, 1),
        ([10] * 18 + [65, 400], 95, 512, 65, 128, 1),
        ([10] * 18 + [65, 400], 100, 512, 400, 512, 0),
        ([10] * 18 + [65, 400], 50, 512, 10, 64, 2),
        ([200] * 20, 95, 100, 200, 100, 20),  # the description has less
        ([10] * 20, 95, 24, 10, 24, 0),
        ([700] * 20, 95, 2048, 700, 2048, 0),  # none of the lengths holds it
        ([3], 0.1, 512, 3, 64, 0),
    ],
)
def test_the_shortest_length_that_holds_so_many(sizes, percentile, most, needed, longest, longer):
    found = choose_length(list(sizes), percentile, most)
    assert (found.needed, found.longest, found.longer, found.examples) == (needed, longest, longer, len(list(sizes)))


def test_room_that_is_needed_whatever_the_examples_are():
    for least, longest in ((64, 64), (65, 128), (190, 192), (400, 300)):
        found = choose_length([10] * 20, 95, 300, least)
        assert (found.needed, found.longest) == (10, longest)


def test_what_is_told_in_one_line():
    told = choose_length([10] * 1519 + [400] * 481, 75.5, 512).told("cut at their ends", "training examples")
    assert told == (
        "length: 64 tokens: 75.5 % of the 2,000 training examples have at most 10; 481 (24.05 %) are longer than 64 "
        "and are cut at their ends"
    )


def test_lengths_of_batches():
    assert lengths_up_to(64) == [64] and lengths_up_to(40) == [40]
    assert lengths_up_to(192) == [64, 128, 192] and lengths_up_to(200) == [64, 128, 192, 200]
    assert lengths_up_to(1024) == [64, 128, 192, 256, 384, 512, 1024]
