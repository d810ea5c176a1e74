"""Parquet."""

import random

import pytest

from fairseq_hebrew.preprocess.readers import parquet as module
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import EXTRA

pa = pytest.importorskip("pyarrow", reason=EXTRA)
pq = pytest.importorskip("pyarrow.parquet")


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_the_shape_of_wikimedia_wikipedia(tmp_path, read):
    made = [f"פתיחה {n}\n\nפסקה שנייה\n \nסוף" for n in range(1000)]
    columns = {"id": [str(n) for n in range(1000)], "url": ["u"] * 1000, "title": ["t"] * 1000, "text": made}
    told = []
    path = write(tmp_path / "a.parquet", columns, row_group_size=300)
    found, source = read(path, progress=told.append)
    wanted = [(n + 1, f"פתיחה {n}\nפסקה שנייה\nסוף\n") for n in range(1000)]
    assert [(document.line, document.text.decode()) for document in found] == wanted
    assert source.counts.documents == 1000 and sum(told) == path.stat().st_size


def test_any_size_of_batch_gives_the_same_rows(tmp_path, read, monkeypatch):
    choice = random.Random(1)
    made = [
        None if choice.random() < 0.1 else "".join(choice.choices("אב\n \r😀", k=choice.randint(0, 40)))
        for _ in range(500)
    ]
    path = write(tmp_path / "a.parquet", {"text": made}, row_group_size=77)
    wanted = read(path)
    assert wanted[1].counts.documents + wanted[1].counts.empty == 500 and wanted[1].counts.empty > 50
    for batch in (1, 100, 5000):
        monkeypatch.setattr(module, "BATCH", batch)
        found, source = read(path)
        assert (found, source.counts) == (wanted[0], wanted[1].counts)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["א", None, "ב"], pa.large_string()),
        pa.array(["א", None, "ב"]).dictionary_encode(),
        pa.array(["א".encode(), None, "ב".encode()], pa.binary()),
    ],
    ids=["large", "dictionary", "binary"],
)
def test_kinds_of_text(tmp_path, read, column):
    found, source = read(write(tmp_path / "a.pq", {"text": column}))
    assert [(document.line, document.text.decode()) for document in found] == [(1, "א\n"), (3, "ב\n")]
    assert source.counts.empty == 1


def test_fields_inside_fields(tmp_path, texts):
    column = pa.array([{"b": {"c": "one"}, "n": 1}, None, {"b": None, "n": 2}, {"b": {"c": "four"}, "n": 3}])
    path = write(tmp_path / "a.parquet", {"a": column, "x.y": ["p", "q", "r", "s"]})
    assert texts(path, text_field="a.b.c") == ["one\n", "four\n"]
    assert texts(path, text_field="x.y") == ["p\n", "q\n", "r\n", "s\n"]


def test_a_column_that_is_not_there_names_those_that_are(tmp_path, read):
    column = pa.array([{"b": 1}])
    path = write(tmp_path / "a.parquet", {"id": [1], "body": ["x"], "a": column, "words": [["x"]]})
    for field in (None, "text", "b", "a"):
        with pytest.raises(UserError, match=r"no column '\w+' \(its columns: id, body, a\.b, words\.list\.element\)"):
            read(path, text_field=field)
    with pytest.raises(UserError, match="the column 'id' holds no text but INT64"):
        read(path, text_field="id")
    with pytest.raises(UserError, match=r"the column 'words\.list\.element' holds no text but lists"):
        read(path, text_field="words.list.element")


def test_invalid_utf8_costs_its_row(tmp_path, read):
    path = write(tmp_path / "a.parquet", {"text": pa.array([b"one", b"tw\xff", b"three"], pa.binary())})
    with pytest.raises(UserError, match=r"a\.parquet:row 2: invalid UTF-8 \(byte 0xff\): `tw\\xff`"):
        read(path)
    found, source = read(path, max_broken=1)
    assert [document.line for document in found] == [1, 3] and source.counts.broken == 1


def test_what_is_no_parquet_file_is_refused(tmp_path, read):
    whole = write(tmp_path / "whole.parquet", {"text": ["one"] * 100}).read_bytes()
    for name, content in [("a", b""), ("b", b"text, not Parquet"), ("c", whole[:-5]), ("d", whole[: len(whole) // 2])]:
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"is no whole Parquet file \(.*\); fetch it again"):
            read(path, max_broken=100)
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(whole)
    with pytest.raises(UserError, match="a Parquet file is compressed inside"):
        read(path)


def test_a_damaged_row_group_is_one_broken_record(tmp_path, read):
    choice = random.Random(2)
    made = ["".join(choice.choices("אבגדה", k=200)) for _ in range(300)]
    path = write(tmp_path / "a.parquet", {"text": made}, row_group_size=100, compression="gzip", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset + column.total_compressed_size // 2
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet:rows 101-200: row group 1 cannot be read"):
        read(path)
    found, source = read(path, max_broken=1)
    assert source.counts.broken == 1
    assert [document.line for document in found if not 100 < document.line <= 200] == [*range(1, 101), *range(201, 301)]


def test_a_record_of_fifty_megabytes(tmp_path, texts):
    text = "שלום עולם " * 3_000_000
    path = write(tmp_path / "a.parquet", {"text": ["a", text, "b"]})
    assert texts(path) == ["a\n", f"{text}\n", "b\n"]


def test_a_file_without_rows(tmp_path, texts):
    assert texts(write(tmp_path / "a.parquet", {"text": pa.array([], pa.string())})) == []
