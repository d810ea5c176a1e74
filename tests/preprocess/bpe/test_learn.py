"""From word counts to the tokenizer's files: what Hugging Face's trainer saves, and the true token counts."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from fairseq_hebrew.preprocess.bpe.alphabet import byte_characters
from fairseq_hebrew.preprocess.bpe.count import count_part
from fairseq_hebrew.preprocess.bpe.learn import learn_part, load_words
from fairseq_hebrew.preprocess.bpe.sentence_pieces import count_tokens
from fairseq_hebrew.preprocess.bpe.word_counts import Part, in_order, write_words
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import SPECIALS, dictionary_lines
from fairseq_hebrew.text.pretokenize import KINDS
from tests.preprocess.bpe.samples import CORPORA, counted, hostile, lines_of, train_huggingface


@pytest.fixture
def counts(tmp_path):
    """A function that counts a text; the file."""

    def count(text, kind="gpt2", name="text"):
        (tmp_path / f"{name}.txt").write_bytes(text.encode())
        count_part(tmp_path / f"{name}.txt", tmp_path / f"{name}.counts", kind)
        return tmp_path / f"{name}.counts"

    return count


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["handwritten", "hostile"])
def test_what_hugging_face_saves(counts, folder, kind, name):
    text = CORPORA[name]()
    learn_part([counts(text, kind)], folder, 1500, kind)
    reference = train_huggingface(lines_of(text), 1500, kind)
    assert (folder / "tokenizer.json").read_text(encoding="utf-8") == reference.to_str(pretty=True)
    assert json.loads((folder / "vocab.json").read_text(encoding="utf-8")) == reference.get_vocab()
    assert {path.name for path in folder.iterdir()} == {"tokenizer.json", "vocab.json", "merges.txt", "dict.txt"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_dictionary_has_the_counts_of_encoding_everything(counts, folder, kind):
    text = hostile(7)
    done = learn_part([counts(text, kind)], folder, 2000, kind)
    slowly = count_tokens(iter(lines_of(text)), folder, 1)
    assert (folder / "dict.txt").read_text().splitlines() == dictionary_lines(slowly)
    assert done["tokens"] == slowly.sum() and done["never_seen"] == (slowly[len(SPECIALS) :] == 0).sum()


def test_several_files_of_counts(counts, tmp_path, folder):
    text = hostile(8)
    rows = text.split("\n")
    files = [counts("\n".join(rows[i::4]), name=f"{i}") for i in range(4)]
    learn_part(files[::-1], folder, 1000)
    other = tmp_path / "other"
    other.mkdir()
    learn_part([counts("\n".join(line for i in range(4) for line in rows[i::4]))], other, 1000)
    for path in folder.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_pruning_is_reported_and_its_words_are_not_counted(counts, folder):
    text = hostile(9)
    file = counts(text)
    words = counted(lines_of(text))
    rare = {word: count for word, count in words.items() if count < 3}
    kept, dropped = load_words(file, 3)
    assert dropped == {"pruned_words": len(rare), "pruned_occurrences": sum(rare.values())}
    assert len(kept.starts) == len(words) - len(rare) and len(kept.symbols) == sum(map(len, words.keys() - rare.keys()))
    assert load_words(file)[1] == {}
    done = learn_part([file], folder, 500, prune_below=3)
    assert done["pruned_words"] == len(rare) and done["distinct_words"] == len(words)
    model = Tokenizer.from_file(str(folder / "tokenizer.json")).model
    kept = words.keys() - rare.keys()
    pieces = {word: model.tokenize("".join(byte_characters()[byte] for byte in word)) for word in kept}
    assert done["tokens"] == sum(words[word] * len(found) for word, found in pieces.items())


def test_too_little_text_is_a_clear_line(counts, folder):
    with pytest.raises(UserError, match=r"text\.counts: only 2\d\d entries can be learned .* smaller --vocab-size"):
        learn_part([counts("שלום עולם")], folder, 5000)
    assert list(folder.iterdir()) == []


def test_text_never_gives_a_special(tmp_path, folder):
    """Words another program counted, which hold the name of a special whole."""
    data = np.frombuffer(b"<s>", dtype=np.uint8).copy()
    part = Part(*(np.array([n], kind) for n, kind in ((9, np.uint64), (50, np.int64), (3, np.int64))), data)
    write_words(tmp_path / "counts", [in_order(part)], "gpt2")
    with pytest.raises(UserError, match="the merges make <s>, which is a special"):
        learn_part([tmp_path / "counts"], folder, 258)
    assert list(folder.iterdir()) == []
