"""BERT's vocab.txt: each line a row, and what its options make of a Hebrew text."""

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.bert import bert_tokenizer
from fairseq_hebrew.text.tokenizer import open_tokenizer
from tests.text.foreign import VOCABS, model_folder, real_lines, write_json

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def folder_of(tmp_path, lines, **config):
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if config:
        write_json(tmp_path / "tokenizer_config.json", config)
    return tmp_path


def test_lines_are_rows_also_blank_ones_and_those_that_stand_twice(tmp_path):
    folder = folder_of(tmp_path, [*SPECIALS, "א", "", "##ב", "א", "  ", "ג", "\x1c", "\u00a0"])
    vocab = bert_tokenizer(folder / "vocab.txt", {})["model"]["vocab"]
    rows = dict(zip(SPECIALS, range(5)))
    assert vocab == {**rows, "##ב": 7, "א": 8, "ג": 10, "\x1c": 11, "\u00a0": 12}
    tokenizer = open_tokenizer(folder)
    assert tokenizer.encode_batch(["אב ג ד"]) == [[8, 7, 10, 1]] and tokenizer.size == 13


def test_line_ends_of_windows(tmp_path):
    (tmp_path / "vocab.txt").write_bytes("\r\n".join([*SPECIALS, "א", "##ב"]).encode() + b"\r\n")
    assert open_tokenizer(tmp_path).encode_batch(["אב"]) == [[5, 6]]


@pytest.mark.parametrize(
    "config, made",
    [
        ({}, "שלום e 日"),
        ({"do_lower_case": True, "strip_accents": None}, "שלום e 日"),
        ({"do_lower_case": False}, "שָׁלוֹם É 日"),
        ({"do_lower_case": False, "strip_accents": True}, "שלום E 日"),
        ({"do_lower_case": True, "strip_accents": False}, "שָׁלוֹם é 日"),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_what_the_options_take_out(tmp_path, config, made, apart):
    folder = folder_of(tmp_path, [*SPECIALS, "א"], **config, tokenize_chinese_chars=apart)
    text = open_tokenizer(folder).normalized("שָׁלוֹם É 日\x00\u200f")
    assert " ".join(text.split()) == made and ("  日 " in text) == apart


def test_options_of_the_configuration_go_before_those_of_the_file(tmp_path):
    from tokenizers import BertWordPieceTokenizer

    BertWordPieceTokenizer({**dict(zip(SPECIALS, range(5))), "א": 5}, lowercase=True).save(
        str(tmp_path / "tokenizer.json")
    )
    assert open_tokenizer(tmp_path).normalized("שָׁלוֹם É") == "שלום e"
    write_json(tmp_path / "tokenizer_config.json", {"do_lower_case": False})
    assert open_tokenizer(tmp_path).normalized("שָׁלוֹם É") == "שָׁלוֹם É"


@pytest.mark.parametrize(
    "config, said",
    [
        ({"tokenizer_class": "BertJapaneseTokenizer"}, "of a BertJapaneseTokenizer"),
        ({"do_basic_tokenize": False}, "do_basic_tokenize or never_split"),
        ({"never_split": ["א"]}, "do_basic_tokenize or never_split"),
        ({"do_lower_case": "yes"}, "do_lower_case is 'yes'"),
        ({"unk_token": "<none>"}, "lacks <none>"),
        ({"mask_token": "[MASC]"}, "mask_token is '[MASC]', which its tokenizer lacks"),
    ],
)
def test_what_cannot_be_read_as_berts_is_refused(tmp_path, config, said):
    with pytest.raises(UserError) as error:
        open_tokenizer(folder_of(tmp_path, [*SPECIALS, "א"], **config))
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", "א\n".encode()])
def test_a_damaged_vocabulary_is_one_clear_line(tmp_path, content):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"vocab\.txt: ") as error:
        open_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


def test_the_class_may_be_named_with_or_without_fast(tmp_path):
    for name in ("BertTokenizer", "BertTokenizerFast", "ElectraTokenizerFast", "PreTrainedTokenizerFast"):
        assert open_tokenizer(folder_of(tmp_path, [*SPECIALS, "א"], tokenizer_class=name)).size == 6


@pytest.mark.parametrize(
    "name, size, unknown",
    [("alephbert-base", 52_000, 1), ("alephbertgimmel", 128_000, 0), ("mbert_multi_cased", 119_547, 100)],
)
def test_published_vocabularies(tmp_path, name, size, unknown):
    path = VOCABS / f"{name}_vocab.txt"
    if not path.exists():
        pytest.skip("the folder shared/ with published vocabularies is not beside the project")
    (tmp_path / "vocab.txt").symlink_to(path)
    tokenizer = open_tokenizer(tmp_path)
    assert tokenizer.size == size and tokenizer.specials.unk == unknown
    ids = [i for ids in tokenizer.encode_batch(real_lines()) for i in ids]
    # A vocabulary made for Hebrew knows nearly all of it.
    assert len(ids) > 10_000 and ids.count(unknown) < 0.01 * len(ids)


def test_a_folder_for_its_tokenizer_alone_needs_no_configuration(tmp_path):
    assert open_tokenizer(model_folder(tmp_path, "wordpiece")).specials.ids == (101, 0, 102, 100, 103)
