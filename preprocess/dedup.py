"""`dedup`: remove what stands in the corpus already, and what overlaps evaluation data; the rest stays as it is."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress

from .documents import LAYOUT_HELP, LAYOUTS, Document, layout_of, read_documents
from .duplicates.banding import Banding, choose_banding


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="the documents that are kept, in the order they came", changes_result=False)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    near: bool = setting(False, "remove near-duplicates too; the longest of a cluster is kept")
    near_threshold: float = setting(0.75, "least Jaccard of the word n-grams of near-duplicates")
    near_ngram: int = setting(5, "words in an n-gram", least=1)
    bands: int = setting(0, "bands of a MinHash signature of 128 values; 0: as many as fit", least=0)
    rows: int = setting(0, "values in a band; 0: the most that find 0.99 of pairs just at the threshold", least=0)
    memory: int = setting(1000, "MB of memory; 20 million documents need 1000", changes_result=False, least=1)
    workers: int = setting(1, "threads; the output is the same for any number", changes_result=False, least=1)


def all_documents(inputs: list[Path], layout: str, progress: Progress) -> Iterator[Document]:
    """The documents of all files, counted on a progress bar. Raises UserError when there is none."""
    document = None
    for path in inputs:
        for document in read_documents(path, layout_of(path, layout)):
            progress.add(len(document.text) + 1)
            yield document
    if document is None:
        raise UserError(f"{inputs[0]}: holds blank lines only; give the file it should have been")


def dedup(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when there is no document."""
    inputs = expand(settings.input)
    banding = None
    if settings.near:
        banding = choose_banding(settings.near_threshold, settings.near_ngram, settings.bands, settings.rows)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        from .duplicates.filtering import copy_kept

        with scratch_folder(settings.output) as scratch, outputs.open(settings.output) as file:
            texts, signatures = _sign(inputs, settings, banding, scratch)
            kept, counts = _choose(texts, signatures, settings, banding, scratch)
            counts["documents_out"] = sum(copy_kept(*one, file) for one in zip(texts, signatures, kept))
        return [settings.output], counts

    return run_stage("dedup", settings.output, inputs, recorded(settings), work, force)


def _sign(
    inputs: Sequence[Path], settings: Settings, banding: Banding | None, scratch: Path
) -> tuple[list[Path], list[Path]]:
    """(texts, their signature files): a text that is not laid out as a stage writes it is written anew."""
    from .duplicates.layout import OtherLayout, lay_out
    from .duplicates.signatures import signature_part

    texts, signatures = [], [scratch / f"{number}.signatures" for number in range(len(inputs))]
    with Progress("dedup", sum(path.stat().st_size for path in inputs)) as progress:
        sign = functools.partial(signature_part, banding=banding, workers=settings.workers, add=progress.add)
        for path, signature in zip(inputs, signatures):
            layout = layout_of(path, settings.documents)
            try:
                if layout != "blank":
                    raise OtherLayout
                sign(path, signature)
                texts.append(path)
            except OtherLayout:
                texts.append(signature.with_suffix(".text"))
                lay_out(path, layout, texts[-1])
                sign(texts[-1], signature)
    return texts, signatures


def _choose(
    texts: Sequence[Path], signatures: Sequence[Path], settings: Settings, banding: Banding | None, scratch: Path
) -> tuple[list[Path], dict]:
    """(the flags of the documents that are kept, a file a text; the counts)."""
    from .duplicates.cluster import cluster_part
    from .duplicates.exact import exact_part

    memory = settings.memory << 20
    counts: Counter = Counter()
    alive = scratch / "alive"
    counts.update(exact_part(signatures, alive, memory))
    if not counts["documents_in"]:
        raise UserError(f"{settings.input[0]}: holds blank lines only; give the file it should have been")
    pairs = [scratch / f"{number}.pairs" for number in range(banding.bands if banding else 0)]
    find = functools.partial(_find_pairs, signatures, alive, pairs, banding, memory // settings.workers)
    for found in ordered_map(find, range(len(pairs)), settings.workers, threads=True):
        counts.update(found)
    kept = [path.with_suffix(".kept") for path in signatures]
    counts.update(cluster_part(signatures, alive, pairs, texts, kept, banding, memory, settings.workers))
    return kept, dict(counts) | ({"recall": banding.told()} if banding else {})


def _find_pairs(
    signatures: Sequence[Path], alive: Path, pairs: Sequence[Path], banding: Banding, memory: int, number: int
) -> dict[str, int]:
    from .duplicates.bands import band_part

    return band_part(signatures, alive, number, len(pairs), pairs[number], banding, memory)


COMMAND = StageCommand("dedup", "Remove duplicates and near-duplicates of documents.", Settings, dedup)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
