"""Pairs as batches: what stands where, what is cut, what is drawn, and which passages answer which query."""

import numpy as np
import pytest

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import Pair, PairSet
from fairseq_hebrew.data.examples.pairs import _sizes
from fairseq_hebrew.data.examples.relevance import Relevance, identity
from fairseq_hebrew.data.labelled import PairDataset, PairSamples
from fairseq_hebrew.data.labelled.pair_shapes import MOST_PASSAGES, passages_a_row
from fairseq_hebrew.text.vocabulary import Vocabulary

PAD = 1
PAIRS = [
    Pair("מי כתב ספר?", "דנה כתבה ספר ארוך על הים", ("יעל", "רות ישנה")),
    Pair("מי?", "דנה כתבה ספר ארוך על הים", ("ילדה קטנה הלכה",)),
    Pair("מי כתב ספר?", "ספר של דנה", ()),
]


@pytest.fixture(scope="module")
def vocabulary(tokenizer_dir):
    return Vocabulary(tokenizer_dir)


def maker(vocabulary, **keys) -> PairSamples:
    description = Retrieval(name="n", files={}, metric="mrr@10", **keys)
    return PairSamples(vocabulary, description, description.max_tokens)


def pair_set(pairs) -> PairSet:
    relevance = Relevance()
    for pair in pairs:
        relevance.add(identity(pair.query), identity(pair.positive))
    return PairSet(pairs, relevance, _sizes(pairs))


def test_the_length_of_a_pair_is_its_passages(vocabulary):
    one = maker(vocabulary, max_tokens=8, passage_prefix="passage: ")
    long = Pair("מי כתב ספר? " * 50, "דנה כתבה ספר ארוך על הים " * 9, ("יעל " * 500,))
    prefix, text = "passage: ", long.positive.strip()
    assert one.length(long) == len(vocabulary.encode_batch([prefix + text])[0]) + 2 > 50
    assert len(one.samples(0, long)[1].tokens) == 8


def names_of(item) -> list[int]:
    return [name for _, name, _ in item["passages"]]


def text_of(vocabulary, row) -> str:
    return vocabulary.decode([i for i in row.tolist() if i not in (0, 2, PAD)])


def test_texts_are_framed_prefixed_normalized_and_cut(vocabulary):
    made = maker(vocabulary, max_tokens=9, max_query_tokens=6, query_prefix="query: ")
    (query,) = made.queries(["  שָׁלוֹם   עולם"])
    assert (query.tokens[0], query.tokens[-1]) == (vocabulary.bos, vocabulary.eos) and len(query.tokens) == 6
    whole = maker(vocabulary, query_prefix="query: ").queries(["  שָׁלוֹם   עולם"])[0].tokens
    assert text_of(vocabulary, whole) == "query: שלום עולם"
    assert query.tokens[:-1].tolist() == whole[:5].tolist()
    long, short = made.passages(["אחת שתיים שלוש ארבע חמש שש", "א"])
    assert len(long.tokens) == 9 > len(short.tokens)
    assert (made.queries_cut, made.cut) == (1, 1)
    # nothing but points is left out by the normalization
    assert maker(vocabulary).passages(["\u05b0"])[0].tokens.tolist() == [0, 3, 2]


def test_a_batch(vocabulary):
    dataset = PairDataset(pair_set(PAIRS), maker(vocabulary), PAD, 1, "train")
    batch = dataset.collater([dataset[i] for i in range(3)])
    assert [text_of(vocabulary, row) for row in batch["net_input"]["src_tokens"]] == [pair.query for pair in PAIRS]
    rows = [pair.positive for pair in PAIRS] + ["יעל", "רות ישנה", "ילדה קטנה הלכה"]
    assert [text_of(vocabulary, row) for row in batch["passages"]] == rows
    assert batch["passage_ids"].tolist() == [identity(text) for text in rows]
    assert batch["passage_places"].tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [0, 2], [1, 1]]
    assert batch["query_pairs"].tolist() == [0, 1, 2] and batch["own_step"] == 1
    assert batch["query_ids"].tolist() == [identity(pair.query) for pair in PAIRS]
    # The first and the last pair have one query: both passages answer it.
    both = {identity(PAIRS[0].positive), identity(PAIRS[2].positive)}
    assert [set(row) for row in batch["relevant"].tolist()] == [both, {identity(PAIRS[1].positive)}, both]
    assert batch["nsentences"] == 3 and batch["split"] == "train" and batch["id"].tolist() == [0, 1, 2]
    queries = batch["net_input"]
    assert queries["src_tokens"].ne(PAD).sum(1).tolist() == queries["src_lengths"].tolist()
    assert batch["ntokens"] == sum(int(tokens.ne(PAD).sum()) for tokens in (queries["src_tokens"], batch["passages"]))
    assert dataset.collater([]) == {}


