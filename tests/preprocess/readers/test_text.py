"""Plain text as a source: as the stages read it, compressed or not; broken lines left out where that is allowed."""

import pytest

from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.readers import Source, check_source
from fairseq_hebrew.preprocess.readers import stream as stream_module
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import EXTRA, PACK


@pytest.mark.parametrize("ending", ["", *sorted(PACK)])
def test_compressed_text_is_the_same_text(tmp_path, documents, written, read, ending, monkeypatch):
    plain = written(tmp_path / "a.txt", documents(300, seed=1))
    wanted = list(read_documents(plain))
    content = plain.read_bytes()
    path = tmp_path / f"b.txt{ending}"
    pack = PACK.get(ending, bytes)
    path.write_bytes(pack(content[:7001]) + pack(content[7001:]))
    for block in (100, 1 << 20):
        monkeypatch.setattr("fairseq_hebrew.preprocess.documents.BLOCK", block)
        told = []
        made, source = read(path, progress=told.append)
        assert made == wanted
        assert source.counts.documents == len(wanted) and source.counts.broken == 0
        assert sum(told) == path.stat().st_size, "progress goes by the bytes of the file as it stands"


def test_lines_and_tokens(tmp_path, texts):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(PACK[".gz"]("א\nב\n\nג".encode()))
    assert texts(path, documents="lines") == ["א\n", "ב\n", "ג\n"]
    path.write_bytes(PACK[".gz"]("שלום O\n. O\n\nכן O\n".encode()))
    assert texts(path, documents="tokens") == ["שלום.\n", "כן\n"]


def test_an_ambiguous_layout_is_asked_for(tmp_path, read):
    path = tmp_path / "a.txt.bz2"
    path.write_bytes(PACK[".bz2"](b"one\ntwo\n"))
    with pytest.raises(UserError, match="say --documents lines"):
        read(path)


def test_invalid_utf8_is_an_error_unless_lines_may_be_skipped(tmp_path, read, capsys):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\nb\xffd\nthree\n\n\xd7\nsix\n\n\xfe\xfe\n\nnine\n")
    with pytest.raises(UserError, match=r"a\.txt:2: invalid UTF-8 \(byte 0xff\); convert the file"):
        read(path)
    with pytest.raises(UserError, match=r"a\.txt:5 \(byte 15\): .*broken record 2 of the file, --max-broken allows"):
        read(path, max_broken=1)
    capsys.readouterr()
    made, source = read(path, max_broken=3)
    assert [(document.line, document.text) for document in made] == [
        (1, b"one\nthree\n"),
        (6, b"six\n"),
        (10, b"nine\n"),
    ]
    assert source.counts.broken == 3
    assert capsys.readouterr().err.splitlines() == [f"skipped: {told}" for told in source.counts.quoted]
    assert source.counts.quoted[0] == f"{path}:2 (byte 4): invalid UTF-8 (byte 0xff): `b\\xffd`"
    made, source = read(path, documents="lines", max_broken=3)
    assert [document.line for document in made] == [1, 3, 6, 10]


