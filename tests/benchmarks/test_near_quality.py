"""Recall and precision of near-duplicate removal, as the benchmark counts them."""

import pytest

from benchmarks import measure, near_quality, text


@pytest.fixture
def without_peer(monkeypatch):
    """The benchmark without datatrove's part of it, which keeps everything then."""
    run = measure.run

    def only_ours(command, **options):
        if "benchmarks.peers.datatrove_minhash" in command:
            source, folder = command[-3:-1]
            (folder / "kept").mkdir(parents=True)
            documents = source.read_text(encoding="utf-8").count("\n\n")
            (folder / "kept" / "00000.jsonl").write_text('{"text": ""}\n' * documents)
            return measure.Measured(1, 1)
        return run(command, **options)

    monkeypatch.setattr(near_quality.measure, "run", only_ours)


def test_planted_near_duplicates_are_found_and_nothing_else(tmp_path, monkeypatch, without_peer):
    words = [[f"מילה{i}א{j}" for j in range(400)] for i in range(20)]
    monkeypatch.setattr(text, "documents", lambda: ([" ".join(line)] for line in words))
    monkeypatch.setattr(near_quality, "REPLACED", (0, 2, 60))
    same, near, far = near_quality.rows(tmp_path, 40, 0.75)
    assert (same.pairs, same.jaccard, same.reach, same.found, same.removed, same.wrong) == (40, 1.0, 40, 40, 40, 0)
    assert near.reach == near.found == near.removed == 40 and 0.85 < near.jaccard < 0.96 and near.wrong == 0
    assert far.reach == far.found == far.removed == 0 and far.jaccard < 0.4
    assert same.theirs == near.theirs == 0


def test_a_removal_without_a_near_duplicate_is_counted():
    documents = ["א ב ג ד ה ו", "א ב ג ד ה ז", "ח ט י כ ל מ"]
    sets = [near_quality.grams(document) for document in documents]
    kept = near_quality.Counter([documents[0]])
    assert near_quality._without_near_duplicate(documents, sets, kept, 0.9) == 2
    assert near_quality._without_near_duplicate(documents, sets, kept, 0.3) == 1
