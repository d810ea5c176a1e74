"""The byte characters: those of the tokenizers library, in the order its trainer gives them ids."""

from tokenizers import pre_tokenizers

from fairseq_hebrew.preprocess.bpe.alphabet import FIRST_MERGE, byte_characters, byte_ids
from tests.preprocess.bpe.samples import train_huggingface


def test_each_byte_is_written_as_the_library_writes_it():
    assert sorted(byte_characters()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    written = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for text in map(chr, [*range(0xD800), *range(0xFFFF, 0x10FFFF, 0xFFF)]):
        ((word, _),) = written.pre_tokenize_str(text)
        assert word == "".join(byte_characters()[byte] for byte in text.encode())


def test_ids_are_those_of_the_library():
    vocabulary = train_huggingface([""], 256).get_vocab()
    assert len(vocabulary) == FIRST_MERGE
    assert [vocabulary[character] for character in byte_characters()] == byte_ids().tolist()
