"""Pairs as batches: what stands where, what is cut, what is drawn, and which passages answer which query."""

import numpy as np
import pytest

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import Pair, PairSet
from fairseq_hebrew.data.examples.pairs import _sizes
from fairseq_hebrew.data.examples.relevance import Relevance, identity
from fairseq_hebrew.data.labelled import PairDataset, PairSamples
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
    assert [text_of(vocabulary, row) for row in batch["passages"]["src_tokens"]] == rows
    assert batch["passage_ids"].tolist() == [identity(text) for text in rows]
    assert batch["owners"].tolist() == [0, 1, 2, 0, 0, 1]
    assert batch["query_ids"].tolist() == [identity(pair.query) for pair in PAIRS]
    # The first and the last pair have one query: both passages answer it.
    both = {identity(PAIRS[0].positive), identity(PAIRS[2].positive)}
    assert [set(row) for row in batch["relevant"].tolist()] == [both, {identity(PAIRS[1].positive)}, both]
    assert batch["nsentences"] == 3 and batch["split"] == "train" and batch["id"].tolist() == [0, 1, 2]
    for part in (batch["net_input"], batch["passages"]):
        assert part["src_tokens"].ne(PAD).sum(1).tolist() == part["src_lengths"].tolist()
    assert batch["ntokens"] == sum(int(batch[k]["src_lengths"].sum()) for k in ("net_input", "passages"))
    assert dataset.collater([]) == {}


def test_negatives_are_drawn_anew_every_epoch(vocabulary):
    pairs = [Pair("א", "ב", tuple(f"שלילי {i}" for i in range(9))), Pair("א", "ב", ("אחד",))]
    dataset = PairDataset(pair_set(pairs), maker(vocabulary), PAD, 1, "train", negatives=2)
    drawn = set()
    for epoch in range(1, 12):
        dataset.set_epoch(epoch)
        item = dataset[0]
        assert item["passage_ids"] == dataset[0]["passage_ids"]
        assert item["passage_ids"][0] == identity("ב") and len(set(item["passage_ids"])) == 3
        drawn |= set(item["passage_ids"][1:])
    assert len(drawn) > 5 and len(dataset[1]["passage_ids"]) == 2
    batch = dataset.collater([dataset[1], dataset[0]])
    assert batch["owners"].tolist() == [0, 1, 0, 1, 1]
    none = PairDataset(pair_set(pairs), maker(vocabulary), PAD, 1, "train", negatives=0)
    assert none[0]["passage_ids"] == [identity("ב")]


def test_no_batch_has_more_tokens_than_was_reckoned(vocabulary):
    pairs = [Pair("ש" * n, "פ" * (3 * n), ("נ" * n,) * (n % 3)) for n in range(1, 40)]
    for negatives in (None, 0, 1):
        made = maker(vocabulary, max_tokens=30, max_query_tokens=12)
        dataset = PairDataset(pair_set(pairs), made, PAD, 1, "train", negatives)
        for index in range(len(dataset)):
            item = dataset[index]
            assert len(item["query"]) + sum(map(len, item["passages"])) <= dataset.num_tokens(index)
            assert max(map(len, [item["query"], *item["passages"]])) <= dataset.size(index) <= 30
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
