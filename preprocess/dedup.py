"""`dedup`: remove documents that stand in the corpus already, byte for byte; the first one is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress

from .documents import LAYOUT_HELP, LAYOUTS, Document, layout_of, read_documents
from .repeats import KeyCounter

# 128 bits: among 10^10 documents the chance of one false duplicate is about 1e-19.
KEY_BYTES = 16


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(
        help="the documents without their exact duplicates, in the order they came", changes_result=False
    )
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    memory: int = setting(1000, "MB of memory for the documents' hashes", changes_result=False, least=1)


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
    """Run the stage; the manifest."""
    inputs = expand(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        total = sum(path.stat().st_size for path in inputs)
        with (
            scratch_folder(settings.output) as scratch,
            outputs.open(settings.output) as file,
            Progress("dedup", 2 * total) as progress,
        ):
            counter = KeyCounter(scratch / "documents.keys", KEY_BYTES, settings.memory << 20)
            for document in all_documents(inputs, settings.documents, progress):
                counter.add(blake2b(document.text, digest_size=KEY_BYTES).digest())
            first = counter.first_occurrences()
            for keep, document in zip(first, all_documents(inputs, settings.documents, progress)):
                if keep:
                    file.write(document.text + b"\n")
        kept = int(first.sum())
        return [settings.output], {"documents_in": len(first), "documents_out": kept, "duplicates": len(first) - kept}

    return run_stage("dedup", settings.output, inputs, recorded(settings), work, force)


COMMAND = StageCommand("dedup", "Remove exact duplicates of documents, keeping the first.", Settings, dedup)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
