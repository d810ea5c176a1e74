"""The other tokenizers: sentencepiece's unigram and BPE with byte fallback, and the counts of their pieces."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.dictionary import SPECIALS
from fairseq_hebrew.text.lines import read_lines
from fairseq_hebrew.text.tokenizer import SentencePiece, open_tokenizer

from .sample import Sample

# Sentences longer than this (bytes) would be skipped by the sentencepiece trainer; real paragraphs are shorter.
LONGEST_SENTENCE = 1 << 20


def sampled_lines(
    inputs: Sequence[Path], keep_line_ends: bool, sample: Sample, progress: Progress | None = None
) -> Iterator[str]:
    """The lines a tokenizer learns from: those `lines.line_ranges` finds, as text."""
    place = 0
    for path in inputs:
        for line, size in read_lines(path):
            if progress is not None:
                progress.add(size)
            text = line if keep_line_ends else line.strip()
            if text and sample.takes_line(place):
                yield text
            place += size


def train_sentencepiece(lines: Iterator[str], model: str, vocab_size: int, folder: Path, named: Path) -> None:
    """Train `unigram` or `bpe` and write it into `folder`; `named` is the text an error speaks of."""
    import sentencepiece

    bos, pad, eos, unk = SPECIALS
    # Not to a file of its own: the model would hold the file's name, and differ from folder to folder.
    written = io.BytesIO()
    unreadable: list[Exception] = []

    def sentences() -> Iterator[str]:
        # The trainer turns what the iterator raises into words of its own.
        try:
            yield from lines
        except Exception as error:
            unreadable.append(error)
            raise

    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences(),
            model_writer=written,
            model_type=model,
            vocab_size=vocab_size + len(SPECIALS),
            byte_fallback=True,
            # The text is normalized by `clean`; a tokenizer that changes it would lose offsets.
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            max_sentence_length=LONGEST_SENTENCE,
            bos_id=0,
            pad_id=1,
            eos_id=2,
            unk_id=3,
            bos_piece=bos,
            pad_piece=pad,
            eos_piece=eos,
            unk_piece=unk,
            # Sums of floats depend on how many threads share them: a fixed number gives the same model everywhere.
            num_threads=2,
            minloglevel=2,
        )
    except RuntimeError as error:
        if unreadable:
            raise unreadable[0] from None
        reason = str(error).strip().splitlines()[-1]
        raise UserError(
            f"{named}: sentencepiece could not learn {vocab_size} entries ({reason}); "
            "give more text or a smaller --vocab-size"
        ) from None
    (folder / SentencePiece.FILE).write_bytes(written.getvalue())


_tokenizer = None


def _open(folder: Path) -> None:
    global _tokenizer
    _tokenizer = open_tokenizer(folder)


def _count(lines: list[str]) -> np.ndarray:
    ids = list(itertools.chain.from_iterable(_tokenizer.encode_batch(lines)))
    return np.bincount(ids, minlength=_tokenizer.size).astype(np.int64)


def count_tokens(lines: Iterator[str], folder: Path, workers: int) -> np.ndarray:
    """int64 (size,): how often each id of the tokenizer in `folder` occurs in the lines, by encoding them."""
    counts: np.ndarray | int = 0
    for part in ordered_map(_count, _batches(lines), workers, _open, (folder,)):
        counts = counts + part
    return counts


def _batches(lines: Iterator[str], characters: int = 1 << 20) -> Iterator[list[str]]:
    batch: list[str] = []
    held = 0
    for line in lines:
        batch.append(line)
        held += len(line)
        if held >= characters:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
