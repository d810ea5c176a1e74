import pytest
import torch

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.data.described.texts import SequenceClassification
from fairseq_hebrew.data.examples import LabelledText, TaggedSentence
from fairseq_hebrew.data.fixed_shapes import FixedShapes
from fairseq_hebrew.data.labelled import IGNORE, LabelledDataset, TextSamples, WordSamples
from fairseq_hebrew.text.vocabulary import Vocabulary

NER = TokenClassification(name="ner", files={}, labels={"PER": "PER"}, metric="f1")
TEXTS = SequenceClassification(name="texts", files={}, labels={"0": "good", "1": "bad"}, metric="macro_f1")
WORDS = ['צה"ל', "הודיע", "🙂", "שָׁלוֹם", "\u200f", "א" * 50, "ג'ירפה", ",", "GPU"] * 3


def test_pieces_are_those_of_the_running_text_and_labels_stand_at_first_pieces(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    words = ["דנה", "כהן", "גרה", "בירושלים", "."]
    sentence = TaggedSentence(1, words, ["B-PER", "E-PER", "O", "O", "O"])
    (sample,) = WordSamples(vocabulary, NER, 512).samples(0, sentence)
    running = vocabulary.encode_batch([" ".join(words)])[0].tolist()
    assert sample.tokens.tolist() == [vocabulary.bos, *running, vocabulary.eos]
    labels = sample.target[sample.target != IGNORE]
    assert [NER.classes[i] for i in labels] == sentence.tags
    assert sample.target[list(sample.positions)].tolist() == labels.tolist()
    for word, position in zip(words, sample.positions):
        rest = vocabulary.decode(sample.tokens[position:].tolist())
        assert rest.lstrip().startswith(word)


def test_no_word_is_dropped_whatever_the_length(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    tags = [NER.classes[i % 5] for i in range(len(WORDS))]
    for longest in (4, 7, 16, 512):
        maker = WordSamples(vocabulary, NER, longest)
        samples = maker.samples(3, TaggedSentence(1, WORDS, tags))
        assert [NER.classes[i] for s in samples for i in s.target[s.target != IGNORE]] == tags
        assert [s.first_word for s in samples] == [
            sum(len(s.positions) for s in samples[:i]) for i in range(len(samples))
        ]
        assert all(len(s.tokens) <= longest and s.example == 3 for s in samples)
        assert maker.cut == (len(samples) > 1)


def test_text_is_normalized_as_the_corpus_was_and_cut_at_its_end(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    maker = TextSamples(vocabulary, TEXTS, 8)
    (pointed,) = maker.samples(0, LabelledText(2, "שָׁלוֹם\u200f", "1"))
    (plain,) = maker.samples(0, LabelledText(2, "שלום", "1"))
    assert pointed.tokens.tolist() == plain.tokens.tolist()
    assert int(plain.target) == 1
    (long,) = maker.samples(1, LabelledText(3, "מילה ועוד מילה " * 20, "0"))
    assert len(long.tokens) == 8 and long.tokens[-1] == vocabulary.eos and maker.cut == 1


def test_batches_pad_on_the_right_and_never_label_padding(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    maker = WordSamples(vocabulary, NER, 64)
    sentences = [TaggedSentence(1, WORDS[:n], ["O"] * n) for n in (1, 5, 3)]
    dataset = LabelledDataset([maker.samples(i, s)[0] for i, s in enumerate(sentences)], vocabulary.pad, seed=1)
    batch = dataset.collater([dataset[i] for i in range(3)])
    tokens, target = batch["net_input"]["src_tokens"], batch["target"]
    assert tokens.shape == target.shape == (3, int(dataset.sizes.max()))
    assert (target[tokens == vocabulary.pad] == IGNORE).all()
    assert batch["ntokens"] == int((tokens != vocabulary.pad).sum()) == int(dataset.sizes.sum())
    assert torch.equal(batch["net_input"]["src_lengths"], torch.tensor(dataset.sizes))


@pytest.mark.parametrize("description", [NER, TEXTS], ids=["tagged", "texts"])
def test_batches_of_fixed_shapes(tokenizer_dir, description):
    """Every example once; rows that are missing have no token and no label."""
    vocabulary = Vocabulary(tokenizer_dir)
    maker = (WordSamples if description is NER else TextSamples)(vocabulary, description, 64)
    if description is NER:
        examples = [TaggedSentence(1, WORDS[:1] * n, ["O"] * n) for n in range(1, 12)]
    else:
        examples = [LabelledText(1, "מילה " * n, "1") for n in range(1, 12)]
    samples = [maker.samples(i, example)[0] for i, example in enumerate(examples)]
    dataset = LabelledDataset(samples, vocabulary.pad, seed=1, shapes=FixedShapes([16, 64]))
    batches = [
        dataset.collater([dataset[i] for i in indices])
        for indices in dataset.batch_by_size(dataset.ordered_indices(), max_sentences=4)
    ]
    assert {tuple(batch["net_input"]["src_tokens"].shape) for batch in batches} == {(4, 16), (4, 64)}
    ids = torch.cat([batch["id"] for batch in batches])
    assert sorted(ids[ids >= 0].tolist()) == list(range(11)) and len(ids) > 11
    assert sum(batch["nsentences"] for batch in batches) == 11
    assert sum(batch["ntokens"] for batch in batches) == int(dataset.sizes.sum())
    for batch in batches:
        tokens, target, empty = batch["net_input"]["src_tokens"], batch["target"], batch["id"] < 0
        assert target.shape == (tokens.shape if description is NER else tokens.shape[:1])
        assert tokens[empty].eq(vocabulary.pad).all() and target[empty].eq(IGNORE).all()
        for row, index in zip(tokens[~empty], batch["id"][~empty].tolist()):
            assert torch.equal(row[row != vocabulary.pad], samples[index].tokens)


def test_order_changes_with_the_epoch_and_keeps_like_lengths_together(tokenizer_dir):
    maker = TextSamples(Vocabulary(tokenizer_dir), TEXTS, 64)
    texts = [LabelledText(1, "מילה " * (1 + i % 9), "0") for i in range(90)]
    dataset = LabelledDataset([maker.samples(i, t)[0] for i, t in enumerate(texts)], 1, seed=1)
    first = dataset.ordered_indices()
    dataset.set_epoch(2)
    second = dataset.ordered_indices()
    assert sorted(first) == sorted(second) == list(range(90)) and first.tolist() != second.tolist()
    assert (abs(dataset.sizes[second][1:] // 8 - dataset.sizes[second][:-1] // 8) <= 1).all()