def test_negatives_are_drawn_anew_every_epoch(vocabulary):
    pairs = [Pair("א", "ב", tuple(f"שלילי {i}" for i in range(9))), Pair("א", "ב", ("אחד",))]
    dataset = PairDataset(pair_set(pairs), maker(vocabulary), PAD, 1, "train", negatives=2)
    drawn = set()
    for epoch in range(1, 12):
        dataset.set_epoch(epoch)
        item = dataset[0]
        names = names_of(item)
        assert names == names_of(dataset[0]) and names[0] == identity("ב") and len(set(names)) == 3
        drawn |= set(names[1:])
    assert len(drawn) > 5 and len(names_of(dataset[1])) == 2
    batch = dataset.collater([dataset[1], dataset[0]])
    assert batch["passage_places"].tolist() == [[1, 0], [0, 0], [1, 1], [0, 1], [0, 2]]
    none = PairDataset(pair_set(pairs), maker(vocabulary), PAD, 1, "train", negatives=0)
    assert names_of(none[0]) == [identity("ב")]


def test_no_batch_has_more_tokens_than_was_reckoned(vocabulary):
    pairs = [Pair("ש" * n, "פ" * (3 * n), ("נ" * n,) * (n % 3)) for n in range(1, 40)]
    for negatives in (None, 0, 1):
        made = maker(vocabulary, max_tokens=30, max_query_tokens=12)
        dataset = PairDataset(pair_set(pairs), made, PAD, 1, "train", negatives)
        for index in range(len(dataset)):
            item = dataset[index]
            texts = [item["query"], *(tokens for tokens, _, _ in item["passages"])]
            assert sum(map(len, texts)) <= dataset.num_tokens(index)
            assert max(map(len, texts)) <= dataset.size(index) <= 30
        reckoned = dataset.num_tokens_vec(np.arange(len(dataset)))
        for batch in dataset.batch_by_size(dataset.ordered_indices(), max_tokens=300):
            assert sum(reckoned[i] for i in batch) <= 300


def test_the_order_is_another_every_epoch_and_everything_is_in_it(vocabulary):
    dataset = PairDataset(pair_set(PAIRS * 9), maker(vocabulary), PAD, 3)
    orders = []
    for epoch in (1, 2, 1):
        dataset.set_epoch(epoch)
        orders.append(dataset.ordered_indices().tolist())
    assert orders[0] == orders[2] != orders[1] and sorted(orders[1]) == list(range(27))


def fixed(vocabulary, pairs, negatives=None, **keys) -> PairDataset:
    made = maker(vocabulary, max_tokens=12, max_query_tokens=6, **keys)
    return PairDataset(pair_set(pairs), made, PAD, 1, "train", negatives, fixed_shapes=True)


def batches(dataset, **limits) -> list[dict]:
    made = dataset.batch_by_size(dataset.ordered_indices(), **limits)
    return [dataset.collater([dataset[i] for i in indices]) for indices in made]


def shapes(batch) -> dict:
    tensors = {**batch, **batch["net_input"]}
    return {name: (tuple(value.shape), value.dtype) for name, value in tensors.items() if hasattr(value, "shape")}


