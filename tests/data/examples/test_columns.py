"""Columns of words and tags: schemes, columns, comments, several tags a word, and what is wrong in them."""

import logging

import pytest

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.data.examples import read_file
from fairseq_hebrew.stage.errors import UserError

LABELS = {"PER": "PER", "ORG": "ORG", "TTL": "TTL"}


def described(**keys):
    return TokenClassification(**{"name": "n", "files": {}, "labels": LABELS, "metric": "f1", **keys})


def read(tmp_path, text, **keys):
    path = tmp_path / "words"
    path.write_bytes(text.encode())
    return read_file(path, described(**keys))


def refused(tmp_path, text, **keys):
    with pytest.raises(UserError) as raised:
        read(tmp_path, text, **keys)
    told = str(raised.value)
    assert told.startswith(f"{tmp_path / 'words'}") and "\n" not in told
    return told.removeprefix(f"{tmp_path / 'words'}")


@pytest.mark.parametrize(
    ("scheme", "given", "read_as"),
    [
        ("bio", "B-PER I-PER O B-ORG B-ORG", "B-PER I-PER O B-ORG B-ORG"),
        ("bioes", "B-PER I-PER E-PER S-ORG O", "B-PER I-PER E-PER S-ORG O"),
        ("bmes", "B-PER M-PER E-PER S-ORG O", "B-PER I-PER E-PER S-ORG O"),
    ],
)
def test_schemes(tmp_path, scheme, given, read_as):
    text = "".join(f"מילה{i} {tag}\n" for i, tag in enumerate(given.split()))
    (sentence,) = read(tmp_path, text, scheme=scheme)
    assert sentence.tags == read_as.split() and len(sentence.words) == 5


@pytest.mark.parametrize(("scheme", "tag"), [("bio", "S-PER"), ("bioes", "M-PER"), ("bmes", "I-PER"), ("bio", "PER")])
def test_a_tag_of_another_scheme_is_refused_whatever_is_counted(tmp_path, scheme, tag):
    told = refused(tmp_path, f"דנה O\nרצה {tag}\n", scheme=scheme, unknown_labels="count", broken_tags="count")
    assert told.startswith(f":2: tag {tag!r} is not of scheme {scheme} with the labels PER, ORG, TTL")


def test_any_number_of_columns_by_white_space_or_tab(tmp_path):
    conll = "1 דנה NOUN S-PER _\n2 רצה VERB O _\n"
    for keys in ({"word_column": 2, "tag_column": 4}, {"word_column": -4, "tag_column": -2}):
        (sentence,) = read(tmp_path, conll, **keys)
        assert (sentence.words, sentence.tags) == (["דנה", "רצה"], ["S-PER", "O"])
    tabs = "בת ים\t\tS-ORG\r\nהיא\tx\tO\r\n"  # a word with a blank, an empty column, CRLF
    (sentence,) = read(tmp_path, tabs, separator="tab", word_column=1, tag_column=-1)
    assert (sentence.words, sentence.tags) == (["בת ים", "היא"], ["S-ORG", "O"])
    (sentence,) = read(tmp_path, "ה 60\tO\n", separator="tab")
    assert sentence.words == ["ה 60"]


@pytest.mark.parametrize(
    ("text", "keys", "told"),
    [
        ("א x O\nב O\n", {"word_column": 1, "tag_column": 3}, ":2: 2 columns, the first line has 3"),
        ("א O\n", {"word_column": 1, "tag_column": 3}, ":1: 2 columns, where word_column is 1 and tag_column 3"),
        ("א x O\nב y z O\n", {"word_column": 1, "tag_column": -1}, ":2: 4 columns, the first line has 3"),
        ("א\tx\tO\n", {"separator": "tab"}, ":1: expected `word tag`"),
        ("\tO\n", {"separator": "tab"}, ":1: the word is empty"),
        ("א\t\tx\n", {"separator": "tab", "word_column": 1, "tag_column": 2}, ":1: the tag is empty"),
    ],
)
def test_lines_with_other_columns(tmp_path, text, keys, told):
    assert refused(tmp_path, text, **keys).startswith(told)


def test_comments_on_request_are_told_and_never_a_word(tmp_path, caplog):
    text = "# text = דנה\nדנה S-PER\n\n# ועוד\nרצה O\n"
    first, second = read(tmp_path, text, comments="# ")
    assert (first.line, second.line) == (2, 5)
    assert "2 comment lines are no words (the first: line 1)" in caplog.text
    assert refused(tmp_path, text).startswith(":1: tag 'דנה' is not of scheme")
    told = refused(tmp_path, "דנה S-PER\n# O\n", comments="#")
    assert told.startswith(":2: '# O' is a comment and a tagged word")


