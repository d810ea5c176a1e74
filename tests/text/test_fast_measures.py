"""The kernels that measure documents against plain Python."""

import random

import numpy as np
import pytest

from fairseq_hebrew.text import fast_measures, measures
from fairseq_hebrew.text.fast_measures import measure_documents, repeated_lines, repeated_ngrams
from tests.text.hostile import REAL, hostile_documents, real_documents


def measured(documents):
    texts = ["".join(f"{line}\n" for line in [*lines, ""]).encode() for lines in documents]
    return measure_documents(np.frombuffer(bytearray().join(texts), dtype=np.uint8), np.cumsum([*map(len, texts)]))


def repetitive(seed, count=40):
    """Documents of few words, so that lines and n-grams repeat."""
    choice = random.Random(seed)
    signs = [*"אבגדהשםןץabc123.,?!…#־\u05b0\u0301é٣½²Ⅷ\u200f😀ﷺ漢中"]
    size = choice.choice([2, 5, 20, 300])
    lexicon = ["".join(choice.choices(signs, k=choice.randint(1, 6))) for _ in range(size)]
    documents = []
    for _ in range(count):
        lines = []
        for _ in range(choice.randint(0, 6)):
            blank = choice.choice(" \t\u2003" if choice.random() < 0.1 else " ")
            lines.append(blank.join(choice.choices(lexicon, k=choice.randint(1, 20))))
            lines += [choice.choice(lines)] if choice.random() < 0.2 else []
        documents.append(lines)
    return documents


def test_the_kind_of_every_code_point():
    kinds = fast_measures._kinds()
    assert [chr(code) for code in range(0x110000) if kinds[code] != measures.kind_of(chr(code))] == []


@pytest.mark.parametrize("seed", range(40))
def test_kinds_lines_and_words(seed):
    documents = repetitive(seed) + [[line for line in lines if line.strip()] for lines in hostile_documents(100, seed)]
    made = measured(documents)
    again = repeated_lines(made)
    words = np.split(made.word_sizes, made.word_ends)
    for document, lines in enumerate(documents):
        assert made.kinds[document].tolist() == measures.count_kinds("".join(lines))
        assert made.characters[document] == len("\n".join(lines))
        assert made.lines_of[document] == len(lines)
        assert words[document].tolist() == [len(word) for line in lines for word in line.split()]
        of = slice(made.line_ends[document] - len(lines), made.line_ends[document])
        sizes = made.line_sizes[of]
        assert sizes.tolist() == list(map(len, lines))
        shares = again[of].sum() / max(len(lines), 1), (sizes * again[of]).sum() / max(sizes.sum(), 1)
        assert shares == measures.duplicate_lines(lines)


def verdict(lines, top, duplicate):
    words = " ".join(lines).split()
    if any(measures.top_ngram_share(words, n) > limit for n, limit in enumerate(top, 2)):
        return 1
    return 2 * any(measures.duplicate_ngram_share(words, n) > limit for n, limit in enumerate(duplicate, 5))


def test_repeated_ngrams():
    seen = set()
    for seed in range(60):
        choice = random.Random(seed)
        top = [choice.random() / 2 for _ in range(choice.randint(0, 3))]
        duplicate = [choice.random() for _ in range(choice.randint(0, 6))]
        documents = repetitive(seed)
        made = repeated_ngrams(measured(documents), np.ones(len(documents), dtype=bool), top, duplicate).tolist()
        assert made == [verdict(lines, top, duplicate) for lines in documents], seed
        seen.update(made)
    assert seen == {0, 1, 2}


def test_what_is_not_tested_is_not_found():
    documents = [["a b c d e"] * 9] * 3
    tested = np.array([True, False, True])
    assert repeated_ngrams(measured(documents), tested, [0.1], [0.1]).tolist() == [1, 0, 1]
    assert repeated_ngrams(measured(documents), tested, [1.0], [0.1]).tolist() == [2, 0, 2]
    assert repeated_ngrams(measured(documents), tested, [], []).tolist() == [0, 0, 0]


def test_hashes_tell_words_and_lines_apart():
    made = measured([["ab", "a b", "ba", "b a", "אב", "א ב", "ab a", "a ab"]])
    assert len(set(made.lines.tolist())) == 8
    signs = [chr(code) for code in range(0x21, 0x3000) if not chr(code).isspace() and chr(code) not in "\x7f"]
    pairs = [f"{first}{second}" for first in signs[::40] for second in signs[::40]]
    assert len(set(measured([[*signs, *pairs]]).words.tolist())) == len({*signs, *pairs})


@pytest.mark.skipif(not REAL.exists(), reason=f"no real text at {REAL}")
@pytest.mark.parametrize("name", ["benyehuda_01.txt", "laws.txt", "knesset_protocols.txt"])
def test_real_text(name):
    documents = [[line for line in lines if line.strip()] for lines in real_documents(name, 500_000)]
    made = measured(documents)
    assert made.kinds.tolist() == [measures.count_kinds("".join(lines)) for lines in documents]
    verdicts = repeated_ngrams(made, np.ones(len(documents), dtype=bool), [0.05, 0.04, 0.03], [0.1, 0.05])
    assert verdicts.tolist() == [verdict(lines, [0.05, 0.04, 0.03], [0.1, 0.05]) for lines in documents]
    words = [word for lines in documents for line in lines for word in line.split()]
    assert len(set(made.words.tolist())) == len(set(words))
