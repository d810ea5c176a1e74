"""Tokenizer back ends: what text becomes, and where each piece of it stands."""

import random

import pytest

from fairseq_hebrew.preprocess import train_bpe
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import SPECIALS
from fairseq_hebrew.text.tokenizer import open_tokenizer

WORDS = ["שלום", "עולם", "ילד", "ילדה", "הלך", "הלכה", "הבית", "הגדול", "וראה", "ספרים", "רבים", "השולחן", "אחרי"]
HOSTILE = [
    "",
    " ",
    "שלום עולם",
    "  שני רווחים  ובסוף ",
    "<s> </s> <pad> <unk> <mask> <0x41> ▁ ",
    "שָׁלוֹם 😀 👨‍👩‍👧 עוֹלָם",
    "א\tב\u00a0ג\u200fד",
    "\x00\x01א",
    "日本語 Ελληνικά 𝔸 é e\u0301",
    "1234567890 " * 3,
    "צה\"ל ג'ירפה ארה״ב",
    "א" * 300,
]


@pytest.fixture(scope="module", params=["bpe", "sentencepiece-bpe", "sentencepiece-unigram"])
def folder(request, tmp_path_factory):
    """A tokenizer of each kind, learned from a few hundred sentences."""
    choice = random.Random(1)
    text = tmp_path_factory.mktemp("text") / "train.txt"
    lines = [" ".join(choice.choices(WORDS, k=8)) + choice.choice(".!?") for _ in range(800)]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = text.parent / request.param
    size = 330 if request.param == "sentencepiece-bpe" else 290
    train_bpe.train_bpe(train_bpe.Settings(input=[text], output=output, vocab_size=size, model=request.param))
    return output


@pytest.mark.parametrize("text", HOSTILE)
def test_text_comes_back_and_never_makes_a_special(folder, text):
    tokenizer = open_tokenizer(folder)
    ids = tokenizer.encode_batch([text])[0]
    assert all(len(SPECIALS) <= i < tokenizer.size for i in ids)
    expected = text.replace("▁", " ") if "sentencepiece" in folder.name else text
    assert tokenizer.decode(ids) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_offsets_cover_the_text_without_a_gap(folder, text):
    tokenizer = open_tokenizer(folder)
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert list(ids) == list(tokenizer.encode_batch([text])[0]) and len(ids) == len(offsets)
    reached = 0
    for begin, end in offsets:
        # A piece goes on where the last one ended, or shares its letter.
        assert begin <= reached <= end and begin < end, (text, offsets)
        reached = end
    assert reached == len(text)


def test_offsets_of_words_are_their_letters(folder):
    tokenizer = open_tokenizer(folder)
    text = "הילדה 😀 הלכה"
    ids, offsets = tokenizer.encode_with_offsets(text)
    emoji = [i for i, (begin, end) in zip(ids, offsets) if (begin, end) == (6, 7)]
    assert len(emoji) == 4, "byte by byte"
    whole = [(i, span) for i, span in zip(ids, offsets) if span[1] - span[0] > 1]
    for i, (begin, end) in whole:
        # A byte-level piece may begin or end inside a letter.
        assert tokenizer.decode([i]).strip(" \ufffd") in text[begin:end]


def test_a_batch_gives_what_each_text_gives(folder):
    tokenizer = open_tokenizer(folder)
    assert [list(ids) for ids in tokenizer.encode_batch(HOSTILE)] == [
        list(tokenizer.encode_batch([text])[0]) for text in HOSTILE
    ]
    assert tokenizer.encode_batch([]) == []


@pytest.mark.parametrize("name", ["tokenizer.json", "sentencepiece.model"])
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe\x00", b'{"model": '])
def test_a_damaged_model_is_one_clear_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name) as error:
        open_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


def test_a_tokenizer_without_specials_is_refused(tmp_path):
    from tokenizers import Tokenizer, models

    Tokenizer(models.BPE({"[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3}, [])).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match="names no pad_token"):
        open_tokenizer(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(UserError, match=r"no tokenizer\.json or sentencepiece\.model there"):
        open_tokenizer(tmp_path / "nowhere")
