import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.data.described.texts import SequenceClassification
from fairseq_hebrew.data.examples import read_examples, read_file, stream_file
from fairseq_hebrew.stage.errors import UserError

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
NER = TokenClassification(name="ner", files={"train": "t"}, labels={"PER": "PER", "LOC": "LOC"}, metric="f1")
TEXTS = SequenceClassification(name="texts", files={"train": "t"}, labels={"0": "good", "1": "bad"}, metric="macro_f1")


def ner(tmp_path, text):
    path = tmp_path / "words.bmes"
    path.write_bytes(text.encode())
    return path


def test_sentences_keep_their_lines_words_and_tags(tmp_path):
    path = ner(tmp_path, "\nדנה S-PER\nרצה O\n\n\nתל B-LOC\nאביב E-LOC")
    first, second = read_file(path, NER)
    assert (first.line, first.words, first.tags) == (2, ["דנה", "רצה"], ["S-PER", "O"])
    assert (second.line, second.words) == (6, ["תל", "אביב"])


def test_windows_line_ends_a_bom_and_words_with_blanks(tmp_path):
    path = tmp_path / "words.bmes"
    path.write_bytes("\ufeffדנה S-PER\r\nו ה 60 O\r\n\r\n".encode())
    (sentence,) = read_file(path, NER)
    assert sentence.words == ["דנה", "ו ה 60"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("דנה S-PER\nרץ S-DUC\n", ":2: tag 'S-DUC' is not of scheme bioes with the labels PER, LOC"),
        ("דנה S-PER\n\nרץ\n", ":3: expected `word tag`, found 'רץ'"),
        ("", ": no examples in the file"),
        ("\n\n", ": no examples in the file"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, text, told):
    path = ner(tmp_path, text)
    with pytest.raises(UserError) as raised:
        read_file(path, NER)
    assert str(path) + told in str(raised.value)


def test_invalid_utf8_is_named_by_line(tmp_path):
    path = tmp_path / "words.bmes"
    path.write_bytes("דנה S-PER\n".encode() + b"\xe0\xe1 O\n")
    with pytest.raises(UserError, match=":2: invalid UTF-8"):
        read_file(path, NER)


def test_tables_by_tab_and_by_comma(tmp_path):
    tab = tmp_path / "t.tsv"
    tab.write_text('label\ttext\n0\tאמר "טוב" מאוד\n1\t"רע\n', encoding="utf-8")
    assert [(e.line, e.text, e.label) for e in read_file(tab, TEXTS)] == [(2, 'אמר "טוב" מאוד', "0"), (3, '"רע', "1")]
    comma = tmp_path / "t.csv"
    comma.write_text('text,label\n"טוב, מאוד",0\n', encoding="utf-8")
    assert read_file(comma, TEXTS)[0].text == "טוב, מאוד"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("comment\tlabel\nא\t0\n", ":1: no column 'text'"),
        ("text\tlabel\nא\t0\nב\t7\n", ":3: label '7' is none of 0, 1"),
        ("text\tlabel\nא\t0\tx\n", ":2: 3 columns, the header has 2"),
        ("text\tlabel\n  \t0\n", ":2: the text is empty"),
        ("text\tlabel\n", ": no examples in the file"),
    ],
)
def test_mistakes_in_tables_are_named_by_line(tmp_path, text, told):
    path = tmp_path / "t.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_file(path, TEXTS)
    assert str(path) + told in str(raised.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real task data is not here")
def test_real_task_files_have_the_published_sizes():
    # recipes.md, "Task data, as the field scores it"
    nemo = read_description("nemo")
    assert [len(read_examples(SHARED / "ner/nemo", s, nemo)) for s in ("train", "valid", "test")] == [4937, 500, 706]
    smcd = read_description("smcd")
    sizes = [len(read_examples(SHARED / "sentiment/smcd", s, smcd)) for s in ("train", "valid", "test")]
    assert sizes == [5926, 846, 1695]


@pytest.mark.parametrize(("name", "least"), [("ner", 600), ("sentiment", 600)])
def test_the_demo_sets_read_and_share_no_example_between_splits(name, least):
    description = read_description(str(ROOT / "demo" / "tasks" / f"{name}.yaml"))
    seen = []
    for split in ("train", "valid", "test"):
        examples = read_examples(ROOT / "demo" / "corpus" / name, split, description)
        seen += [getattr(e, "text", None) or " ".join(e.words) for e in examples]
    assert len(seen) == len(set(seen)) >= least


@pytest.mark.parametrize(
    ("name", "description", "line", "head"),
    [
        ("words.bmes", NER, "מילה O\n\n", ""),
        ("t.tsv", TEXTS, "טקסט ארוך למדי\t1\n", "text\tlabel\n"),
        ("t.jsonl", TEXTS, '{"text": "טקסט ארוך למדי", "label": "1"}\n', ""),
        ("spans.jsonl", replace(NER, format="spans"), '{"text": "מילה", "label": []}\n', ""),
        ("tokens.jsonl", replace(NER, format="tokens"), '{"tokens": ["מילה"], "tags": ["O"]}\n', ""),
    ],
)
def test_lines_are_not_held(tmp_path, name, description, line, head):
    path = tmp_path / name
    path.write_text(head + line * 20_000, encoding="utf-8")
    examples = stream_file(path, description, tell=False)
    next(examples)
    tracemalloc.start()
    assert sum(1 for _ in examples) == 19_999
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000 < path.stat().st_size, peak


def test_what_is_counted_is_logged_unless_it_is_to_be_quiet(tmp_path, caplog, capsys):
    caplog.set_level("INFO")
    path = ner(tmp_path, "# first\nדנה S-PER\n")
    counts = replace(NER, comments="#")
    assert len(list(stream_file(path, counts, tell=False))) == 1 and not caplog.messages
    assert len(list(stream_file(path, counts))) == 1
    assert len([message for message in caplog.messages if "comment" in message or "1 sentences" in message]) == 2
    table = tmp_path / "t.tsv"
    table.write_text("text\tlabel\n\t1\nא\t0\n", encoding="utf-8")
    left_out = replace(TEXTS, empty_texts="drop")
    assert len(list(stream_file(table, left_out, tell=False))) == 1 and not capsys.readouterr().err
    assert len(list(stream_file(table, left_out))) == 1 and "1 examples without text" in capsys.readouterr().err
