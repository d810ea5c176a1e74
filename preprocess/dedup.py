"""`dedup`: remove what stands in the corpus already, and what overlaps evaluation data; the rest stays as it is."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress

from .documents import LAYOUT_HELP, LAYOUTS, layout_of
from .duplicates.banding import Banding, choose_banding
from .duplicates.bands import band_part
from .duplicates.cluster import cluster_part
from .duplicates.contamination import grams_part, overlap_part, report_part
from .duplicates.exact import exact_part
from .duplicates.filtering import copy_kept, filter_part
from .duplicates.layout import OtherLayout, has_mark, lay_out
from .duplicates.paragraphs import paragraph_part, repeated_part
from .duplicates.signatures import signature_part
from .text_files import text_files


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="the documents that are kept, in the order they came", changes_result=False)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    near: bool = setting(False, "remove near-duplicates too; the longest of a cluster is kept")
    near_threshold: float = setting(0.75, "near-duplicates share at least this part of their word n-grams (Jaccard)")
    near_ngram: int = setting(5, "words in an n-gram of --near", least=1)
    bands: int = setting(0, "bands of a MinHash signature of 128 values; 0: as many as fit", least=0)
    rows: int = setting(0, "values in a band; 0: the most that find 0.99 of pairs just at the threshold", least=0)
    unit: str = setting(
        "documents",
        "`paragraphs`: remove paragraphs that stand elsewhere in the corpus too",
        ("documents", "paragraphs"),
    )
    paragraph_characters: int = setting(100, "shorter paragraphs are never removed", least=1)
    against: list[Path] = setting(
        [],
        "evaluation files or glob patterns: remove the documents that overlap them (13-grams of words), and report "
        "it in OUTPUT.against.json",
        changes_result=False,
    )
    against_ngrams: int = setting(1, "distinct 13-grams a document must share with evaluation data to go", least=1)
    memory: int = setting(
        1000, "MB of memory besides 24 bytes a document (0.5 GB for 20 million)", changes_result=False, least=1
    )
    workers: int = setting(1, "threads; the output is the same for any number", changes_result=False, least=1)


def dedup(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when there is no document, or none is left."""
    inputs, against = text_files(settings.input), expand(settings.against)
    banding = None
    if settings.near:
        banding = choose_banding(settings.near_threshold, settings.near_ngram, settings.bands, settings.rows)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        finals = [settings.output]
        with scratch_folder(settings.output) as scratch, outputs.open(settings.output) as file:
            passes = 1 + bool(against) + (settings.unit == "paragraphs")
            with Progress("dedup", passes * sum(path.stat().st_size for path in inputs)) as progress:
                search = Search(settings, banding, scratch, progress.add)
                search.sign(inputs)
                if against:
                    finals.append(settings.output.with_name(f"{settings.output.name}.against.json"))
                    search.overlap(inputs, against, outputs.path(finals[-1]))
                search.choose()
                if settings.unit == "paragraphs":
                    search.drop_paragraphs()
            search.write(file)
        if not search.counts["documents_in"]:
            raise UserError(f"{inputs[0]}: holds blank lines only; give the file it should have been")
        if not search.counts["documents_out"]:
            raise UserError(f"{inputs[0]}: every document overlaps the evaluation data; raise --against-ngrams")
        return finals, search.counts

    # The number of evaluation files says which of the inputs they are.
    settled = {**recorded(settings), "against_files": len(against)}
    return run_stage("dedup", settings.output, [*inputs, *against], settled, work, force)