def test_a_file_cut_off_is_an_error_or_costs_its_last_document(tmp_path, documents, written, read):
    plain = written(tmp_path / "a.txt", documents(3000, seed=2))
    wanted = list(read_documents(plain))
    for ending, pack in PACK.items():
        path = tmp_path / f"b.txt{ending}"
        packed = pack(plain.read_bytes()[:70_000]) + pack(plain.read_bytes()[70_000:])
        path.write_bytes(packed[: len(packed) * 2 // 3])
        with pytest.raises(UserError, match=r"b\.txt.*cut off after .* bytes of the file; the rest of it is lost"):
            read(path)
        made, source = read(path, max_broken=1)
        assert made and made == wanted[: len(made)] and source.counts.broken == 1
        assert len(made) < len(wanted)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"\x1f\x8b\x08\x00abc", "is gzip data; give it a name that ends so"),
        (b"BZh91AY&SYabc", "is bzip2 data"),
        (b"\xfd7zXZ\x00\x00", "is xz data"),
        (b"\x28\xb5\x2f\xfdabc", "is zstd data"),
        (b"PAR1abc", "is a Parquet file; say --format parquet"),
        (b"PK\x03\x04abc", "zip archive"),
        ("שלום".encode("utf-16"), "is UTF-16 text; convert it"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.xml"])
def test_what_is_no_text_is_named(tmp_path, read, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        read(path, max_broken=100)


def test_text_that_looks_like_json_is_read_and_told(tmp_path, texts, capsys):
    path = tmp_path / "a.txt"
    path.write_bytes(b'{"text": "one"}\n{"text": "two"}\n')
    assert len(texts(path, documents="lines")) == 2
    assert "begins like JSON; if it is, say --format jsonl" in capsys.readouterr().err
    assert texts(path, format="jsonl") == ["one\n", "two\n"]


@pytest.mark.parametrize("content", [b"", b"\n \n\n", b"\xef\xbb\xbf"])
def test_nothing_in_a_file_is_no_document(tmp_path, texts, content):
    for name in ("a.txt", "a.jsonl", "a.csv", "a.txt.gz", "a.jsonl.xz"):
        path = tmp_path / name
        path.write_bytes(PACK.get(path.suffix, bytes)(content))
        assert texts(path, text_field="1" if "csv" in name else None, header=False) == []


def test_nul_bytes_crlf_and_a_bom(tmp_path, texts):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\x00\r\ntwo\r\n\r\nthree")
    assert texts(path) == ["one\x00\ntwo\n", "three\n"]


def test_a_document_of_fifty_megabytes(tmp_path, texts):
    path = tmp_path / "a.txt.gz"
    text = "שלום עולם\n" * 3_000_000
    path.write_bytes(PACK[".gz"](f"first\n\n{text}\nlast\n".encode()))
    assert texts(path) == ["first\n", text, "last\n"]


def test_broken_records_are_quoted_to_a_limit_and_counted_beyond(tmp_path, read, capsys):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{\n" * 250 + b'{"text": "x"}')
    made, source = read(path, max_broken=250)
    assert len(made) == 1 and source.counts.broken == 250 and len(source.counts.quoted) == 100
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 101 and "further broken records" in lines[-1]


def test_a_quotation_is_one_short_line(tmp_path, read, capsys):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "\x1b[31m\t\x00' + "ש".encode() * 1000 + b"\n")
    _, source = read(path, max_broken=1)
    (told,) = source.counts.quoted
    assert "\\x1b[31m\\t\\x00" in told and told.endswith("ש...`") and len(told) < 250
    assert capsys.readouterr().err.count("\n") == 1


def test_a_source_is_checked_before_the_work(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"body": "x"}\n')
    source = Source(path)
    with pytest.raises(UserError, match=r"no field 'text' \(there is: body\)"):
        check_source(source)
    assert source.counts.broken == 0
    check_source(Source(path, text_field="body"))


def test_a_line_without_end_is_refused(tmp_path, read, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 5000)
    monkeypatch.setattr(stream_module, "BLOCK", 100)
    monkeypatch.setattr(stream_module, "LONGEST", 1000)
    with pytest.raises(UserError, match="no line end in"):
        read(path)


@pytest.fixture
def memory():
    import fsspec

    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2"])
def test_remote_text_is_the_same_text(tmp_path, documents, written, read, memory, ending):
    plain = written(tmp_path / "a.txt", documents(3000, seed=3))
    packed = PACK.get(ending, bytes)(plain.read_bytes())
    memory.pipe(f"/x/a.txt{ending}", packed)
    told = []
    made, _ = read(f"memory://x/a.txt{ending}", progress=told.append)
    assert made == list(read_documents(plain)) and sum(told) == len(packed)


def test_remote_parquet_reads_the_columns_it_needs(texts, memory):
    pa = pytest.importorskip("pyarrow", reason=EXTRA)
    parquet = pytest.importorskip("pyarrow.parquet")
    with memory.open("/x/a.parquet", "wb") as file:
        parquet.write_table(pa.table({"url": ["u" * 1000] * 100, "text": [f"א {n}" for n in range(100)]}), file)
    assert texts("memory://x/a.parquet") == [f"א {n}\n" for n in range(100)]


def test_a_remote_file_that_breaks_off_names_its_address(read, memory, monkeypatch):
    memory.pipe("/x/a.txt", b"one\n\ntwo\n")

    def breaks(*_):
        raise ConnectionError("connection reset\nby peer")

    monkeypatch.setattr(type(memory.open("/x/a.txt")), "read", breaks)
    with pytest.raises(UserError, match=r"memory://x/a\.txt: cannot be read: connection reset by peer"):
        read("memory://x/a.txt", max_broken=100)
