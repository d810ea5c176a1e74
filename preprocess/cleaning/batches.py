"""Cleaning a batch of documents as one buffer: the kernels, the filters, and examples of what they did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.fast_measures import measure_documents
from fairseq_hebrew.text.fast_normalize import MOJIBAKE, RULES, Normalized, normalize_documents

from ..documents import RETURNS, Document, chunked
from .filters import REASONS, reasons_of, short_line_keys
from .removed import EXCERPT, Example, Removed, excerpts
from .settings import Settings


@dataclass
class Cleaned:
    """What became of a batch."""

    text: np.ndarray  # uint8, in the layout between stages
    keys: np.ndarray  # uint64: hashes of its short lines, each once a document
    counts: Counter
    examples: list[Example]


def batches_of(documents: Iterable[Document], progress: Progress | None = None) -> Iterator[list[Document]]:
    """Documents in batches of about a megabyte, counted on a progress bar."""
    for batch in chunked(documents):
        if progress is not None:
            progress.add(sum(len(document.text) + 1 for document in batch))
        yield batch


def joined(documents: Sequence[Document], after: bytes = b"") -> tuple[np.ndarray, np.ndarray]:
    """The texts as one writable buffer, uint8, each followed by `after`; and where each starts, and the end, int64."""
    sizes = np.array([len(document.text) + len(after) for document in documents], dtype=np.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    text = bytearray(after).join([document.text for document in documents] + ([b""] if after and documents else []))
    return np.frombuffer(text, dtype=np.uint8), offsets


def clean_batch(documents: Sequence[Document], file: str, settings: Settings, removed: Removed) -> Cleaned:
    """Clean documents of an input called `file`; examples are those that `removed` may take."""
    text, offsets = joined(documents)
    done = normalize_documents(text, offsets, settings.normalization, settings.max_mojibake)
    measured = measure_documents(done.text, done.ends)
    reasons = reasons_of(done, measured, settings)
    kept = reasons == 0
    changed = np.where(np.repeat(kept, np.diff(done.first)), done.flags, done.flags & MOJIBAKE)
    counts = Counter(
        documents_in=len(documents),
        documents_out=int(kept.sum()),
        lines_out=int(measured.lines_of[kept].sum()),
        lines_dropped_mojibake=int((changed == MOJIBAKE).sum()),
    )
    for number, reason in enumerate(REASONS[1:], start=1):
        counts[f"dropped_{reason}"] = int((reasons == number).sum())
    for rule, bit in RULES.items():
        counts[f"lines_changed_{rule}"] = int(np.count_nonzero(changed & bit))
    made = done.text if kept.all() else done.text[np.repeat(kept, np.diff(done.ends, prepend=0))]
    if not settings.collapse_spaces:
        made = _without_returns(made)
    examples = _examples(documents, file, done, reasons, changed, removed)
    keys = short_line_keys(measured, kept) if settings.boilerplate_repeats else np.empty(0, dtype=np.uint64)
    return Cleaned(made, keys, counts, examples)


def _without_returns(text: np.ndarray) -> np.ndarray:
    """The text without a `\\r` before a line end, which a rule may have laid bare: it would be read as part of it."""
    raw = text.tobytes()
    return np.frombuffer(bytearray(RETURNS.sub(b"\n", raw)), dtype=np.uint8) if b"\r\n" in raw else text


def _examples(
    documents: Sequence[Document],
    file: str,
    done: Normalized,
    reasons: np.ndarray,
    changed: np.ndarray,
    removed: Removed,
) -> list[Example]:
    found = []
    starts = np.array([document.line for document in documents], dtype=np.int64)
    for number in np.unique(reasons[reasons > 0]):
        where = np.flatnonzero(reasons == number)
        for at in where[removed.candidates(file, REASONS[number], starts[where], np.zeros(len(where)))]:
            before = documents[at].text[: 4 * EXCERPT].decode("utf-8", errors="ignore").rstrip("\n")
            found.append(Example(REASONS[number], file, int(starts[at]), 0, before[:EXCERPT], None))
    for rule, bit in {**RULES, "mojibake_line": MOJIBAKE}.items():
        where = np.flatnonzero(changed & bit)
        of = np.searchsorted(done.first, where, side="right") - 1
        paragraphs = where - done.first[of] + 1
        for at in removed.candidates(file, rule, starts[of], paragraphs):
            before, after = done.before(where[at]), None
            if rule in RULES:
                before, after = excerpts(before, done.after(where[at]))
            found.append(Example(rule, file, int(starts[of[at]]), int(paragraphs[at]), before[:EXCERPT], after))
    return found
