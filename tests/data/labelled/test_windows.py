import random

from fairseq_hebrew.data.labelled.windows import windows


def test_by_hand():
    # 7 words of a piece, room for 4, 2 shared: 0..3, 2..5, 4..6. Word 2 is 1 from the end of the first window and 0
    # from the beginning of the second; word 3 is 0 and 1.
    assert windows([1] * 7, 4, 2) == [(0, 4, 0, 3), (2, 6, 3, 5), (4, 7, 5, 7)]
    assert windows([1] * 7, 4, 0) == [(0, 4, 0, 4), (4, 7, 4, 7)]
    assert windows([2, 2], 4, 5) == [(0, 2, 0, 2)]
    assert windows([], 4, 2) == [(0, 0, 0, 0)]
    # The third word fills a window alone: nothing can be shared with it.
    assert windows([1, 1, 4, 1], 4, 2) == [(0, 2, 0, 2), (2, 3, 2, 3), (3, 4, 3, 4)]


def test_each_word_is_one_windows_own_where_it_has_most_context():
    draw = random.Random(1)
    for _ in range(400):
        room, overlap = draw.randint(1, 12), draw.randint(0, 14)
        sizes = [draw.randint(1, room if draw.random() < 0.2 else min(room, 3)) for _ in range(draw.randint(1, 40))]
        made = windows(sizes, room, overlap)
        assert [word for _, _, first, last in made for word in range(first, last)] == list(range(len(sizes)))
        for begin, end, first, last in made:
            assert begin <= first < last <= end and sum(sizes[begin:end]) <= room
            for word in range(first, last):
                near = min(word - begin, end - 1 - word)
                others = [min(word - a, b - 1 - word) for a, b, _, _ in made if a <= word < b]
                assert near == max(others)


def test_a_very_long_sentence_takes_no_time():
    made = windows([2] * 50_000, 190, 16)
    assert made[0][:3] == (0, 95, 0) and made[-1][3] == 50_000
