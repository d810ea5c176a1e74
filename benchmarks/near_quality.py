"""Recall and precision of near-duplicate removal, on near-duplicates that were planted: ours and datatrove's."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.preprocess.duplicates.words import split_words

from . import measure, text
from .planted import cut, plant

WORDS = 200
REPLACED = (0, 1, 2, 4, 8, 16)
NGRAM = 5


@dataclass(frozen=True)
class Quality:
    """One row: pairs of a document and its copy in which `replaced` of 200 words are others.

    `reach`: pairs whose Jaccard of word 5-grams reaches the threshold, by brute force; `found`: those of them that we
    removed one of; `removed` and `theirs`: documents removed by us and by datatrove, with those that were
    near-duplicates before anything was planted; `wrong`: documents we removed that have no near-duplicate at the
    threshold anywhere in the corpus, by brute force.
    """

    replaced: int
    pairs: int
    jaccard: float
    reach: int
    found: int
    removed: int
    theirs: int
    wrong: int


def grams(document: str) -> frozenset[tuple[str, ...]]:
    words = split_words(document)
    return frozenset(zip(*(words[i:] for i in range(NGRAM))))


def jaccard(a: frozenset, b: frozenset) -> float:
    return len(a & b) / len(a | b)


def rows(folder: Path, pairs: int, threshold: float) -> Iterator[Quality]:
    """A row for each number of replaced words; 1,000 pairs of real documents make a corpus each."""
    whole = (" ".join(lines) for lines in text.documents())
    originals = list(itertools.islice(dict.fromkeys(cut(whole, WORDS)), pairs))
    for number in REPLACED:
        copies = plant(originals, number, seed=number)
        yield _row(folder, originals, copies, number, threshold)


def _row(folder: Path, originals: Sequence[str], copies: Sequence[str], number: int, threshold: float) -> Quality:
    corpus = [*originals, *copies]
    source, output = folder / "planted.txt", folder / "planted-kept.txt"
    source.write_text("".join(document + "\n\n" for document in corpus), encoding="utf-8")
    options = ["--input", source, "--output", output, "--documents", "blank", "--near", "--near-threshold", threshold]
    measure.run(measure.stage("dedup", *options))
    kept = Counter(output.read_text(encoding="utf-8").removesuffix("\n\n").split("\n\n"))
    peer = folder / f"planted-{number}"
    if not peer.exists():  # its threshold is that of its banding: once is enough
        measure.run(measure.python("benchmarks.peers.datatrove_minhash", source, peer, 2))
    their_kept = sum(1 for path in (peer / "kept").glob("*.jsonl") for row in path.open() if json.loads(row))
    sets = [grams(document) for document in corpus]
    alike = [jaccard(a, b) for a, b in zip(sets, sets[len(originals) :])]
    # A pair of equal documents is one text, which should have stayed twice.
    gone = [(kept[a] if a == b else kept[a] + kept[b]) < 2 for a, b in zip(originals, copies)]
    reach = [value >= threshold for value in alike]
    return Quality(
        replaced=number,
        pairs=len(originals),
        jaccard=sum(alike) / len(alike),
        reach=sum(reach),
        found=sum(one and other for one, other in zip(reach, gone)),
        removed=len(corpus) - kept.total(),
        theirs=len(corpus) - their_kept,
        wrong=_without_near_duplicate(corpus, sets, kept, threshold),
    )


def _without_near_duplicate(corpus: Sequence[str], sets: Sequence[frozenset], kept: Counter, threshold: float) -> int:
    """Documents that were removed and have no near-duplicate: each is compared with all that share a gram."""
    where = defaultdict(list)
    for number, held in enumerate(sets):
        for gram in held:
            where[gram].append(number)
    left, wrong = Counter(kept), 0
    for number, document in enumerate(corpus):
        if left[document]:
            left[document] -= 1
            continue
        others = {other for gram in sets[number] for other in where[gram]} - {number}
        wrong += not any(jaccard(sets[number], sets[other]) >= threshold for other in others)
    return wrong
