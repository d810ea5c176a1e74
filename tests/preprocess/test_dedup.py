"""Exact deduplication: the first of equal documents is kept."""

import pytest

from fairseq_hebrew.preprocess import dedup as module
from fairseq_hebrew.preprocess.dedup import Settings, dedup


def test_the_first_is_kept_in_order_across_files(tmp_path, documents, written):
    made = documents(100, seed=1)
    first = written(tmp_path / "1.txt", [*made[:60], *made[20:40], *made[:3]])
    second = written(tmp_path / "2.txt", [*made[50:], made[0]])
    output = tmp_path / "out.txt"
    manifest = dedup(Settings(input=[tmp_path / "[12].txt"], output=output))
    assert output.read_bytes() == written(tmp_path / "wanted", made).read_bytes()
    assert manifest["counts"] == {"documents_in": 134, "documents_out": 100, "duplicates": 34}
    assert [record["path"] for record in manifest["inputs"]] == [str(first), str(second)]


@pytest.mark.parametrize("megabyte", [1 << 20, 3000, 300])
def test_any_memory_gives_the_same_result(tmp_path, documents, written, monkeypatch, megabyte):
    made = documents(300, seed=2) * 2
    source = written(tmp_path / "a.txt", made)

    class Small(module.KeyCounter):
        def __init__(self, path, width, memory):
            super().__init__(path, width, memory // (1 << 20) * megabyte)

    monkeypatch.setattr(module, "KeyCounter", Small)
    dedup(Settings(input=[source], output=tmp_path / "out.txt", memory=1))
    assert (tmp_path / "out.txt").read_bytes() == written(tmp_path / "wanted", made[:300]).read_bytes()


def test_line_ends_blank_lines_and_a_missing_last_newline_make_no_difference(tmp_path):
    source = tmp_path / "a.txt"
    source.write_bytes(b"\xef\xbb\xbf\none\ntwo\n\n\n\none\r\ntwo\r\n\r\n \none\n\ntwo\n\none\ntwo")
    dedup(Settings(input=[source], output=tmp_path / "out.txt"))
    assert (tmp_path / "out.txt").read_bytes() == b"one\ntwo\n\none\n\ntwo\n\n"


def test_lines_as_documents(tmp_path):
    source = tmp_path / "a.txt"
    source.write_bytes(b"one\ntwo\n\none\nthree")
    dedup(Settings(input=[source], output=tmp_path / "out.txt", documents="lines"))
    assert (tmp_path / "out.txt").read_bytes() == b"one\n\ntwo\n\nthree\n\n"


def test_the_command(tmp_path, documents, written, command):
    made = documents(5, seed=3)
    source = written(tmp_path / "a.txt", [*made, *made])
    done = command("dedup", "--input", source, "--output", tmp_path / "out.txt", "--memory", "1")
    assert done.returncode == 0 and done.stdout == ""
    assert (tmp_path / "out.txt").read_bytes() == written(tmp_path / "wanted", made).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "out.txt", "out.txt.manifest.json", "wanted"]
