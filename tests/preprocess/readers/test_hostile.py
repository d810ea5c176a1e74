"""Damage of every kind to files of every format: documents, or one clear line, and memory that does not grow."""

import csv
import gzip
import io
import json
import random
import subprocess
import sys

import pytest

from fairseq_hebrew.preprocess.readers import Source, open_documents
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import EXTRA, PACK

TEXTS = [f'מסמך מספר {n}\nשורה "שנייה", עם פסיק\n\nסוף {n}' for n in range(40)]


def text():
    return "\n\n".join(made.replace("\n\n", "\n") for made in TEXTS).encode()


def jsonl():
    return "".join(
        json.dumps({"id": n, "text": made}, ensure_ascii=n % 2) + "\n" for n, made in enumerate(TEXTS)
    ).encode()


def rows():
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("id", "text"), *enumerate(TEXTS)])
    return file.getvalue().encode()


def mediawiki():
    pytest.importorskip("mwparserfromhell", reason=EXTRA)
    pages = "".join(
        f"<page><title>{n}</title><ns>0</ns><revision><text>{{{{א|ב}}}} '''{made}''' [[ג|ד]]</text></revision></page>\n"
        for n, made in enumerate(TEXTS)
    )
    return f"<mediawiki>{pages}</mediawiki>".encode()


def parquet():
    pyarrow = pytest.importorskip("pyarrow", reason=EXTRA)
    writer = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    writer.write_table(pyarrow.table({"text": TEXTS}), file, row_group_size=10)
    return file.getvalue()


def warc():
    pytest.importorskip("trafilatura", reason=EXTRA, exc_type=ImportError)
    pytest.importorskip("warcio", reason=EXTRA)
    from warcio.warcwriter import WARCWriter

    file = io.BytesIO()
    writer = WARCWriter(file, gzip=False)
    for n, made in enumerate(TEXTS):
        payload = io.BytesIO(made.encode())
        record = writer.create_warc_record(f"http://a.b/{n}", "conversion", payload, warc_content_type="text/plain")
        writer.write_record(record)
    return file.getvalue()


MAKERS = {"a.txt": text, "a.jsonl": jsonl, "a.csv": rows, "a.xml": mediawiki, "a.parquet": parquet, "a.warc": warc}


def damaged(content, choice):
    content = bytearray(content)
    for _ in range(choice.randint(1, 4)):
        at, length = choice.randrange(len(content)), choice.choice([1, 1, 3, 50, 400])
        match choice.randrange(5):
            case 0:
                content[at : at + length] = choice.randbytes(length)
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[choice.randrange(len(content)) :][:length]
            case 3:
                content[at : at + length] = bytes(length)
            case 4:
                content[at:at] = choice.choice([b'"', b"\n", b"\r", b"<", b"&", b"{", b"}", b"\xff", b"]]>", b"\\"])
        content = content or bytearray(b"x")
    return bytes(content[: choice.randrange(len(content)) + 1]) if choice.random() < 0.2 else bytes(content)


@pytest.mark.parametrize("name", sorted(MAKERS))
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_no_damage_is_a_traceback(tmp_path, name, ending):
    choice = random.Random(f"{name}{ending}")
    if name == "a.parquet" and ending:
        pytest.skip("a Parquet file is compressed inside")
    whole = PACK.get(ending, bytes)(MAKERS[name]())
    path = tmp_path / f"{name}{ending}"
    read = 0
    for _ in range(150):
        path.write_bytes(damaged(whole, choice))
        source = Source(path, max_broken=10**6, documents="blank")
        try:
            for document in open_documents(source):
                document.text.decode("utf-8")
                assert document.text.endswith(b"\n") and document.line >= 1
                assert all(line.strip() for line in document.paragraphs)
                read += 1
        except UserError as error:
            assert str(path) in str(error) and "\n" not in str(error)
    assert read > 0


MEASURE = """
import resource, sys
from fairseq_hebrew.preprocess.readers import Source, open_documents
for path in sys.argv[1:]:
    print(sum(1 for _ in open_documents(Source(path))), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.xml"])
def test_memory_does_not_grow_with_the_file(tmp_path, name):
    # Made of what was made above: its head, its records many times, its end.
    content = MAKERS[name]()
    head, foot = {"a.csv": (b"id,text\r\n", b""), "a.xml": (b"<mediawiki>", b"</mediawiki>")}.get(name, (b"", b""))
    body = content[len(head) : len(content) - len(foot)] + (b"\n\n" if name == "a.txt" else b"")
    paths = []
    for times in (300, 300 if name == "a.xml" else 6000):
        paths.append(tmp_path / f"{times}{len(paths)}{name}.gz")
        with gzip.open(paths[-1], "wb", compresslevel=1) as file:
            file.write(head)
            for _ in range(times):
                file.write(body)
            file.write(foot)
    done = subprocess.run([sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, text=True, check=True)
    (small, before), (large, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert small == 300 * 40 and large >= small
    assert after - before < 10_000, "kB more for twenty times the text"


def test_a_package_that_cannot_be_imported_is_one_line(tmp_path, monkeypatch):
    """One that is there and stumbles over another says so in as many lines as it likes."""
    (tmp_path / "trafilatura.py").write_text('raise ImportError("a part is missing.\\nInstall it.")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trafilatura", raising=False)
    path = tmp_path / "a.html"
    path.write_bytes(b"<html></html>")
    with pytest.raises(UserError, match=r"a part is missing\.\\nInstall it\.\); install it with: pip install") as error:
        list(open_documents(Source(path)))
    assert "\n" not in str(error.value)
