"""Documents that overlap evaluation data: a run of 13 words of an evaluation text stands in them.

13 words is the length of Brown et al. 2020 ("Language models are few-shot learners", appendix C). Words are those of
words.py. An evaluation text of 8 to 12 words matches as a whole; a shorter one says nothing, and is counted.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.parallel import ordered_map

from .evaluation import read_items
from .layout import document_bounds, read_blocks
from .sorting import sorted_distinct
from .words import classes, split_words

WORDS = 13
SHORTEST = 8
# Shown in the report: of each evaluation file as many texts, of each as many characters.
SAMPLES = 10
_SHOWN = 160
_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


def grams_part(evaluations: Sequence[Path], output: Path) -> None:
    """Write the grams of evaluation files: numpy's .npz.

    `hashes` (uint64, distinct, ascending) with `whole` (bool: the gram is a whole short text); gram g stands in texts
    items[starts[g]:starts[g + 1]] at words offsets[...]; `lengths`: the words of grams there are; `texts` and `files`:
    JSON of each text and of the number of its file, `short`: texts of each file that are too short.
    """
    from .gram_kernels import item_grams

    texts, files = [], []
    for number, path in enumerate(evaluations):
        found = read_items(path)
        texts += found
        files += [number] * len(found)
    encoded = [text.encode("utf-8") for text in texts]
    bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    out = np.empty(int(bounds[-1]) // 2 + len(texts), dtype=np.uint64)
    counts, lengths = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
    block = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    item_grams(block, bounds, classes(), WORDS, SHORTEST, out, counts, lengths)
    total = int(counts.sum())
    hashes, number = np.unique(out[:total], return_inverse=True)
    order = np.argsort(number, kind="stable")
    items = np.repeat(np.arange(len(texts)), counts)
    offsets = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    whole = np.zeros(len(hashes), dtype=bool)
    whole[number[lengths[items] < WORDS]] = True
    with open(output, "wb") as file:
        np.savez(
            file,
            hashes=hashes,
            whole=whole,
            starts=np.searchsorted(number[order], np.arange(len(hashes) + 1)),
            items=items[order],
            offsets=offsets[order],
            lengths=np.unique(lengths[lengths > 0]),
            short=np.bincount(np.array(files)[lengths == 0], minlength=len(evaluations)),
            files=np.array(files),
            item_lengths=lengths,
            texts=np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8),
        )


def overlap_part(
    text: Path,
    grams: Path,
    shared: int,
    overlaps: Path,
    dropped: Path,
    workers: int = 1,
    add: Callable[[int], None] | None = None,
) -> None:
    """Look for the grams in a text that is laid out as a stage writes it.

    A document is dropped when it has at least `shared` distinct grams of evaluation texts, or a whole short one.
    `dropped`: uint8 flags, one a document. `overlaps`: uint64, ascending: the document's number in this text in the
    upper half, the gram's in the lower, for the documents that are dropped.
    """
    from .gram_kernels import fill_table

    with np.load(grams) as known:
        hashes, whole, lengths = known["hashes"], known["whole"], known["lengths"]
    table = np.full(1 << (2 * len(hashes) + 1).bit_length(), -1, dtype=np.int32)
    fill_table(hashes, table)
    work = functools.partial(_overlaps_of, lengths=lengths, hashes=hashes, table=table)
    first = 0
    with open(overlaps, "wb") as hits, open(dropped, "wb") as flags:
        for found, documents, size in ordered_map(work, read_blocks(text), workers, threads=True):
            owner = (found >> _HALF).astype(np.int64)
            # One gram counts up to the number asked for; a whole text has all that is asked for.
            weight = np.where(whole[found & _LOWER], shared, 1)
            out = np.bincount(owner, weights=weight, minlength=documents) >= shared
            flags.write(out.astype(np.uint8).data)
            hits.write((found[out[owner]] + (np.uint64(first) << _HALF)).data)
            first += documents
            if add is not None:
                add(size)


def _overlaps_of(
    block: bytes, lengths: np.ndarray, hashes: np.ndarray, table: np.ndarray
) -> tuple[np.ndarray, int, int]:
    """(distinct document and gram in one number, documents, bytes) of a block."""
    from .gram_kernels import find_grams

    text, bounds = document_bounds(block)
    out = np.empty(1 << 12, dtype=np.uint64)
    while (count := find_grams(text, bounds, classes(), lengths, hashes, table, out)) > len(out):
        out = np.empty(count, dtype=np.uint64)
    return sorted_distinct(out[:count]), len(bounds) - 1, len(block)


def report_part(
    evaluations: Sequence[Path | str],
    grams: Path,
    names: Sequence[Path],
    overlaps: Sequence[Path],
    shared: int,
    output: Path,
) -> None:
    """Write what overlaps what, as JSON: for each evaluation file its texts, those found, where, and samples.

    `evaluations` and `names` (one for each file of `overlaps`) are the evaluation and the corpus files as they are to
    be called; neither is read.
    """
    with np.load(grams) as known:
        starts, items, offsets, files = known["starts"], known["items"], known["offsets"], known["files"]
        short, lengths, texts = known["short"], known["item_lengths"], json.loads(known["texts"].tobytes())
    seen: list[dict[tuple[int, int], None]] = [{} for _ in evaluations]  # documents of each evaluation file, in order
    # The first place of each evaluation text: corpus file, document, and the first word that is shared.
    found: list[dict[int, tuple[int, int, int]]] = [{} for _ in evaluations]
    for number, path in enumerate(overlaps):
        for pair in np.fromfile(path, dtype=np.uint64).tolist():
            document, gram = pair >> 32, pair & 0xFFFFFFFF
            for place in range(starts[gram], starts[gram + 1]):
                item = int(items[place])
                seen[files[item]][number, document] = None
                first = found[files[item]].get(item)
                this = (number, document, int(offsets[place]))
                found[files[item]][item] = min(first, this) if first else this
    made = []
    for number, path in enumerate(evaluations):
        samples = []
        for item in sorted(found[number])[:SAMPLES]:
            text, document, start = found[number][item]
            samples.append(
                {
                    "evaluation_text": texts[item][:_SHOWN],
                    "shared_words": " ".join(split_words(texts[item])[start : start + int(lengths[item])]),
                    "file": str(names[text]),
                    "document": document + 1,
                }
            )
        made.append(
            {
                "file": str(path),
                "texts": int((files == number).sum()),
                "too_short": int(short[number]),
                "overlapping_texts": len(found[number]),
                "documents_dropped": len(seen[number]),
                "samples": samples,
            }
        )
    report = {"words": WORDS, "shortest_whole_text": SHORTEST, "shared_grams_to_drop": shared, "evaluation": made}
    with open(output, "wb") as file:
        file.write((json.dumps(report, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))
