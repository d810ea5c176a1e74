"""CSV."""

import csv
import io
import random
import re

import pytest

from fairseq_hebrew.preprocess.readers import stream as stream_module
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import PACK


def rows(*made, **options):
    file = io.StringIO(newline="")
    csv.writer(file, **options).writerows(made)
    return file.getvalue().encode()


def write(path, *made, **options):
    path.write_bytes(rows(*made, **options))
    return path


def test_rows_become_documents_with_their_lines(tmp_path, read):
    content = '\ufeffid,text\r\n1,"א, ""ב""\n\n \nג\r\nד"\n\n2,plain\r\n3,\r\n4,"  \n"\n5,"last"'
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    made, source = read(path)
    assert [(document.line, document.text.decode()) for document in made] == [
        (2, 'א, "ב"\nג\nד\n'),
        (8, "plain\n"),
        (12, "last\n"),
    ]
    assert source.counts.empty == 2 and source.counts.broken == 0


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.bz2", "a.csv.xz", "a.csv.zst", "A.CSV"])
def test_the_ending_tells_the_format(tmp_path, texts, name):
    path = tmp_path / name
    path.write_bytes(PACK.get(path.suffix, bytes)(rows(["text"], ["שלום"])))
    assert texts(path) == ["שלום\n"]


def test_columns_by_name_and_by_number(tmp_path, texts):
    path = write(tmp_path / "a.csv", ["id", "body"], ["1", "one"], ["2", "two"])
    assert texts(path, text_field="body") == texts(path, text_field="2") == ["one\n", "two\n"]
    assert texts(path, text_field="2", header=False) == ["body\n", "one\n", "two\n"]
    path = write(tmp_path / "b.csv", ["whatever"], ["one"])
    assert texts(path) == ["one\n"], "a single column needs no name"
    assert texts(path, header=False) == ["whatever\n", "one\n"]
    path = write(tmp_path / "c.csv", ["2", "1"], ["a", "b"])
    assert texts(path, text_field="1") == ["b\n"], "a name comes before a number"
    path = write(tmp_path / "d.tsv", ["id", "text"], ["1", 'a,"b'], delimiter="\t")
    assert texts(path) == ['a,"b\n']


@pytest.mark.parametrize("field, header", [(None, True), ("wrong", True), ("0", True), ("3", True), ("id", False)])
def test_a_column_that_is_not_there_names_those_that_are(tmp_path, read, field, header):
    path = write(tmp_path / "a.csv", ["id", "body"], ["1", "one"])
    there = "id, body" if header else "2, without names"
    with pytest.raises(UserError, match=rf"no column '{field or 'text'}' \(its columns: {there}\)"):
        read(path, text_field=field, header=header, max_broken=100)


BROKEN = [
    (b"2\n", "1 fields where the first row has 2: `2`"),
    (b"2,a,b\n", "3 fields where the first row has 2: `2,a,b`"),
    (b"2,\xff\n", "invalid UTF-8 (byte 0xff): `2,\ufffd`"),
    (b"\xff,fine\n", "invalid UTF-8 (byte 0xff): `\ufffd,fine`"),
    (b'2,"x\ny\xd7\nz"\n', "invalid UTF-8 (byte 0xd7): `2,x\\ny\ufffd\\nz`"),
    (b"2,a\0b\n", "a NUL byte: `2,a\ufffdb`"),
    (b'2,"x" y\n', "broken quotes (',' expected after '\"')"),
]


