"""Three ways to count entities, on hand-worked cases where they differ; conlleval's rules on all short sequences."""

import itertools

import pytest

from fairseq_hebrew.eval.score import table
from fairseq_hebrew.eval.scores.chunks import conll_chunks, nemo_mentions
from fairseq_hebrew.eval.scores.tagged_words import score


def record(words, gold, predicted, scheme="bioes"):
    tags = {"gold": gold.split(), "predicted": predicted.split()}
    return {"kind": "token_classification", "task": "n", "scheme": scheme, "words": words.split(), **tags}


DIFFERENT = [
    # An entity that never ends: none by the strict rules and NEMO's, a right one by conlleval's.
    record("דנה כהן", "B-PER E-PER", "B-PER I-PER"),
    # The name at another place of the sentence: right for NEMO alone.
    record("ישראל נגד ישראל", "S-GPE O O", "O O S-GPE"),
    # It ends with another type: none; two wrong chunks; for NEMO it is what it began as, and right.
    record("רון לוי", "B-PER E-PER", "B-PER E-ORG"),
    # Twice there, found once: once right by all three.
    record("ישראל ישראל", "S-GPE S-GPE", "S-GPE O"),
]


def test_where_the_three_differ():
    found = score(DIFFERENT)
    # 5 mentions. Strict: 2 found, 1 right; conlleval: 5 found, 2 right; NEMO: 3 found, 3 right.
    assert (found["f1"], found["precision"], found["recall"], found["mentions"]) == (28.57, 50.0, 20.0, 5)
    conll, nemo = found["others"]["conlleval"], found["others"]["nemo mentions"]
    assert (conll["f1"], conll["precision"], conll["recall"], conll["mentions"]) == (40.0, 40.0, 40.0, 5)
    assert (nemo["f1"], nemo["precision"], nemo["recall"], nemo["mentions"]) == (75.0, 100.0, 60.0, 5)
    # Tags: 1 of 2, 1 of 3, 1 of 2, 1 of 2.
    assert (found["words"], found["token_accuracy"]) == (9, 44.44)
    # By type, (right, found, there): strict PER 0 0 2, GPE 1 2 3; conlleval PER 1 2 2, GPE 1 2 3, ORG 0 1 0;
    # NEMO PER 1 1 2, GPE 2 2 3.
    assert {name: row["f1"] for name, row in found["by_type"].items()} == {"PER": 0.0, "GPE": 40.0}
    assert {name: row["f1"] for name, row in conll["by_type"].items()} == {"PER": 50.0, "GPE": 40.0, "ORG": 0.0}
    assert {name: row["f1"] for name, row in nemo["by_type"].items()} == {"PER": 66.67, "GPE": 80.0}


def test_each_is_printed_by_its_name():
    told = table({"task": "n", "kind": "token_classification", **score(DIFFERENT)}).splitlines()
    assert told[0].endswith("seqeval strict, IOBES")
    assert "conlleval: F1 40.0, precision 40.0, recall 40.0" in told
    assert "nemo mentions: F1 75.0, precision 100.0, recall 60.0" in told


def test_the_three_agree_on_well_formed_tags():
    rows = [record("א ב ג ד", "B-PER I-PER E-PER S-GPE", "B-PER I-PER E-PER O")]
    found = score(rows)
    assert {found["f1"], *(other["f1"] for other in found["others"].values())} == {66.67}


def conlleval(tags):
    """The rules of the script on BIO, written down: what ends a chunk, and what begins one."""
    found, start = [], None
    before, kind_before = "O", ""
    for i, tag in enumerate([*tags, "O"]):
        place, kind = tag[0], tag[2:]
        another = kind != kind_before
        if before != "O" and (place in "BO" or another):
            found.append((kind_before, start, i - 1))
        if place != "O" and (place == "B" or before == "O" or another):
            start = i
        before, kind_before = place, kind
    return found


def test_seqevals_default_mode_has_the_rules_of_conlleval():
    tags = ["O", "B-A", "I-A", "B-B", "I-B"]
    for length in range(1, 6):
        for given in itertools.product(tags, repeat=length):
            assert conll_chunks(given) == conlleval(given), given


@pytest.mark.parametrize(
    ("tags", "mentions"),
    [
        ("B-A I-A E-A", [("A", "אבג")]),
        ("B-A I-B E-B", [("A", "אבג")]),
        ("S-A I-A E-A", [("A", "א")]),
        ("B-A S-B E-A", [("B", "ב")]),
        ("B-A B-B E-A", [("B", "בג")]),
        ("B-A O E-A", []),
        ("B-A E-A E-A", [("A", "אב")]),
    ],
)
def test_how_nemo_reads_broken_tags(tags, mentions):
    assert nemo_mentions("אבג", tags.split(), "bioes") == mentions


def test_bio_is_scored_too():
    found = score([record("תל אביב תל אביב", "B-GPE I-GPE O O", "O O B-GPE I-GPE", "bio")])
    assert found["scorer"] == "seqeval strict, IOB2"
    assert (found["f1"], found["others"]["conlleval"]["f1"], found["others"]["nemo mentions"]["f1"]) == (0, 0, 100)


def test_nothing_at_all_is_zero():
    found = score([record("", "", ""), record("א", "O", "O")])
    assert found["f1"] == found["others"]["conlleval"]["f1"] == 0.0 and found["token_accuracy"] == 100.0
