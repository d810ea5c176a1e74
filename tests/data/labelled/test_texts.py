"""Samples of one text and of two: what stands where, and what is cut."""

import pytest
import torch

from fairseq_hebrew.data.described.texts import SequenceClassification, SequenceRegression
from fairseq_hebrew.data.examples import LabelledText
from fairseq_hebrew.data.labelled import LabelledDataset, TextSamples, ValuedSamples
from fairseq_hebrew.data.labelled.texts import shortened
from fairseq_hebrew.text.vocabulary import Vocabulary

PAIRS = SequenceClassification(
    name="pairs", files={}, labels={"0": "no", "1": "yes"}, metric="accuracy", pair_column="b"
)
LIKE = SequenceRegression(name="like", files={}, metric="pearson")


@pytest.mark.parametrize(
    ("first", "second", "room", "kept"),
    [
        (5, 3, 8, (5, 3)),  # there is room
        (9, 3, 8, (5, 3)),  # the longer one gives
        (2, 30, 8, (2, 6)),
        (30, 30, 8, (4, 4)),
        (30, 30, 7, (4, 3)),
        (0, 30, 7, (0, 7)),
        (4, 4, 0, (0, 0)),
    ],
)
def test_the_longer_text_is_cut_first(first, second, room, kept):
    a, b = shortened(range(first), range(second), room)
    assert (list(a), list(b)) == (list(range(kept[0])), list(range(kept[1])))


def test_two_texts_stand_as_roberta_reads_them(tokenizer_dir):
    """arXiv 1907.11692 and fairseq's encode: <s> A </s> </s> B </s>."""
    vocabulary = Vocabulary(tokenizer_dir)
    maker = TextSamples(vocabulary, PAIRS, 512)
    (sample,) = maker.samples(4, LabelledText(1, "הכלב רץ", "1", "כלב זז"))
    first, second = (ids.tolist() for ids in vocabulary.encode_batch(["הכלב רץ", "כלב זז"]))
    bos, eos = vocabulary.bos, vocabulary.eos
    assert sample.tokens.tolist() == [bos, *first, eos, eos, *second, eos]
    assert int(sample.target) == 1 and sample.example == 4 and maker.cut == 0
    short = TextSamples(vocabulary, PAIRS, 9)
    (sample,) = short.samples(0, LabelledText(1, "הכלב רץ " * 20, "1", "כלב זז " * 20))
    assert len(sample.tokens) == 9 and short.cut == 1
    assert sample.tokens.tolist().count(eos) == 3


def test_numbers_are_targets_and_missing_rows_have_none(tokenizer_dir):
    maker = ValuedSamples(Vocabulary(tokenizer_dir), LIKE, 16)
    samples = [maker.samples(i, LabelledText(1, "שלום", "", None, value))[0] for i, value in enumerate((-100.0, 2.5))]
    dataset = LabelledDataset(samples, 1, seed=1)
    batch = dataset.collater([dataset[0], dataset[1]])
    assert batch["target"].dtype == torch.float32 and batch["target"].tolist() == [-100.0, 2.5]