@pytest.mark.parametrize("row, problem", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_a_broken_row_is_an_error_or_skipped(tmp_path, read, capsys, monkeypatch, row, problem, block):
    monkeypatch.setattr(stream_module, "BLOCK", block)
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,"o\n\ne"\n' + row + b'3,"three"\n')
    with pytest.raises(UserError, match=re.escape(f"{path}:5 (byte 17): {problem}; repair the file, or skip")):
        read(path)
    capsys.readouterr()
    made, source = read(path, max_broken=1)
    assert [document.text for document in made] == [b"o\ne\n", b"three\n"]
    assert made[1].line == 5 + row.count(b"\n")
    assert capsys.readouterr().err == f"skipped: {source.counts.quoted[0]}\n"


def test_a_quote_that_never_closes(tmp_path, read):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,one\n2,"two\n3,three\n')
    made, source = read(path, max_broken=1)
    assert [document.text for document in made] == [b"one\n"]
    assert source.counts.quoted == [f"{path}:3 (byte 14): broken quotes (unexpected end of data)"]


def test_a_quote_that_closes_too_late_is_bounded(tmp_path, read, monkeypatch):
    monkeypatch.setattr("fairseq_hebrew.preprocess.readers.csv_rows.LONGEST_FIELD", 1000)
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,one\n2,"two\n' + b"3,three\n" * 1000)
    made, source = read(path, max_broken=1)
    assert source.counts.broken == 1 and "field larger than field limit (1000)" in source.counts.quoted[0]
    assert 800 < len(made) < 1000, "reading goes on after it"


def test_a_file_cut_off_loses_the_row_it_was_cut_in(tmp_path, read):
    choice = random.Random(1)
    made = [[str(n), "".join(choice.choices("אבגד \n", k=300))] for n in range(500)]
    for ending, pack in PACK.items():
        path = tmp_path / f"a.csv{ending}"
        packed = pack(rows(["id", "text"], *made[:200])) + pack(rows(*made[200:]))
        path.write_bytes(packed[: len(packed) * 2 // 3])
        with pytest.raises(UserError, match="cut off after"):
            read(path)
        found, source = read(path, max_broken=1)
        assert source.counts.broken == 1 and 200 <= len(found) < 500
        wanted = ["".join(f"{line}\n" for line in text.split("\n") if line.strip()) for _, text in made]
        assert [document.text.decode() for document in found] == wanted[: len(found)]


def test_any_size_of_read_gives_the_same_rows(tmp_path, read, monkeypatch):
    choice = random.Random(2)
    made = [[n, "".join(choice.choices('אב\n",\r😀 ', k=choice.randint(0, 50)))] for n in range(300)]
    content = bytearray(rows(["id", "text"], *made))
    for _ in range(8):
        content[choice.randrange(20, len(content))] = 0xFF
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    wanted = read(path, max_broken=100)
    assert wanted[1].counts.broken >= 5
    for block in (1, 3, 64, 1000):
        monkeypatch.setattr(stream_module, "BLOCK", block)
        found, source = read(path, max_broken=100)
        assert (found, source.counts) == (wanted[0], wanted[1].counts)


def test_offsets_are_those_of_the_file(tmp_path, read):
    content = rows(["id", "text"], *[[n, f"א\n{n}"] for n in range(100)]).replace(b'\n50"', b'\n\xff"')
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    _, source = read(path, max_broken=1)
    (offset,) = re.findall(r"\(byte ([\d,]+)\)", source.counts.quoted[0])
    assert content[int(offset.replace(",", "")) :].startswith(b'50,"')


def test_a_field_of_fifty_megabytes(tmp_path, texts):
    text = "שלום עולם\n" * 3_000_000
    path = write(tmp_path / "a.csv", ["text", "id"], ["a", 1], [text, 2], ["b", 3])
    assert texts(path) == ["a\n", text, "b\n"]


def test_other_signs_than_commas_are_not_read_as_text(tmp_path, read):
    path = tmp_path / "a.csv"
    path.write_text("id;text\n1;x\n")
    with pytest.raises(UserError, match=r"a\.csv:1: has one column, with ';' in its name; give commas"):
        read(path)
    made, _ = read(path, text_field="1")
    assert [document.text for document in made] == [b"1;x\n"]
    made, _ = read(path, header=False)
    assert len(made) == 2
