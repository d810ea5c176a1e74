"""JSON lines of tagged words: spans of characters on a text, and lists of tokens."""

import json
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.data.examples import read_examples, read_file
from fairseq_hebrew.stage.errors import UserError

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
LABELS = {"PER": "PER", "ORG": "ORG", "TTL": "TTL", "GPE": "GPE"}


def read(tmp_path, records, form="spans", **keys):
    path = tmp_path / "words.jsonl"
    rows = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    values = {"name": "n", "files": {}, "labels": LABELS, "metric": "f1", "format": form, **keys}
    return read_file(path, TokenClassification(**values))


def refused(tmp_path, records, form="spans", **keys):
    with pytest.raises(UserError) as raised:
        read(tmp_path, records, form, **keys)
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(str(tmp_path / "words.jsonl"))


def test_spans_become_tags_of_words_and_offsets_are_kept(tmp_path):
    text = 'ח"כ זנדברג, בבקשה.'
    (sentence,) = read(tmp_path, [{"text": text, "label": [[4, 10, "PER"], [0, 3, "TTL"]]}])
    assert sentence.words == ['ח"כ', "זנדברג", ",", "בבקשה", "."]
    assert sentence.tags == ["S-TTL", "S-PER", "O", "O", "O"]
    assert [text[a:b] for a, b in sentence.offsets] == sentence.words and sentence.text == text
    assert [sentence.glued(i) for i in range(5)] == [False, False, True, False, True]


def test_offsets_are_of_the_text_as_it_stands(tmp_path):
    """Points, signs beyond the basic plane, joined ones, controls of direction, CRLF: code points, nothing moved."""
    text = "שָׁלוֹם 👨‍👩‍👧!\r\nגָּרָה בְּ\u200fתֵל-אָבִיב 👍🏽 \U0001d54f דנה"
    start, name = text.index("תֵל"), text.index("דנה")
    (sentence,) = read(tmp_path, [{"text": text, "label": [[start, start + 10, "GPE"], [name, name + 3, "PER"]]}])
    assert [text[a:b] for a, b in sentence.offsets] == sentence.words
    assert sentence.words == [
        "שָׁלוֹם", "👨‍👩‍👧", "!", "גָּרָה", "בְּ\u200fתֵל", "-", "אָבִיב", "👍🏽", "\U0001d54f", "דנה",
    ]  # fmt: skip
    assert sentence.tags[3:] == ["O", "B-GPE", "I-GPE", "E-GPE", "O", "O", "S-PER"]


def test_a_span_that_cuts_a_word_is_extended_or_refused(tmp_path, caplog):
    record = {"text": "גרה בירושלים.", "label": [[5, 12, "GPE"]]}
    (sentence,) = read(tmp_path, [record])
    assert sentence.tags == ["O", "S-GPE", "O"]
    assert "1 spans that cut a word are extended to it (the first: line 1)" in caplog.text
    told = refused(tmp_path, [record], spans="refuse")
    assert told.startswith(":1: GPE 'ירושלים' cuts a word of 'בירושלים'") and "`spans: extend`" in told


def test_overlapping_entities(tmp_path, caplog):
    nested = {"text": "חברת הכנסת לבני", "label": [[5, 10, "ORG"], [0, 10, "TTL"], [11, 15, "PER"]]}
    assert refused(tmp_path, [nested]).startswith(":1: ORG 'הכנסת' overlaps TTL 'חברת הכנסת'")
    (sentence,) = read(tmp_path, [nested], overlaps="longest")
    assert sentence.tags == ["B-TTL", "E-TTL", "S-PER"]
    assert "1 entities that overlap a longer one are left out" in caplog.text
    # Two that share no character, but a word once they are extended.
    shared = {"text": "ירושלים", "label": [[0, 3, "PER"], [3, 7, "GPE"]]}
    assert "overlaps" in refused(tmp_path, [shared])
    (sentence,) = read(tmp_path, [shared], overlaps="longest")
    assert sentence.tags == ["S-GPE"]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"text": "שלום", "label": [[0, 5, "PER"]]}, "span 0 to 5 is outside the text of 4 characters"),
        ({"text": "שלום", "label": [[-1, 2, "PER"]]}, "span -1 to 2 is outside the text"),
        ({"text": "שלום", "label": [[3, 2, "PER"]]}, "span 3 to 2 is outside the text"),
        ({"text": "שלום", "label": [[2, 2, "PER"]]}, "span 2 to 2 is empty"),
        ({"text": "א  ב", "label": [[1, 3, "PER"]]}, "span 1 to 3 is nothing but white space"),
        ({"text": "שלום", "label": [[0, 4, "ANG"]]}, "label 'ANG' is none of PER, ORG, TTL, GPE"),
        ({"text": "שלום", "label": [[0, 4]]}, "label [0, 4] is not [start, end, type]"),
        ({"text": "שלום", "label": [[0, 4.0, "PER"]]}, "is not [start, end, type]"),
        ({"text": "שלום", "label": [[False, True, "PER"]]}, "is not [start, end, type]"),
        ({"text": "שלום"}, "no list in the field label or labels"),
        ({"text": "שלום", "label": [], "labels": []}, "a list in label and in labels"),
        ({"text": 3, "label": []}, "no text in the field 'text'"),
        ("[1]", "not a JSON record"),
        ("{", "not a JSON record"),
        ("[" * 100_000, "not a JSON record"),
        ('{"text": "א\\ud83d", "label": []}', "half a character"),
    ],
)
def test_mistakes_in_spans_are_named_by_line(tmp_path, record, told):
    found = refused(tmp_path, [{"text": "שלום", "label": []}, "", record])
    assert found.startswith(":3: ") and told in found


