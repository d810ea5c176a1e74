"""Paragraphs that stand in more than one place, against a plain way, however the work is divided."""

import random
from collections import defaultdict
from hashlib import blake2b

import pytest

from fairseq_hebrew.preprocess.dedup import Settings, dedup
from fairseq_hebrew.preprocess.duplicates import signatures as signatures_module
from fairseq_hebrew.preprocess.duplicates.filtering import filter_part
from fairseq_hebrew.preprocess.duplicates.paragraphs import paragraph_part, repeated_part


@pytest.fixture
def search(tmp_path):
    """A function that runs the parts over documents (lists of lines): (what is kept, counts)."""
    runs = iter(range(100))

    def run(documents, characters=5, shards=1, memory=1 << 30, workers=1):
        folder = tmp_path / f"run{next(runs)}"
        folder.mkdir()
        cuts = [len(documents) * number // shards for number in range(shards + 1)]
        kinds = ("text", "keys", "kept", "out")
        files = {kind: [folder / f"{number}.{kind}" for number in range(shards)] for kind in kinds}
        for number in range(shards):
            mine = documents[cuts[number] : cuts[number + 1]]
            files["text"][number].write_text("".join("\n".join(lines) + "\n\n" for lines in mine), encoding="utf-8")
            paragraph_part(files["text"][number], files["keys"][number], characters, workers)
        counts = repeated_part(files["keys"], files["kept"], memory)
        for names in zip(*files.values()):
            filter_part(*names)
        text = "".join(path.read_text(encoding="utf-8") for path in files["out"])
        return [document.split("\n") for document in text.split("\n\n")[:-1]], counts

    return run


def plainly(documents, characters):
    owners = [blake2b(("\n".join(lines) + "\n\n").encode(), digest_size=8).digest() for lines in documents]
    places = defaultdict(list)
    for number, lines in enumerate(documents):
        for position, line in enumerate(lines):
            if len(line) >= characters:
                places[line].append((owners[number], number, position))
    kept = [
        [
            line
            for position, line in enumerate(lines)
            if len(line) < characters or min(places[line]) == (owners[number], number, position)
        ]
        for number, lines in enumerate(documents)
    ]
    return [lines for lines in kept if lines]


@pytest.fixture(scope="module")
def corpus():
    choice = random.Random(1)
    lines = [f"פסקה {'ארוכה ' * (number % 4)}{number}" for number in range(150)] + ["כן", "לא", "שלום"]
    return [choice.choices(lines, k=choice.randint(1, 6)) for _ in range(300)]


@pytest.mark.parametrize("characters", [1, 5, 12])
def test_what_a_plain_way_keeps(corpus, search, characters):
    kept, counts = search(corpus, characters)
    wanted = plainly(corpus, characters)
    assert kept == wanted
    assert counts == {
        "paragraphs_removed": sum(map(len, corpus)) - sum(map(len, wanted)),
        "documents_without_paragraphs": len(corpus) - len(wanted),
    }
    assert 0 < len(wanted) < len(corpus)


def test_however_the_work_is_divided(corpus, search, monkeypatch):
    wanted = search(corpus)
    assert search(corpus, shards=3, workers=3) == wanted
    assert search(corpus, shards=2, memory=3000) == wanted
    monkeypatch.setattr(signatures_module, "GROUP", 3)
    assert search(corpus, shards=2) == wanted


def test_the_order_of_documents_does_not_matter(search):
    documents = [[f"שורה {number}", f"שורה {number + 1}", f"שורה {number * 7 % 40}"] for number in range(40)]
    kept = search(documents)[0]
    other = random.Random(2).sample(documents, len(documents))
    assert sorted(search(other)[0]) == sorted(kept) and kept != documents


def test_length_is_in_characters_and_short_paragraphs_stay(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("אבגדה\nכן\nאבגדהו\n\nאבגדהו\nכן\n\nאבגדה\n\nאבגדהו\n\n", encoding="utf-8")
    settings = Settings(
        input=[source], output=tmp_path / "out.txt", unit="paragraphs", paragraph_characters=6, workers=2
    )
    counts = dedup(settings)["counts"]
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert text.count("אבגדהו\n") == 1 and text.count("כן\n") == 2 and text.count("אבגדה\n") == 2
    assert counts["paragraphs_removed"] == 2
    assert counts["documents_out"] == text.count("\n\n") == 4 - counts["documents_without_paragraphs"]
