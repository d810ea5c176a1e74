"""The back end for tokenizers of another origin: the library's ids, offsets into the text as it was, no specials."""

import json

import pytest
from tokenizers import Tokenizer

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.huggingface import HuggingFace
from fairseq_hebrew.text.tokenizer import open_tokenizer
from tests.text.foreign import KINDS, TEXTS, demo_lines, model_folder, real_lines, write_json


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("model") / request.param, request.param)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A function that gives a folder of a kind."""
    return lambda kind: model_folder(tmp_path_factory.mktemp("model"), kind)


def test_the_back_end_and_where_its_specials_stand(folder):
    tokenizer = open_tokenizer(folder)
    assert type(tokenizer) is HuggingFace
    ids = tokenizer.specials.ids
    assert len(set(ids)) == 5 and max(ids) < tokenizer.size
    names = {i: token for token, i in tokenizer.tokens.items()}
    told = [names[i].strip("[]<|>").lower() for i in ids]
    assert (told[0], told[2]) in (("cls", "sep"), ("s", "/s"), ("begin", "end"))
    assert told[1] == "pad" and told[3:] == ["unk", "mask"]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_text_makes_a_special(folder, text):
    tokenizer = open_tokenizer(folder)
    (ids,) = tokenizer.encode_batch([text])
    assert not set(ids) & (set(tokenizer.specials.ids) - {tokenizer.specials.unk})
    for token in tokenizer.tokens:
        if token[:1] + token[-1:] in ("[]", "<>") and len(token) > 2:
            assert not set(tokenizer.encode_batch([token])[0]) & (
                set(tokenizer.specials.ids) - {tokenizer.specials.unk}
            )


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_offsets_are_those_of_the_text_as_it_was(folder, text):
    tokenizer = open_tokenizer(folder)
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert list(ids) == list(tokenizer.encode_batch([text])[0]) and len(ids) == len(offsets)
    assert all(0 <= begin <= end <= len(text) for begin, end in offsets)
    assert [begin for begin, _ in offsets] == sorted(begin for begin, _ in offsets)
    covered = {i for begin, end in offsets for i in range(begin, end)}
    lost = "".join(sign for i, sign in enumerate(text) if i not in covered)
    # Blanks, and what BERT takes for a control character.
    assert not lost.strip(" \t\xa0\u2028\x00\x01\x1f\u200f"), repr(lost)


def test_offsets_of_text_that_a_normalizer_changes(made):
    text = "הַיְלָדִים ראו את É ואת e\u0301."
    for kind in ("wordpiece", "wordpiece-cased", "unigram", "modern-bpe"):
        tokenizer = open_tokenizer(made(kind))
        _, offsets = tokenizer.encode_with_offsets(text)
        for word in text.removesuffix(".").split():
            begin = text.index(word)
            within = [(a, b) for a, b in offsets if a < begin + len(word) and b > begin]
            # The blank before a word is a part of the first piece of some.
            assert within[0][0] in (begin, begin - 1) and max(b for _, b in within) == begin + len(word), (kind, word)


def test_ids_are_the_librarys(folder):
    tokenizer = open_tokenizer(folder)
    if not (folder / "tokenizer.json").exists():
        pytest.skip("no tokenizer.json to compare with: transformers reads these files, see tests/hub")
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
    lines = [*demo_lines(), *real_lines()]
    assert tokenizer.encode_batch(lines) == [item.ids for item in plain.encode_batch(lines, add_special_tokens=False)]
    assert sum(map(len, tokenizer.encode_batch(lines))) > 10_000


def test_a_batch_gives_what_each_text_gives(folder):
    tokenizer = open_tokenizer(folder)
    assert tokenizer.encode_batch(TEXTS) == [tokenizer.encode_batch([text])[0] for text in TEXTS]
    assert tokenizer.encode_batch([]) == []


def test_words_with_what_stands_before_them_make_the_text(folder):
    tokenizer = open_tokenizer(folder)
    words = ["הילדים", "הלכו", "אל", "הבית", "הגדול", "שבקצה", "הרחוב"]
    parts = [words[0], *(tokenizer.before_word + word for word in words[1:])]
    whole = tokenizer.encode_batch([" ".join(words)])[0]
    assert [i for ids in tokenizer.encode_batch(parts) for i in ids] == whole


def test_decoding_leaves_specials_out(folder):
    tokenizer = open_tokenizer(folder)
    text = "שלום לכל הילדים"
    (ids,) = tokenizer.encode_batch([text])
    assert tokenizer.decode([tokenizer.specials.bos, *ids, tokenizer.specials.mask]) == text
    assert tokenizer.decode(list(tokenizer.specials.ids)) == ""


def test_an_entry_added_as_ordinary_text_is_found_in_it(made):
    tokenizer = open_tokenizer(made("modern-bpe"))
    (ids,) = tokenizer.encode_batch(["טלפון |||PHONE|||"])
    assert ids[-1] == tokenizer.tokens["|||PHONE|||"]


DAMAGE = {
    "no model": lambda content: content.pop("model"),
    "entries are no tokens": lambda content: content["model"].update(vocab=[1, 2]),
    "an id is no number": lambda content: content["model"]["vocab"].update(a="7"),
    "an id is below 0": lambda content: content["model"]["vocab"].update(a=-7),
    "two of one id": lambda content: content["model"]["vocab"].update(zzz=1),
    "no entries": lambda content: (content["model"].update(vocab={}), content.update(added_tokens=[])),
    "a merge of nothing": lambda content: content["model"]["merges"].append(["zz", "yy"]),
    "an added token without a name": lambda content: content["added_tokens"].append({"id": 3}),
    "an added token of another id": lambda content: content["added_tokens"][-1].update(id=5000),
    "an unknown normalizer": lambda content: content.update(normalizer={"type": "Nothing"}),
    "unknown text has no entry": lambda content: content["model"].update(unk_token="<none>"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_one_clear_line(made, damage):
    folder = made("modern-bpe")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    DAMAGE[damage](content)
    write_json(folder / "tokenizer.json", content)
    with pytest.raises(UserError, match=r"tokenizer\.json: ") as error:
        open_tokenizer(folder)
    assert "\n" not in str(error.value)


def test_unigram_without_an_entry_for_the_unknown(made):
    folder = made("unigram")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    for wrong in (None, 701, -1, "3"):
        content["model"]["unk_id"] = wrong
        write_json(folder / "tokenizer.json", content)
        with pytest.raises(UserError, match="no entry for what it cannot write"):
            open_tokenizer(folder)