def test_batches_of_one_shape_for_training(vocabulary):
    dataset = fixed(vocabulary, PAIRS, negatives=1)
    one, other = batches(dataset, max_sentences=2)
    assert shapes(one) == shapes(other)
    assert one["net_input"]["src_tokens"].shape == (2, 6) and one["passages"].shape == (4, 12)
    assert one["relevant"].shape == (2, 2) and (one["own_step"], one["nsentences"], other["nsentences"]) == (2, 2, 1)
    rows = {}
    for batch in (one, other):
        assert batch["query_pairs"].tolist() == batch["id"].tolist()
        for row, number in enumerate(batch["id"].tolist()):
            passages = slice(2 * row, 2 * row + 2)
            rows[number] = (batch["passage_places"][passages].tolist(), batch["passage_ids"][passages].tolist())
            for tokens, place in zip(batch["passages"][passages], batch["passage_places"][passages]):
                assert tokens.ne(PAD).any() == (place[0] >= 0)
    assert rows[1] == ([[1, 0], [1, 1]], [identity(PAIRS[1].positive), identity("ילדה קטנה הלכה")])
    assert rows[2] == ([[2, 0], [-1, -1]], [identity("ספר של דנה"), 0])
    assert rows[-1] == ([[-1, -1]] * 2, [0, 0]) and other["net_input"]["src_tokens"][1].eq(PAD).all()
    for batch in (one, other):
        tokens = (batch["net_input"]["src_tokens"], batch["passages"])
        assert batch["ntokens"] == sum(int(part.ne(PAD).sum()) for part in tokens)


def test_what_does_not_fit_in_a_row_has_rows_of_its_own(vocabulary):
    """Validation: each query is asked once, each passage stands in one place."""
    many = [Pair(f"שאלה {n}", f"תשובה {n}", tuple(f"שלילי {n} {i}" for i in range(n % 4 * 5))) for n in range(9)]
    dataset = fixed(vocabulary, many)
    each = dataset.shapes.passages
    made = batches(dataset, max_sentences=4)
    assert len({str(shapes(batch)) for batch in made}) == 1 and made[0]["passages"].size(0) == 4 * each
    asked = [number for batch in made for number in batch["query_pairs"].tolist() if number >= 0]
    assert sorted(asked) == list(range(9)) and sum(batch["nsentences"] for batch in made) == 9
    found = {}
    for batch in made:
        for name, place in zip(batch["passage_ids"].tolist(), batch["passage_places"].tolist()):
            if place[0] >= 0:
                assert tuple(place) not in found
                found[tuple(place)] = name
    texts = {(n, i): text for n, pair in enumerate(many) for i, text in enumerate((pair.positive, *pair.negatives))}
    assert found == {place: identity(text) for place, text in texts.items()}
    for batch in made:  # the own passage of a query that is asked is where the loss looks for it
        for row, number in enumerate(batch["query_pairs"].tolist()):
            if number >= 0:
                assert batch["passage_places"][row * each].tolist() == [number, 0]


def test_how_many_passages_a_row_has():
    # 9 of one and one of 100: rows of one take 109 x (6 + 12) tokens, of 2 59 x 30, of 3 43 x 42
    assert passages_a_row(np.array([1] * 9 + [100]), 6, 12) == 2
    assert passages_a_row(np.array([1] * 900 + [100]), 6, 12) == 1
    assert passages_a_row(np.array([3, 3, 3]), 6, 12) == 3
    assert passages_a_row(np.array([96, 96]), 6, 12) == MOST_PASSAGES


def test_hosts_share_batches_of_one_shape_and_an_empty_one_has_it_too(vocabulary):
    dataset = fixed(vocabulary, PAIRS * 3, negatives=0)
    dataset.shapes.spread(2, 1)
    made = batches(dataset, max_sentences=3)
    assert [batch["nsentences"] for batch in made] == [3, 3, 3, 0]
    empty = dataset.empty_batch(made[0])
    for batch in (made[3], empty):
        assert shapes(batch) == shapes(made[0]) and batch.keys() == made[0].keys()
        assert batch["query_pairs"].eq(-1).all() and batch["passage_places"].eq(-1).all()
        assert batch["passages"].eq(PAD).all() and batch["ntokens"] == batch["nsentences"] == 0


def test_max_tokens_hold_whole_rows(vocabulary):
    dataset = fixed(vocabulary, PAIRS, negatives=1)  # a row is 6 + 2 x 12
    assert [len(batch["id"]) for batch in batches(dataset, max_tokens=89)] == [2, 2]
