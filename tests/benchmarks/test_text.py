"""The text that is measured on."""

import pytest

from benchmarks import text


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Twenty documents of one to four numbered lines."""
    path = tmp_path / "small.txt"
    made = [[f"שורה {i} {j}" for j in range(i % 4 + 1)] for i in range(20)]
    path.write_text("\n\n".join("\n".join(lines) for lines in made) + "\n", encoding="utf-8")
    monkeypatch.setattr(text, "sources", lambda: ("small", [path]))
    return {"\n".join(lines) for lines in made}


def read(path):
    return path.read_text(encoding="utf-8").removesuffix("\n\n").split("\n\n")


def test_a_part_of_the_text_is_whole_documents_of_it(tmp_path, small):
    written = text.write(tmp_path / "t.txt", 0.0003)
    size = (tmp_path / "t.txt").stat().st_size
    assert size >= 300 and written * 1e6 == pytest.approx(size)
    found = read(tmp_path / "t.txt")
    assert 1 < len(found) < 20 and set(found) <= small


def test_more_than_there_is_has_the_same_lines_in_new_documents(tmp_path, small):
    text.write(tmp_path / "t.txt", 0.002)
    found = read(tmp_path / "t.txt")
    assert set(found[:20]) == small
    rest = found[20:40]
    assert len(set(rest) - small) > 10
    lines = sorted(line for document in rest for line in document.split("\n"))
    assert lines == sorted(line for document in small for line in document.split("\n"))


def test_lines_without_the_blank_ones(tmp_path, small):
    text.write(tmp_path / "t.txt", 0.0003, lines_only=True)
    lines = (tmp_path / "t.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 3 and set(lines) <= {line for document in small for line in document.split("\n")}


def test_there_is_text_here():
    name, files = text.sources()
    assert name and files and all(path.stat().st_size for path in files)
