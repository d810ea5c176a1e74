from dataclasses import replace

import pytest
import torch

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.data.described.texts import SequenceClassification, SequenceRegression
from fairseq_hebrew.data.examples import LabelledText, TaggedSentence
from fairseq_hebrew.data.fixed_shapes import FixedShapes
from fairseq_hebrew.data.labelled import IGNORE, LabelledDataset, TextSamples, ValuedSamples, WordSamples
from fairseq_hebrew.text.split import split_words
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


def test_words_of_running_text_have_its_pieces_also_where_these_cut_inside_a_letter(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    text = "דנה, מבית-לחם (שָׁלוֹם) 🙂👩‍🚀! 𝕏..."
    offsets = split_words(text)
    words = [text[begin:end] for begin, end in offsets]
    sentence = TaggedSentence(1, words, ["O"] * len(words), text, offsets)
    (sample,) = WordSamples(vocabulary, replace(NER, normalize=False), 512).samples(0, sentence)
    assert vocabulary.decode(sample.tokens[1:-1].tolist()) == text
    for number, (begin, _) in enumerate(offsets):
        rest = vocabulary.decode(sample.tokens[sample.positions[number] : -1].tolist())
        assert rest.lstrip() == text[begin:]
    # One letter that is several pieces: its word has its label at the first, and the next word at its own.
    letter = words.index("𝕏")
    assert sample.positions[letter + 1] - sample.positions[letter] > 1 and len(words[letter]) == 1


def test_windows_share_context_that_has_no_label(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    words = ["בית"] * 20
    size = len(vocabulary.encode_batch([" בית"])[0])
    maker = WordSamples(vocabulary, NER, 2 + 8 * size, overlap=4, word_starts=True)
    samples = maker.samples(5, TaggedSentence(1, words, ["S-PER"] * 20))
    assert [s.first_word for s in samples] == [0, 6, 10, 14] and maker.cut == 1
    assert [len(s.positions) for s in samples] == [6, 4, 4, 6]
    for sample in samples:
        assert sample.example_words == 20 and len(sample.tokens) == 2 + 8 * size
        labelled = (sample.target != IGNORE).nonzero().flatten().tolist()
        assert labelled == list(sample.positions)
        starts = sample.word_starts.tolist()
        assert starts[0] == 0 and starts[-1] == len(starts) - 1
        assert starts[1:-1] == [1 + i // size * size for i in range(8 * size)]


def test_batches_say_which_pieces_are_a_word_and_which_windows_a_sentence(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    maker = WordSamples(vocabulary, NER, 16, overlap=2, word_starts=True)
    samples = [s for i in (0, 1) for s in maker.samples(i, TaggedSentence(1, WORDS[: 6 + 6 * i], ["O"] * (6 + 6 * i)))]
    datasets = [LabelledDataset(samples, vocabulary.pad, 1, FixedShapes([16])) for _ in range(2)]
    datasets[0].batch_by_size(datasets[0].ordered_indices(), max_sentences=len(samples) + 1)
    batch = datasets[0].collater([datasets[0][i] for i in range(len(samples))])
    starts, windows = batch["net_input"]["word_starts"], batch["windows"]
    assert starts.shape == batch["target"].shape == (len(samples) + 1, 16)
    assert starts[-1].tolist() == list(range(16)) and windows[-1].tolist() == [-1, 0, 0]
    for row, window, sample in zip(starts, windows.tolist(), samples):
        length = len(sample.tokens)
        assert row[:length].tolist() == sample.word_starts.tolist() and row[length:].tolist() == list(range(length, 16))
        assert window[1:] == [sample.first_word, sample.example_words]
    examples = windows[:-1, 0].tolist()
    assert len(set(examples)) == 2 and [e - examples[0] for e in examples] == [s.example for s in samples]
    other = datasets[1].collater([datasets[1][i] for i in range(len(samples))])["windows"]
    assert not set(other[:, 0].tolist()) & set(examples)


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


def test_hosts_read_batches_of_one_length_and_those_that_lack_one_an_empty_one(tokenizer_dir):
    """Of two hosts: 3 batches of the first length become 4, and there are 2 of the second."""
    vocabulary = Vocabulary(tokenizer_dir)
    maker = WordSamples(vocabulary, NER, 64, word_starts=True)
    words = [1] * 9 + [20] * 5
    samples = [maker.samples(i, TaggedSentence(1, ["א"] * n, ["O"] * n))[0] for i, n in enumerate(words)]
    dataset = LabelledDataset(samples, vocabulary.pad, seed=1, shapes=FixedShapes([16, 64]))
    dataset.shapes.spread(2, 1)
    indices = dataset.batch_by_size(dataset.ordered_indices(), max_sentences=4)
    batches = [dataset.collater([dataset[i] for i in batch]) for batch in indices]
    shapes = [tuple(batch["net_input"]["src_tokens"].shape) for batch in batches]
    assert shapes == [(4, 16)] * 4 + [(4, 64)] * 2
    (nothing,) = [batch for batch in batches if batch["nsentences"] == 0]
    assert nothing["id"].tolist() == [-1] * 4 and nothing["ntokens"] == 0
    assert nothing["net_input"]["src_tokens"].eq(vocabulary.pad).all() and nothing["target"].eq(IGNORE).all()
    assert nothing["windows"].tolist() == [[-1, 0, 0]] * 4
    same = dataset.empty_batch(batches[0])
    assert same.keys() == nothing.keys() == batches[0].keys() and nothing["net_input"]["word_starts"].shape == (4, 16)
    for name in ("id", "target", "windows"):
        assert torch.equal(same[name], nothing[name])


def test_an_empty_row_of_numbers_has_none(tokenizer_dir):
    """Not -100, which might be one."""
    vocabulary = Vocabulary(tokenizer_dir)
    described = SequenceRegression(name="r", files={}, metric="pearson")
    maker = ValuedSamples(vocabulary, described, 16)
    samples = [maker.samples(i, LabelledText(1, "מילה", value=-100.0))[0] for i in range(2)]
    dataset = LabelledDataset(samples, vocabulary.pad, seed=1, shapes=FixedShapes([16]))
    (indices,) = dataset.batch_by_size(dataset.ordered_indices(), max_sentences=3)
    batch = dataset.collater([dataset[i] for i in indices])
    assert batch["target"].tolist()[:2] == [-100.0] * 2 and batch["target"].isnan().tolist() == [False, False, True]
    assert dataset.empty_batch(batch)["target"].isnan().all()