def test_several_tags_a_word(tmp_path, caplog):
    nested = "חברת\tB-TTL\nה\tB-ORG|I-TTL\nכנסת\tE-TTL|E-ORG\nזנדברג\tS-PER\n"
    keys = {"separator": "tab", "tags_between": "|"}
    told = refused(tmp_path, nested, **keys)
    assert told.startswith(":2: ORG 'ה כנסת' overlaps TTL 'חברת ה כנסת'") and "`overlaps: longest`" in told
    (sentence,) = read(tmp_path, nested, **keys, overlaps="longest")
    assert sentence.tags == ["B-TTL", "I-TTL", "E-TTL", "S-PER"]
    assert "1 entities that overlap a longer one are left out (the first: line 2)" in caplog.text


def test_entities_of_one_type_within_one_another_and_broken_ones(tmp_path, caplog):
    keys = {"separator": "tab", "tags_between": "|", "overlaps": "longest"}
    (sentence,) = read(tmp_path, "א\tB-ORG\nב\tI-ORG|B-ORG\nג\tE-ORG|E-ORG\n", **keys)
    assert sentence.tags == ["B-ORG", "I-ORG", "E-ORG"]
    (sentence,) = read(tmp_path, "א\tB-ORG\nב\tI-ORG|B-PER\nג\tI-PER\nד\tB-PER\n", **keys, scheme="bio")
    assert sentence.tags == ["B-ORG", "I-ORG", "O", "B-PER"]
    broken = "א\tB-ORG|S-PER\nב\tE-TTL\n"
    assert refused(tmp_path, broken, **keys).startswith(":1: B-ORG is of no whole entity")
    caplog.clear()
    (sentence,) = read(tmp_path, broken, **keys, broken_tags="count")
    assert sentence.tags == ["S-PER", "O"] and "2 tags that are of no whole entity are O" in caplog.text


@pytest.mark.parametrize(
    ("scheme", "tags", "told"),
    [
        ("bio", "O I-PER", ":2: broken tags: I-PER after O"),
        ("bio", "B-ORG I-PER", ":2: broken tags: I-PER after B-ORG"),
        ("bioes", "I-PER E-PER", ":1: broken tags: I-PER after the beginning"),
        ("bioes", "B-PER", ":1: broken tags: the end of the sentence after B-PER"),
        ("bioes", "B-PER O", ":2: broken tags: O after B-PER"),
        ("bioes", "B-PER E-ORG", ":2: broken tags: E-ORG after B-PER"),
        ("bioes", "S-PER E-PER", ":2: broken tags: E-PER after S-PER"),
    ],
)
def test_broken_tags_are_refused_or_counted(tmp_path, scheme, tags, told, caplog):
    text = "".join(f"מילה {tag}\n" for tag in tags.split())
    found = refused(tmp_path, text, scheme=scheme)
    assert found.startswith(told) and "`broken_tags: count`" in found
    (sentence,) = read(tmp_path, text, scheme=scheme, broken_tags="count")
    assert sentence.tags == tags.split() and "broken places in the order of the tags" in caplog.text


def test_unknown_labels_are_refused_or_o(tmp_path, caplog):
    text = "א B-ANG\nב E-ANG\nג S-PER\n"
    assert "`unknown_labels: count`" in refused(tmp_path, text)
    (sentence,) = read(tmp_path, text, unknown_labels="count")
    assert sentence.tags == ["O", "O", "S-PER"]
    assert "2 tags or spans of the unknown label ANG are O (the first: line 1)" in caplog.text


def test_encodings(tmp_path):
    path = tmp_path / "words"
    path.write_bytes("דנה S-PER\n".encode("utf-16"))
    with pytest.raises(UserError, match="UTF-16, not UTF-8"):
        read_file(path, described())
    path.write_bytes("דנה S-PER\n".encode() + "רצה O\n".encode("windows-1255"))
    with pytest.raises(UserError, match=":2: invalid UTF-8"):
        read_file(path, described())


def test_what_was_read_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    read(tmp_path, "א S-PER\nב B-PER\nג E-PER\n\nד O\n")
    assert "2 sentences, 2 mentions (PER 2, ORG 0, TTL 0)" in caplog.text
