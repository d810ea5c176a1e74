"""Which documents overlap evaluation data, against a plain search, and on real data."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from fairseq_hebrew.preprocess.dedup import Settings, dedup
from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.duplicates.contamination import grams_part, overlap_part, report_part
from fairseq_hebrew.preprocess.duplicates.exact import read_mask
from fairseq_hebrew.preprocess.duplicates.words import split_words

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture
def search(tmp_path):
    """A function that looks for evaluation texts in documents: (flags of the documents, the report)."""

    def run(evaluation, documents, shared=1, workers=1):
        test, text = tmp_path / "test.json", tmp_path / "a.txt"
        test.write_text(json.dumps(evaluation), encoding="utf-8")
        text.write_text("".join(f"{document}\n\n" for document in documents), encoding="utf-8")
        grams, found, dropped = tmp_path / "grams", tmp_path / "found", tmp_path / "dropped"
        grams_part([test], grams)
        overlap_part(text, grams, shared, found, dropped, workers)
        report_part([test], grams, [text], [found], shared, tmp_path / "report.json")
        return read_mask(dropped).tolist(), json.loads((tmp_path / "report.json").read_text("utf-8"))["evaluation"][0]

    return run


def words(first, last):
    return " ".join(f"מילה{number}" for number in range(first, last))


def test_thirteen_words_in_a_row(search):
    documents = [words(0, 30), words(10, 22), words(10, 23), f"א {words(10, 23)} ב", words(23, 40), words(0, 9)]
    flags, report = search([words(5, 23), "too short"], documents)
    assert flags == [1, 0, 1, 1, 0, 0]
    sample = report.pop("samples")
    assert report.pop("file").endswith("test.json")
    assert report == {"texts": 2, "too_short": 1, "overlapping_texts": 1, "documents_dropped": 3}
    assert len(sample) == 1 and sample[0]["evaluation_text"] == words(5, 23)
    assert sample[0]["document"] == 1 and sample[0]["file"].endswith("a.txt")
    assert len(sample[0]["shared_words"].split()) == 13 and sample[0]["shared_words"] in words(5, 23)


def test_a_run_may_go_over_lines_and_punctuation_and_spelling_of_quotes(search):
    text = f'צה"ל הודיע, {words(0, 12)}.'
    flags, report = search([text], [f"צה״ל הודיע\n{words(0, 6)} - {words(6, 12)}", f"צהל {words(0, 12)}"])
    assert flags == [1, 0]
    assert report["samples"][0]["shared_words"].startswith("צהל הודיע מילה0")


@pytest.mark.parametrize("length, found", [(7, 0), (8, 1), (12, 1), (13, 1)])
def test_short_texts_match_whole(search, length, found):
    flags, report = search(
        [words(0, length)], [f"לפני {words(0, length)} אחרי", words(1, length), words(0, length - 1)]
    )
    assert flags == [found, 0, 0] and report["too_short"] == 1 - found


def test_as_many_shared_grams_as_are_asked_for(search):
    documents = [words(0, 13), words(0, 14), words(0, 15), f"{words(0, 13)}. {words(0, 13)}", words(50, 58)]
    texts = [words(0, 40), words(50, 58)]
    assert search(texts, documents, 1)[0] == [1, 1, 1, 1, 1]
    assert search(texts, documents, 2)[0] == [0, 1, 1, 0, 1], "the same gram twice is one"
    flags, report = search(texts, documents, 3)
    assert flags == [0, 0, 1, 0, 1] and report["overlapping_texts"] == 2 and report["documents_dropped"] == 2


def test_nothing_long_enough_to_match(search):
    flags, report = search(["כן", "לא"], [words(0, 20), "כן"])
    assert flags == [0, 0] and report.pop("file").endswith("test.json")
    assert report == {"texts": 2, "too_short": 2, "overlapping_texts": 0, "documents_dropped": 0, "samples": []}


@pytest.mark.parametrize("shared, workers", [(1, 1), (2, 3)])
def test_random_texts_against_a_plain_search(search, shared, workers):
    choice = random.Random(shared)
    lexicon = ["אב", "גד", "הו", 'צה"ל', "ab"]

    def text(length):
        return "".join(choice.choice(lexicon) + choice.choice([" ", " ", ", ", "\n"]) for _ in range(length)).strip()

    evaluation = [text(choice.randint(1, 16)) for _ in range(300)]
    documents = [text(choice.choice([5, 12, 30, 200])) for _ in range(400)]
    # Some stand in a document for sure.
    documents += [f"{text(5)} {one} {text(3)}" for one in evaluation[:50]]
    grams, whole = set(), set()
    for one in evaluation:
        mine = split_words(one)
        if len(mine) >= 13:
            grams |= {tuple(mine[n : n + 13]) for n in range(len(mine) - 12)}
        elif len(mine) >= 8:
            whole.add(tuple(mine))
    wanted = []
    for document in documents:
        mine = split_words(document)
        runs = {tuple(mine[n : n + size]) for size in range(8, 14) for n in range(len(mine) - size + 1)}
        wanted.append(int(len(runs & grams) >= shared or bool(runs & whole)))
    flags, report = search(evaluation, documents, shared, workers)
    assert flags == wanted and 20 <= sum(wanted) < len(documents)
    assert report["documents_dropped"] == sum(wanted)


def test_more_found_than_there_is_room_for_at_first(search):
    flags, report = search([words(0, 6000)], [words(0, 6000), words(6000, 6100)])
    assert flags == [1, 0] and report["overlapping_texts"] == 1


def test_what_overlaps_is_out_before_a_cluster_chooses(tmp_path):
    """The longest of a cluster holds evaluation text: the next one is kept, not none."""
    test = words(100, 113)
    texts = [words(0, 90), f"{words(0, 90)} {test}", words(0, 89)]
    (tmp_path / "a.txt").write_text("".join(f"{text}\n\n" for text in texts), encoding="utf-8")
    (tmp_path / "test.txt").write_text(test, encoding="utf-8")
    settings = Settings(
        input=[tmp_path / "a.txt"], output=tmp_path / "out.txt", near=True, against=[tmp_path / "test.txt"]
    )
    counts = dedup(settings)["counts"]
    assert (tmp_path / "out.txt").read_text("utf-8") == f"{texts[0]}\n\n"
    assert counts["overlapping"] == 1 and counts["near_duplicates"] == 1 and counts["duplicates"] == 0


@pytest.mark.skipif(not REAL.exists(), reason="the real Hebrew data is not here")
def test_real_evaluation_sets_against_real_articles(tmp_path):
    """A context of HeQ stands whole in the articles; what is left shares no 13 words with any evaluation set."""
    source = REAL / "text" / "wikipedia_articles.txt"
    sets = [
        REAL / "qa" / "heq_val.json",
        REAL / "qa" / "heq_test.json",
        REAL / "ner" / "nemo" / "token-single_test.bmes",
    ]
    sets += [REAL / "sentiment" / "smcd" / "test_gold.tsv", REAL / "retrieval" / "queries.jsonl"]
    output = tmp_path / "out.txt"
    manifest = dedup(Settings(input=[source], output=output, against=sets, workers=2))
    report = json.loads((tmp_path / "out.txt.against.json").read_text("utf-8"))["evaluation"]
    contexts = [
        paragraph["context"]
        for path in sets[:2]
        for article in json.loads(path.read_text("utf-8"))["data"]
        for paragraph in article["paragraphs"]
    ]
    text = source.read_text("utf-8")
    assert any(context in text for context in contexts)
    assert not any(context in output.read_text("utf-8") for context in contexts)
    found = {Path(one["file"]).name: one for one in report}
    assert sum(found[name]["overlapping_texts"] for name in ("heq_val.json", "heq_test.json")) > 0
    assert all(one["texts"] > 500 for one in report)
    assert manifest["counts"]["overlapping"] > 0 < manifest["counts"]["documents_out"]
    kept = output.read_bytes()
    assert {document.text for document in read_documents(output)} < {
        document.text for document in read_documents(source)
    }

    def runs(text):
        mine = split_words(text)
        return {tuple(mine[n : n + 13]) for n in range(len(mine) - 12)}

    left = set().union(*(runs(document) for document in kept.decode().split("\n\n")))
    assert not any(runs(context) & left for context in contexts)
    assert np.all([sample["shared_words"] for one in report for sample in one["samples"]])
