"""The commands over inputs of every format and from other places: what `clean` and `corpus` make of them."""

import bz2
import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
import yaml

from fairseq_hebrew.preprocess.clean import QUOTATIONS, Settings, clean, clean_part
from fairseq_hebrew.preprocess.corpus import prepare
from fairseq_hebrew.stage.errors import UserError


def manifest(path):
    return json.loads(path.with_name(f"{path.name}.manifest.json").read_text(encoding="utf-8"))


def write_jsonl(path, made, field="text"):
    content = "".join(json.dumps({"id": n, field: "\n".join(lines)}) + "\n" for n, lines in enumerate(made))
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def write_csv(path, made, header=("id", "text")):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*([header] if header else []), *((n, "\n".join(x)) for n, x in enumerate(made))])
    return path


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


def test_every_format_gives_the_same_text(tmp_path, documents, written, command):
    made = documents(200, seed=1)
    sources = [
        written(tmp_path / "a.txt", made),
        write_jsonl(tmp_path / "a.jsonl.gz", made),
        write_csv(tmp_path / "a.csv", made),
    ]
    (tmp_path / "b.txt.bz2").write_bytes(bz2.compress(sources[0].read_bytes()))
    sources.append(tmp_path / "b.txt.bz2")
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        pass
    else:
        pyarrow.parquet.write_table(pyarrow.table({"text": ["\n".join(x) for x in made]}), tmp_path / "a.parquet")
        sources.append(tmp_path / "a.parquet")
    outputs = []
    for number, source in enumerate(sources):
        output = tmp_path / "out" / f"{number}.txt"
        given = f"file://{source}" if number % 2 else source
        done = command("clean", "--input", given, "--output", output, "--workers", 1 + number % 2)
        assert done.returncode == 0, done.stderr
        outputs.append(output.read_bytes())
        assert manifest(output)["inputs"][0]["sha256"]
    assert len(set(outputs)) == 1 and outputs[0]


def test_broken_records_are_an_error_or_counted_and_quoted(tmp_path, documents, command, refused):
    made = documents(50, seed=2)
    source = write_jsonl(tmp_path / "a.jsonl", made)
    lines = source.read_bytes().split(b"\n")
    source.write_bytes(b"\n".join([*lines[:20], b'{"text": "cut', b'{"text": null}', *lines[20:]]))
    output = tmp_path / "out" / "a.txt"
    line = refused("clean", "--input", source, "--output", output)
    assert f"{source}:21 (byte " in line and "no JSON" in line and "--max-broken" in line
    assert not list((tmp_path / "out").glob("*"))
    done = command("clean", "--input", source, "--output", output, "--max-broken", 1)
    assert done.returncode == 0 and f"skipped: {source}:21" in done.stderr
    counts = manifest(output)["counts"]
    assert counts["documents_in"] == 50 and counts["records_broken"] == 1 and counts["records_empty"] == 1
    assert len(counts[QUOTATIONS]) == 1 and counts[QUOTATIONS][0].startswith(f"{source}:21 (byte ")
    assert done.stderr.count('{"text": "cut') == 1, "the summary does not quote it again"


def test_a_remote_input(tmp_path, documents, written, memory):
    plain = written(tmp_path / "a.txt", documents(100, seed=3))
    clean(Settings(input=[plain], output=tmp_path / "wanted.txt"))
    memory.pipe("/x/a1.txt.gz", gzip.compress(plain.read_bytes()))
    output = tmp_path / "out.txt"
    made = clean(Settings(input=["memory://x/*.txt.gz"], output=output))
    assert output.read_bytes() == (tmp_path / "wanted.txt").read_bytes()
    (record,) = made["inputs"]
    assert Path(record["path"]).name == "a1.txt.gz" and record["bytes"] and record["version"]
    assert clean(Settings(input=["memory://x/*.txt.gz"], output=output)) == made, "skipped"
    counts = clean_part("memory://x/a1.txt.gz", tmp_path / "p.txt", tmp_path / "p.jsonl", Settings([], Path()))
    assert (tmp_path / "p.txt").read_bytes() == output.read_bytes()
    assert counts["documents_out"] == made["counts"]["documents_out"] > 90
    with pytest.raises(UserError, match=r"memory://x/b\*: no file matches"):
        clean(Settings(input=["memory://x/b*"], output=output))


