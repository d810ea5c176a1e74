"""Near-duplicates against brute force, however the work is divided, and the hostile corpora."""

import random
from collections import defaultdict

import numpy as np
import pytest

from benchmarks.planted import cut, plant
from fairseq_hebrew.preprocess.duplicates import bands as bands_module
from fairseq_hebrew.preprocess.duplicates import cluster as cluster_module
from fairseq_hebrew.preprocess.duplicates.banding import Banding, choose_banding
from fairseq_hebrew.preprocess.duplicates.bands import band_part
from fairseq_hebrew.preprocess.duplicates.cluster import cluster_part
from fairseq_hebrew.preprocess.duplicates.exact import exact_part, read_mask
from fairseq_hebrew.preprocess.duplicates.filtering import filter_part
from fairseq_hebrew.preprocess.duplicates.signatures import signature_part
from fairseq_hebrew.preprocess.duplicates.words import split_words
from fairseq_hebrew.stage.errors import UserError

# Every pair that has a Jaccard of 0.1 or more is a candidate but for one in 10^5: as good as all pairs.
ALL_PAIRS = {"bands": 128, "rows": 1}


@pytest.fixture
def search(tmp_path):
    """A function that runs the parts over documents: (texts kept, counts, flags)."""
    runs = iter(range(1000))

    def run(documents, banding, shards=1, partitions=None, memory=1 << 30, workers=1):
        folder = tmp_path / f"run{next(runs)}"
        folder.mkdir()
        cuts = [len(documents) * number // shards for number in range(shards + 1)]
        texts, signatures, kept, outputs = [], [], [], []
        for number in range(shards):
            names = [folder / f"{number}.{kind}" for kind in ("text", "signatures", "kept", "out")]
            for files, name in zip((texts, signatures, kept, outputs), names):
                files.append(name)
            mine = documents[cuts[number] : cuts[number + 1]]
            names[0].write_text("".join(f"{text}\n\n" for text in mine), encoding="utf-8")
            signature_part(names[0], names[1], banding, workers)
        exact_part(signatures, folder / "alive", memory)
        partitions = partitions or banding.bands
        pairs = [folder / f"{number}.pairs" for number in range(partitions)]
        counts = defaultdict(int)
        for number, output in enumerate(pairs):
            for key, value in band_part(
                signatures, folder / "alive", number, partitions, output, banding, memory
            ).items():
                counts[key] += value
        counts.update(cluster_part(signatures, folder / "alive", pairs, texts, kept, banding, memory, workers))
        for names in zip(texts, signatures, kept, outputs):
            filter_part(*names)
        made = "".join(path.read_text(encoding="utf-8") for path in outputs).split("\n\n")[:-1]
        return made, dict(counts), np.concatenate([read_mask(path) for path in kept])

    return run


def grams_of(text, size=5):
    words = split_words(text)
    size = min(size, len(words))
    return {tuple(words[first : first + size]) for first in range(len(words) - size + 1)} if size else set()


def brute_force(documents, threshold):
    """(texts kept, number of pairs that reach the threshold, clusters) by comparing all pairs of distinct texts."""
    distinct = list(dict.fromkeys(documents))
    sets = [grams_of(text) for text in distinct]
    group = list(range(len(distinct)))
    pairs = 0
    for b in range(len(sets)):
        for a in range(b):
            if sets[a] and sets[b] and len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= threshold:
                pairs += 1
                old, new = group[b], group[a]
                group = [new if one == old else one for one in group]
    members = defaultdict(list)
    for number, one in enumerate(group):
        members[one].append(number)
    best = set()
    for mine in members.values():
        longest = max(len(distinct[number].encode()) for number in mine)
        best.add(tuple(number for number in mine if len(distinct[number].encode()) == longest))
    return distinct, best, pairs, [mine for mine in members.values() if len(mine) > 1]


@pytest.fixture(scope="module")
def corpus(documents):
    """About 300 documents with planted near-duplicates of every distance, chains, equal ones and hardly any text."""
    texts = ["\n".join(lines) for lines in documents(120, seed=1, paragraphs=6, words=25)]
    made = list(texts)
    for number, replaced in enumerate((1, 2, 3, 4, 6, 8, 16)):
        made += plant(texts[number * 12 : number * 12 + 12], replaced, seed=number)
    chain = texts[100:101]
    for number in range(8):
        chain += plant(chain[-1:], 1, seed=50 + number)
    made += chain + texts[:20]
    made += ["", ".", "כן", "כן.", "לא", "כן כן", "כן, כן!", "אחת שתיים שלוש ארבע", "אחת שתיים שלוש ארבע חמש", "..."]
    made = [text for text in made if text]
    random.Random(2).shuffle(made)
    return made


@pytest.mark.parametrize("threshold", [0.5, 0.75, 0.9])
def test_with_every_pair_a_candidate_it_is_what_brute_force_finds(corpus, search, threshold):
    kept, counts, flags = search(corpus, Banding(threshold, 5, **ALL_PAIRS))
    distinct, best, pairs, clusters = brute_force(corpus, threshold)
    assert counts["clusters"] == len(clusters) > 3
    assert counts["near_duplicates"] == sum(len(mine) - 1 for mine in clusters)
    # Of each cluster one of the longest, and nothing else.
    numbers = [distinct.index(text) for text in kept]
    assert len(numbers) == len(set(numbers)) == len(best)
    assert all(len(set(one) & set(numbers)) == 1 for one in best)
    # Pairs of one cluster may be skipped, none that is no near-duplicate may pass.
    assert sum(len(mine) - 1 for mine in clusters) <= counts["verified_pairs"] <= pairs
    assert kept == [text for text, flag in zip(corpus, flags) if flag], "in order and unaltered"


def test_what_banding_misses_is_kept_and_what_it_finds_is_true(corpus, search):
    distinct, best, _, clusters = brute_force(corpus, 0.6)
    kept, counts, _ = search(corpus, Banding(0.6, 5, 4, 12))
    numbers = {distinct.index(text) for text in kept}
    in_clusters = {number for mine in clusters for number in mine}
    assert set(range(len(distinct))) - numbers < in_clusters, "nothing is removed that has no near-duplicate"
    assert all(set(one) & numbers for one in best), "the longest of each is there"
    assert len(best) < len(numbers) < len(distinct), "with so few bands something is missed"
    assert counts["verified_pairs"] <= counts["compared_pairs"] <= counts["candidate_pairs"]


def test_recall_of_planted_near_duplicates_is_that_of_the_theory(documents, search):
    """200 words with 0 to 16 of them replaced: among pairs of one Jaccard, as many are found as the banding finds."""
    texts = list(cut(("\n".join(lines) for lines in documents(120, seed=7, paragraphs=60, words=40)), 200))[:300]
    assert len(texts) == 300
    # A banding that misses something, and a threshold below every pair.
    banding = Banding(0.05, 5, 14, 8)
    for replaced in (0, 1, 2, 4, 8, 16):
        copies = [f"{text} ." for text in plant(texts, replaced, seed=replaced)]
        kept, _, _ = search(texts + copies, banding)
        kept = set(kept)
        found = sum(not {text, copy} <= kept for text, copy in zip(texts, copies)) / len(texts)
        jaccards = []
        for text, copy in zip(texts, copies):
            mine, other = grams_of(text), grams_of(copy)
            jaccards.append(len(mine & other) / len(mine | other))
        assert found == pytest.approx(np.mean([banding.recall(one) for one in jaccards]), abs=0.09), replaced
        chosen, _, _ = search(texts + copies, choose_banding(0.75, 5))
        removed = set(texts + copies) - set(chosen)
        reach = [one >= 0.75 for one in jaccards]
        assert sum(text in removed or copy in removed for text, copy in zip(texts, copies)) == sum(reach)


def test_however_the_work_is_divided(corpus, search):
    banding = choose_banding(0.7, 5)
    kept, counts, flags = search(corpus, banding)
    for options in (
        {"shards": 3},
        {"shards": 7, "partitions": 1, "workers": 3},
        {"partitions": 64},
        {"partitions": 5, "memory": 20_000},
        {"shards": 2, "memory": 500, "workers": 2},
    ):
        again = search(corpus, banding, **options)
        assert again[:2] == (kept, counts) and (again[2] == flags).all(), options


def test_rounds_of_any_size_and_groups_of_any_size_change_no_text(corpus, search, monkeypatch):
    from fairseq_hebrew.preprocess.duplicates import signatures as signatures_module

    banding = choose_banding(0.7, 5)
    kept = search(corpus, banding)[0]
    monkeypatch.setattr(cluster_module, "ROUND", 7)
    monkeypatch.setattr(signatures_module, "GROUP", 5)
    assert search(corpus, banding, shards=3)[0] == kept


def test_the_order_of_documents_does_not_matter(corpus, search):
    banding = choose_banding(0.7, 5)
    kept, counts, _ = search(corpus, banding)
    for seed in range(3):
        other = random.Random(seed).sample(corpus, len(corpus))
        again, found, _ = search(other, banding, shards=seed + 1)
        assert sorted(again) == sorted(kept)
        assert {key: found[key] for key in ("clusters", "near_duplicates", "candidate_pairs")} == {
            key: counts[key] for key in ("clusters", "near_duplicates", "candidate_pairs")
        }


def test_a_chain_is_one_cluster_although_its_ends_are_far_apart(search):
    words = [f"מילה{number}" for number in range(60)]
    texts = [" ".join(words[first : first + 40]) + "!" * first for first in range(0, 21, 2)]
    ends = grams_of(texts[0]), grams_of(texts[-1])
    assert len(ends[0] & ends[1]) / len(ends[0] | ends[1]) < 0.4
    kept, counts, _ = search(texts, Banding(0.8, 5, **ALL_PAIRS))
    assert counts["clusters"] == 1 and kept == texts[-1:], "the longest is kept"


def test_short_documents_are_near_duplicates_when_all_their_words_are_the_same(search):
    texts = [
        "כן",
        "כן.",
        "לא",
        "כן כן",
        "שלום לכם ידידים טובים",
        'שלום, לכם "ידידים" טובים!',
        "שלום לכם ידידים",
        "..",
        "!",
    ]
    kept, counts, _ = search(texts, choose_banding(0.5, 5))
    assert kept == ["כן.", "לא", "כן כן", 'שלום, לכם "ידידים" טובים!', "שלום לכם ידידים", "..", "!"]
    assert counts["clusters"] == 2


def test_a_bucket_of_thousands_is_bounded_and_found_whole(search):
    """3,000 documents of the same words: every band has one bucket of all of them, 4.5 million pairs."""
    words = [f"מילה{number}" for number in range(30)]
    choice = random.Random(1)
    texts = list({" ".join(word + choice.choice(["", ".", ",", "!", ";"]) for word in words) for _ in range(3000)})
    others = [" ".join(choice.choices(words, k=30)) for _ in range(300)]
    mixed = choice.sample(texts + others, len(texts) + len(others))
    banding = choose_banding(0.75, 5)
    kept, counts, _ = search(mixed, banding)
    assert counts["buckets_cut"] == banding.bands
    assert counts["candidate_pairs"] < banding.bands * len(texts) * 64 + 1000
    assert counts["pairs_left_out"] == banding.bands * (len(texts) * (len(texts) - 1) // 2 - len(texts) * 64)
    assert set(kept) >= set(others) and len(kept) == len(others) + 1 and counts["clusters"] == 1
    assert counts["compared_pairs"] < 2 * cluster_module.ROUND, "pairs of one cluster are skipped"
    again, found, _ = search(choice.sample(mixed, len(mixed)), banding, shards=2, partitions=3, memory=1 << 20)
    assert sorted(again) == sorted(kept) and found["candidate_pairs"] == counts["candidate_pairs"]


def test_a_large_bucket_of_two_kinds_is_taken_apart(search, monkeypatch):
    """Documents that share a long preamble meet in one bucket; only those that are alike are one cluster."""
    monkeypatch.setattr(bands_module, "MOST_COMPARED", 16)
    choice = random.Random(3)
    preamble = " ".join(f"פתיחה{number}" for number in range(30))
    texts = []
    for kind in range(3):
        body = " ".join(f"גוף{kind}{number}" for number in range(40))
        texts += [f"{preamble} {body} סוף{kind}{number}" for number in range(60)]
    choice.shuffle(texts)
    kept, counts, _ = search(texts, Banding(0.8, 5, 32, 1))
    assert counts["buckets_cut"] > 0 and counts["clusters"] == 3 and len(kept) == 3


def test_one_giant_document_among_small_ones(search):
    choice = random.Random(4)
    giant = " ".join(f"מילה{choice.randrange(50_000)}" for _ in range(600_000))
    assert len(giant.encode()) > 6 << 20, "longer than a block"
    texts = ["מסמך קטן ראשון עם כמה מילים", giant, "מסמך קטן ראשון עם כמה מילים.", giant + " ועוד מילה"]
    kept, counts, _ = search(texts, choose_banding(0.75, 5), memory=1 << 20, workers=2)
    assert kept == texts[2:] and counts["clusters"] == 2


@pytest.mark.parametrize(
    "anew", ["אחת שתיים שלוש ארבע חמש שש שבע שמונה", "אחת", "א ב ג ד ה ו ז ח ט י כ ל מ נ ס ע פ צ ק ר ש ת"]
)
def test_a_text_that_changed_since_it_was_signed_is_refused(tmp_path, anew):
    text, banding = tmp_path / "text", choose_banding(0.75, 5)
    text.write_text("אחת שתיים שלוש ארבע חמש שש\n\nאחת שתיים, שלוש ארבע חמש שש\n\n", encoding="utf-8")
    signature_part(text, tmp_path / "signatures", banding)
    exact_part([tmp_path / "signatures"], tmp_path / "alive", 1 << 20)
    band_part([tmp_path / "signatures"], tmp_path / "alive", 0, 1, tmp_path / "pairs", banding, 1 << 20)
    text.write_text(f"{anew}\n\n", encoding="utf-8")
    paths = [tmp_path / "pairs"], [text], [tmp_path / "kept"]
    with pytest.raises(UserError, match="changed while it was worked on"):
        cluster_part([tmp_path / "signatures"], tmp_path / "alive", *paths, banding, 1 << 20)
    (tmp_path / "kept").write_bytes(b"\1\1")
    with pytest.raises(UserError, match="changed while it was worked on"):
        filter_part(text, tmp_path / "signatures", tmp_path / "kept", tmp_path / "out")