def test_empty_texts_and_ids_that_come_again(tmp_path, caplog):
    records = [{"id": 7, "text": "א", "label": []}, {"text": " \n", "label": []}, {"id": 7, "text": "ב", "label": []}]
    first, second = read(tmp_path, records)
    assert (first.line, second.line) == (1, 3)
    assert "1 sentences without a word are left out (the first: line 2)" in caplog.text
    assert "1 ids stand on an earlier line too" in caplog.text
    assert refused(tmp_path, records, empty="refuse").startswith(":2: a sentence without a word")
    assert refused(tmp_path, records, duplicates="refuse").startswith(":3: id 7 stands on line 1 too")


def test_tokens_with_tags_by_name_or_number(tmp_path):
    names = ["O", "B-PER", "I-PER"]
    keys = {"form": "tokens", "scheme": "bio", "labels": {"PER": "PER"}}
    records = [{"tokens": ["דנה", "כהן"], "tags": ["B-PER", "I-PER"]}, {"tokens": ["רצה"], "ner_tags": [0]}]
    first, second = read(tmp_path, records, **keys, tag_names=names)
    assert (first.tags, second.tags, second.words, second.offsets) == (["B-PER", "I-PER"], ["O"], ["רצה"], None)
    (sentence,) = read(tmp_path, [{"w": ["א"], "t": [1]}], **keys, tag_names=names, tokens_field="w", labels_field="t")
    assert sentence.tags == ["B-PER"]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"tokens": ["א"], "tags": [1]}, "tag 1 is a number; name the tags"),
        ({"tokens": ["א"], "tags": [None]}, "tag None is no tag"),
        ({"tokens": ["א", "ב"], "tags": ["O"]}, "2 tokens and 1 tags"),
        ({"tokens": ["א", " "], "tags": ["O", "O"]}, "token 2 is ' ', no word"),
        ({"tokens": ["א", 3], "tags": ["O", "O"]}, "token 2 is 3, no word"),
        ({"tokens": "א", "tags": ["O"]}, "no list in the field 'tokens'"),
        ({"tokens": ["א"], "tags": ["B-PER"]}, "broken tags: the end of the sentence after B-PER"),
        ({"tokens": ["א"], "tags": ["S-ANG"]}, "tag 'S-ANG' is not of scheme bioes"),
    ],
)
def test_mistakes_in_tokens_are_named_by_line(tmp_path, record, told):
    found = refused(tmp_path, [record], "tokens")
    assert found.startswith(":1: ") and told in found
    if "number" in told:
        named = refused(tmp_path, [record], "tokens", tag_names=["O"])
        assert "tag 1 is none of the 1 of `tag_names:`" in named


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real task data is not here")
def test_the_real_files_of_iahlt_are_read_alike_from_both_formats():
    """Mentions in the files: 710, 213 and 80; 59, 21 and 5 of them lie within longer ones."""
    folder, spans = SHARED / "ner" / "iahlt_knesset", read_description("iahlt_knesset")
    files = {split: name.replace(".jsonl", ".biose") for split, name in spans.files.items()}
    keys = {"format": "columns", "separator": "tab", "tags_between": "|", "files": files}
    columns = TokenClassification(**{**{name: getattr(spans, name) for name in ("name", "labels", "metric")}, **keys},
                                  overlaps="longest")  # fmt: skip
    for split, sentences, mentions in (("train", 996, 651), ("valid", 268, 192), ("test", 131, 75)):
        for description in (spans, columns):
            examples = read_examples(folder, split, description)
            found = sum(tag[0] in "BS" for example in examples for tag in example.tags)
            assert (len(examples), found) == (sentences, mentions)
