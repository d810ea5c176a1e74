import itertools
import random

from fairseq_hebrew.tasks.windows import JoinedWindows


def count(gold, predicted):
    """Runs of one class that are the same: not what of two halves is the sum."""
    return {"gold": runs(gold), "same": runs([a for a, b in zip(gold, predicted) if a == b])}


def runs(classes):
    return sum(i == 0 or classes[i - 1] != one for i, one in enumerate(classes))


def test_windows_in_any_order_count_as_the_whole_sentences():
    draw = random.Random(1)
    for _ in range(100):
        joined, parts, wanted, found = JoinedWindows(count), [], {"gold": 0, "same": 0}, {"gold": 0, "same": 0}
        for example in range(4):
            gold, guess = ([draw.randrange(3) for _ in range(12)] for _ in range(2))
            cuts = [0, *sorted(draw.sample(range(1, 12), draw.randrange(4))), 12]
            parts += [(example, a, 12, gold[a:b], guess[a:b]) for a, b in itertools.pairwise(cuts)]
            for name, value in count(gold, guess).items():
                wanted[name] += value
        draw.shuffle(parts)
        for part in parts:
            for name, value in joined.add(*part).items():
                found[name] += value
        assert found == wanted and not joined._parts


def test_a_window_that_never_comes_leaves_two_sentences():
    joined = JoinedWindows(count)
    assert joined.add(1, 0, 6, [1, 1], [1, 1]) == {"gold": 1, "same": 1}
    assert joined.add(1, 4, 6, [1, 1], [1, 1]) == {"gold": 1, "same": 1}
    # It comes: the three are one run.
    assert joined.add(1, 2, 6, [1, 1], [1, 1]) == {"gold": -1, "same": -1}