class Search:
    """The parts of the search (duplicates/__init__.py) over all texts of a corpus, in order; files in `scratch`."""

    def __init__(self, settings: Settings, banding: Banding | None, scratch: Path, add: Callable[[int], None]) -> None:
        self.counts: dict[str, Any] = {}
        self._settings, self._banding, self._scratch = settings, banding, scratch
        self._memory, self._workers, self._add = settings.memory << 20, settings.workers, add
        self._texts: list[Path] = []
        self._signatures: list[Path] = []
        self._kept: list[Path] = []
        self._dropped: list[Path] = []

    def _files(self, kind: str) -> list[Path]:
        """The names of the scratch files of a kind, one a text."""
        return [self._scratch / f"{number}.{kind}" for number in range(len(self._texts))]

    def sign(self, inputs: Sequence[Path]) -> None:
        """Signatures of all texts; one that is not laid out as a stage writes it is written anew."""
        self._texts = list(inputs)
        self._signatures = self._files("signatures")
        for number, (path, anew) in enumerate(zip(inputs, self._files("text"))):
            layout = layout_of(path, self._settings.documents)
            try:
                if layout != "blank" or has_mark(path):
                    raise OtherLayout
                self._sign(number)
            except OtherLayout:
                lay_out(path, layout, anew)
                self._texts[number] = anew
                self._sign(number)

    def _sign(self, number: int) -> None:
        signature_part(self._texts[number], self._signatures[number], self._banding, self._workers, self._add)

    def overlap(self, inputs: Sequence[Path], against: Sequence[Path], report: Path) -> None:
        """Which documents overlap evaluation data, and the report on it."""
        grams, shared = self._scratch / "grams", self._settings.against_ngrams
        grams_part(against, grams)
        overlaps, self._dropped = self._files("overlaps"), self._files("dropped")
        for text, found, dropped in zip(self._texts, overlaps, self._dropped):
            overlap_part(text, grams, shared, found, dropped, self._workers, self._add)
        report_part(against, grams, inputs, overlaps, shared, report)

    def choose(self) -> None:
        """Which documents are kept."""
        alive, self._kept = self._scratch / "alive", self._files("kept")
        self.counts |= exact_part(self._signatures, alive, self._memory, self._dropped)
        pairs: list[Path] = []
        if self._banding is not None:
            # A band a partition: each reads one column of the signatures.
            pairs = [self._scratch / f"{number}.pairs" for number in range(self._banding.bands)]
            find = functools.partial(
                _find_pairs, self._signatures, alive, pairs, self._banding, self._memory // self._workers
            )
            found = Counter()
            for counts in ordered_map(find, range(len(pairs)), self._workers, threads=True):
                found.update(counts)
            self.counts |= {"buckets_cut": found["buckets_cut"], "pairs_left_out": found["pairs_left_out"]}
        self.counts |= cluster_part(
            self._signatures, alive, pairs, self._texts, self._kept, self._banding, self._memory, self._workers
        )
        if self._banding is not None:
            self.counts |= {"bands": self._banding.bands, "rows": self._banding.rows, "recall": self._banding.told()}

    def drop_paragraphs(self) -> None:
        """Write the documents that are kept, and go on with the lines of these."""
        texts, keys, kept = self._files("kept-text"), self._files("paragraphs"), self._files("kept-lines")
        documents = 0
        for text, signatures, flags, output in zip(self._texts, self._signatures, self._kept, texts):
            documents += filter_part(text, signatures, flags, output)
        for text, output in zip(texts, keys):
            paragraph_part(text, output, self._settings.paragraph_characters, self._workers, self._add)
        self.counts |= repeated_part(keys, kept, self._memory)
        self.counts["documents_out"] = documents - self.counts["documents_without_paragraphs"]
        self._texts, self._signatures, self._kept = texts, keys, kept

    def write(self, output: IO[bytes]) -> None:
        """Append what is kept of all texts to an open file."""
        written = sum(copy_kept(*files, output) for files in zip(self._texts, self._signatures, self._kept))
        self.counts.setdefault("documents_out", written)


def _find_pairs(
    signatures: Sequence[Path], alive: Path, pairs: Sequence[Path], banding: Banding, memory: int, number: int
) -> dict[str, int]:
    return band_part(signatures, alive, number, len(pairs), pairs[number], banding, memory)


COMMAND = StageCommand("dedup", "Remove duplicates, near-duplicates and evaluation data.", Settings, dedup)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
