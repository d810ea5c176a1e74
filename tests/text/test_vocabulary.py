"""A tokenizer with its dictionary: the ids a model sees."""

import numpy as np
import pytest

from fairseq_hebrew.text.dictionary import UNK
from fairseq_hebrew.text.vocabulary import Vocabulary


@pytest.fixture
def folder(tmp_path):
    """A byte-level tokenizer without merges: 260 entries; its dictionary knows all but the last one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    names = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    lines = [f"{i} {i}" for i in reversed(range(4, 259))] + ["madeupword0000 0"]
    (tmp_path / "dict.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_sizes_and_specials(folder):
    vocabulary = Vocabulary(folder)
    assert len(vocabulary) == 4 + 256 + 1
    assert (vocabulary.bos, vocabulary.pad, vocabulary.eos, vocabulary.mask) == (0, 1, 2, 260)


def test_ids_are_those_of_the_dictionary_and_come_back(folder):
    vocabulary = Vocabulary(folder)
    texts = ["שלום 😀", "", "<s>", "a b"]
    encoded = vocabulary.encode_batch(texts)
    for text, ids in zip(texts, encoded):
        raw = vocabulary.tokenizer.encode_batch([text])[0]
        assert ids.dtype == np.int32 and ids.tolist() == [4 + 258 - i for i in raw]
        assert vocabulary.decode([0, *ids, 1, 2, vocabulary.mask]) == text
        with_offsets, offsets = vocabulary.encode_with_offsets(text)
        assert with_offsets.tolist() == ids.tolist() and len(offsets) == len(ids)


def test_what_the_dictionary_lacks_is_unknown_and_filler_has_no_text(folder):
    vocabulary = Vocabulary(folder)
    assert vocabulary.table[259] == UNK
    assert vocabulary.decode([259, UNK, 260]) == ""


def test_fingerprints_tell_dictionaries_apart(folder):
    first = Vocabulary(folder).fingerprint
    other = folder / "other.txt"
    lines = (folder / "dict.txt").read_text().splitlines()
    other.write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")
    assert Vocabulary(folder, other).fingerprint != first
    other.write_text("\n".join(line.replace(" ", " 1") for line in lines) + "\n")
    assert Vocabulary(folder, other).fingerprint == first, "counts do not matter"