def test_a_configuration_says_how_each_input_is_read(tmp_path, documents, written, memory, capsys):
    made = documents(300, seed=4)
    write_jsonl(tmp_path / "a.jsonl.gz", made[:100], "body")
    write_csv(tmp_path / "b.data", made[100:200], header=None)
    memory.pipe("/x/c.txt", written(tmp_path / "c.txt", made[200:]).read_bytes())
    sections = {
        "input": [
            {"path": "a.jsonl.gz", "text-field": "body"},
            {"path": "b.data", "format": "csv", "header": False, "text_field": "2", "max_broken": 3},
            "memory://x/c.txt",
        ],
        "split": {"valid_bytes": 3000, "test_bytes": 2000},
        "train-bpe": {"vocab_size": 400},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(sections))
    done = prepare(path, tmp_path / "out")
    assert [done[f"clean-00{n}"]["counts"]["documents_in"] for n in range(3)] == [100, 100, 100]
    assert done["clean-001"]["settings"]["max_broken"] == 3
    capsys.readouterr()
    prepare(path, tmp_path / "out")
    assert capsys.readouterr().err.count("skipped") == len(done)


@pytest.mark.parametrize(
    "entry, said",
    [
        ({"path": "a.jsonl"}, r"a\.jsonl:1 \(byte 0\): no field 'text' \(there is: id, body\)"),
        ({"path": "a.jsonl", "format": "xml"}, "input.format: 'xml' is none of auto, text, jsonl"),
        ({"path": "a.jsonl", "text_field": 2}, "input.text_field: 2 is not text"),
        ({"path": "a.jsonl", "max_broken": -1}, "input.max_broken -1: at least 0"),
        ({"path": "a.jsonl", "min_latin": 0.5}, "input: unknown key 'min_latin'; known keys: path, documents, format"),
        ({"text_field": "x"}, "expected a file name, or one after `path:`"),
        ({"path": "nowhere://x/y.txt"}, "nowhere://x/y.txt: "),
        ({"path": "memory://x/y.txt"}, "memory://x/y.txt: no such file"),
    ],
)
def test_a_mistake_in_an_input_is_told_before_any_work(tmp_path, documents, written, memory, entry, said):
    written(tmp_path / "good.txt", documents(50, seed=5))
    write_jsonl(tmp_path / "a.jsonl", documents(5, seed=6), "body")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"input": ["good.txt", entry], "train-bpe": {"vocab_size": 400}}))
    with pytest.raises(UserError, match=said):
        prepare(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_stages_say_that_they_read_local_files(tmp_path, refused):
    line = refused("dedup", "--input", "s3://bucket/a.txt", "--output", tmp_path / "b.txt")
    assert "s3:/bucket/a.txt: an address is read by clean alone" in line


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None  # what importing it then raises is a ModuleNotFoundError
from fairseq_hebrew import cli
sys.exit(cli.main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    "package, name",
    [
        ("zstandard", "a.jsonl.zst"),
        ("pyarrow", "a.parquet"),
        ("mwparserfromhell", "a.xml"),
        ("trafilatura", "a.html"),
        ("warcio", "a.warc"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_package_that_is_not_installed_gets_one_line(tmp_path, package, name, workers):
    if package == "warcio":
        pytest.importorskip("trafilatura", reason="needs fairseq-hebrew[readers]", exc_type=ImportError)
    (tmp_path / name).write_bytes(b"\x28\xb5\x2f\xfd" if "zst" in name else b"WARC/1.0\r\n\r\n")
    command = [sys.executable, "-c", WITHOUT, package, "clean", "--input", tmp_path / name]
    command += ["--output", tmp_path / "out.txt", "--workers", str(workers), "--max-broken", "100"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: {package}")
    assert line.endswith(" is not installed; install it with: pip install 'fairseq-hebrew[readers]'")
    assert not (tmp_path / "out.txt").exists()
