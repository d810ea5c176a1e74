"""JSON lines."""

import json
import random

import pytest

from fairseq_hebrew.preprocess.readers import stream as stream_module
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import PACK


def write(path, records, **options):
    path.write_bytes("".join(json.dumps(record, **options) + "\n" for record in records).encode())
    return path


def test_records_become_documents_with_their_lines(tmp_path, read):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"text": "\\u05d0\\n\\n \\t\\nb\\r\\nc\\u0000"}\r\n'
        b"\n  \n"
        + '{"id": 1, "text": "ד\\u2028ה 😀"}\n'.encode()
        + b'{"text": null}\n{"text": " \\n "}\n{"text": "last"}'
    )
    made, source = read(path)
    assert [(document.line, document.text.decode()) for document in made] == [
        (1, "א\nb\nc\x00\n"),
        (4, "ד\u2028ה 😀\n"),
        (7, "last\n"),
    ]
    assert source.counts.documents == 3 and source.counts.empty == 2 and source.counts.broken == 0


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "A.JSONL", "a.jsonl.gz", "a.json.zst"])
def test_the_ending_tells_the_format(tmp_path, texts, name):
    path = tmp_path / name
    content = json.dumps({"text": "שלום"}).encode()
    path.write_bytes(PACK.get(path.suffix, bytes)(content))
    assert texts(path) == ["שלום\n"]


def test_fields_inside_fields(tmp_path, texts):
    path = write(tmp_path / "a.jsonl", [{"a": {"b": {"c": "one"}}, "x.y": "two", "x": {"y": "three"}}])
    assert texts(path, text_field="a.b.c") == ["one\n"]
    assert texts(path, text_field="x.y") == ["two\n"], "a key that holds the dot itself comes first"


BROKEN = [
    (b'{"text": "x"', "no JSON (Expecting ',' delimiter)"),
    (b'{"text": "x"} y', "no JSON (Extra data)"),
    (b'{"text": "a\tb"}', "no JSON (Invalid control character at)"),
    (b"text", "no JSON (Expecting value)"),
    (b'{"text": "\xff"}', "invalid UTF-8 (byte 0xff)"),
    (b'{"text": "\xed\xa0\x80"}', "invalid UTF-8 (byte 0xed)"),
    (b'{"text": "\\ud800"}', "half a surrogate pair in the field 'text'"),
    (b'{"body": "x", "id": 1}', "no field 'text' (there is: body, id)"),
    (b"{}", "no field 'text' (there is: nothing)"),
    (b'{"text": 5}', "a number instead of text in the field 'text'"),
    (b'{"text": ["x"]}', "a list instead of text in the field 'text'"),
    (b'{"text": true}', "a truth value instead of text in the field 'text'"),
    (b'["x"]', "a list instead of an object"),
    (b"null", "null instead of an object"),
    (b"[" * 100_000, "no JSON (RecursionError)"),
]


@pytest.mark.parametrize("line, problem", BROKEN, ids=[problem for _, problem in BROKEN])
def test_a_broken_record_is_an_error_or_skipped(tmp_path, read, capsys, line, problem):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n' + line + b'\n{"text": "three"}\n')
    with pytest.raises(UserError) as error:
        read(path)
    assert f"{path}:2 (byte 16): {problem}: `" in str(error.value)
    assert str(error.value).endswith("; repair the file, or skip such records with --max-broken")
    capsys.readouterr()
    made, source = read(path, max_broken=1)
    assert [document.line for document in made] == [1, 3] and source.counts.broken == 1
    assert capsys.readouterr().err == f"skipped: {source.counts.quoted[0]}\n"


def test_a_missing_inner_field_says_where_it_ends(tmp_path, read):
    path = write(tmp_path / "a.jsonl", [{"a": {"b": "x"}}])
    for field, there in [("a.c", "b"), ("a.b.c", "text"), ("z.b", "a")]:
        with pytest.raises(UserError, match=rf"no field '{field}' \(there is: {there}\)"):
            read(path, text_field=field)


@pytest.mark.parametrize("indent", [None, 1])
def test_one_list_of_records_is_refused_with_the_remedy(tmp_path, read, indent):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"text": "x"}], indent=indent))
    with pytest.raises(UserError, match="is one JSON list, not a record a line; convert it: jq"):
        read(path, max_broken=1000)


def test_a_file_cut_off_in_the_middle_of_a_record(tmp_path, read):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n{"text": "tw')
    made, source = read(path, max_broken=1)
    assert len(made) == 1 and "no JSON (Unterminated string" in source.counts.quoted[0]
    packed = PACK[".gz"](b'{"text": "one"}\n' * 5000 + b'{"text": "' + bytes(range(65, 91)) * 20 + b'"}\n')
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[:-30])
    made, source = read(path, max_broken=1)
    assert len(made) == 5000 and source.counts.broken == 1, "the record that was cut is not counted a second time"
    assert "gzip data is cut off" in source.counts.quoted[0]


def test_any_size_of_read_gives_the_same_records(tmp_path, read, monkeypatch):
    choice = random.Random(3)
    records = [{"text": "".join(choice.choices('אב\n"\\ x😀\r', k=choice.randint(0, 60)))} for _ in range(300)]
    path = write(tmp_path / "a.jsonl", records, ensure_ascii=False)
    wanted = read(path)
    for block in (1, 3, 64, 1000):
        monkeypatch.setattr(stream_module, "BLOCK", block)
        made, source = read(path)
        assert (made, source.counts) == (wanted[0], wanted[1].counts)


def test_a_record_of_fifty_megabytes(tmp_path, texts):
    text = "שלום עולם " * 3_000_000
    path = write(tmp_path / "a.jsonl", [{"text": "a"}, {"text": text}, {"text": "b"}], ensure_ascii=False)
    assert texts(path) == ["a\n", f"{text}\n", "b\n"]


def test_one_object_over_several_lines_is_refused_with_the_remedy(tmp_path, read):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"text": "x"}, indent=1))
    with pytest.raises(UserError, match="is one JSON object over several lines, not a record a line; convert it: jq"):
        read(path)
