"""Pairs out of plain text: what is a passage, which sentence asks, and how often it is removed."""

import json

import pytest

from fairseq_hebrew.preprocess.documents import Document
from fairseq_hebrew.preprocess.inverse_cloze import COMMAND, Settings, pair, passages
from tests.conftest import HANDWRITTEN, run, the_error

SENTENCES = ["אחת שתיים שלוש ארבע.", "כן.", "חמש שש שבע שמונה תשע?", "עשר!"]


def settings(**keys) -> Settings:
    return Settings(input=[], output=None, **keys)


def made(tmp_path, text, *options, name="p.jsonl"):
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    arguments = ("--input", tmp_path / "t.txt", "--output", tmp_path / name, *options)
    assert COMMAND.main([str(part) for part in arguments]) == 0
    manifest = json.loads((tmp_path / f"{name}.manifest.json").read_text(encoding="utf-8"))
    lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines], manifest["counts"]


def test_passages_are_whole_sentences_of_one_document():
    document = Document(1, (" ".join(SENTENCES[:2]) + "\n" + " ".join(SENTENCES[2:]) + "\n").encode())
    assert list(passages(document, 150)) == [SENTENCES]
    assert list(passages(document, 6)) == [SENTENCES[:2], SENTENCES[2:]]
    assert list(passages(document, 3)) == [[sentence] for sentence in SENTENCES]


def test_a_pair():
    for number in range(40):
        found = pair(SENTENCES, number, settings(removed=1.0))
        assert found["query"] in (SENTENCES[0], SENTENCES[2])  # the others are too short
        assert found["positive"] == " ".join(sentence for sentence in SENTENCES if sentence != found["query"])
        assert pair(SENTENCES, number, settings(removed=0.0))["positive"] == " ".join(SENTENCES)
    assert pair(SENTENCES[:1], 1, settings()) is None
    assert pair(SENTENCES, 1, settings(least_query_words=6)) is None


def test_a_sentence_that_stands_there_twice_is_removed_once():
    found = pair([SENTENCES[0]] * 2, 1, settings(removed=1.0))
    assert found == {"query": SENTENCES[0], "positive": SENTENCES[0]}


def test_nine_of_ten_passages_lack_their_query():
    found = [pair(SENTENCES, number, settings()) for number in range(2000)]
    removed = sum(one["query"] not in one["positive"] for one in found)
    assert 1740 <= removed <= 1860  # 1800, give or take four standard deviations
    asked = sum(one["query"] == SENTENCES[0] for one in found)
    assert 900 <= asked <= 1100


def test_the_command(tmp_path):
    text = f"{' '.join(SENTENCES)}\n{' '.join(SENTENCES[2:])}\n\n{SENTENCES[1]}\n\n{' '.join(SENTENCES[:2])}\n"
    found, counts = made(tmp_path, text, "--passage-words", 11, "--removed", 1)
    assert counts == {"documents": 3, "passages": 4, "pairs": 3, "without_a_query": 1}
    assert len(found) == 3 and found[2] == {"query": SENTENCES[0], "positive": SENTENCES[1]}
    again, _ = made(tmp_path, text, "--passage-words", 11, "--removed", 1, name="again.jsonl")
    other, _ = made(tmp_path, text, "--passage-words", 11, "--removed", 1, "--seed", 5, name="other.jsonl")
    assert again == found != other


def test_its_pairs_are_pairs(tmp_path):
    from fairseq_hebrew.data.described.retrieval import Retrieval
    from fairseq_hebrew.data.examples import read_pair_set

    files = sorted(HANDWRITTEN.glob("a0*.txt"))
    assert COMMAND.main(["--input", *map(str, files), "--output", str(tmp_path / "p.jsonl")]) == 0
    found = read_pair_set(tmp_path / "p.jsonl", tmp_path, Retrieval(name="n", files={}, metric="mrr@10"))
    assert len(found) > 50


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("מילה\n\nמילה\n", (), "no passage of it has two sentences"),
        ("\n\n", (), "holds blank lines only"),
        ("א. ב\nא\n", (), "has no blank line between documents"),
    ],
)
def test_text_without_pairs_is_refused(tmp_path, text, options, told):
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    done = run(
        "fairseq-hebrew", "inverse-cloze", "--input", tmp_path / "t.txt", "--output", tmp_path / "p.jsonl", *options
    )
    assert told in the_error(done) and not (tmp_path / "p.jsonl").exists()


def test_a_share_above_one_is_wrong_usage(tmp_path):
    done = run("fairseq-hebrew", "inverse-cloze", "--input", "t", "--output", tmp_path / "p.jsonl", "--removed", 2)
    assert done.returncode == 2 and "a share is from 0 to 1" in done.stderr
