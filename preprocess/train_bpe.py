"""`train-bpe`: learn the tokenizer and write it with the dictionary counted on its own training text."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress, log
from fairseq_hebrew.text.dictionary import SPECIALS, dictionary_lines
from fairseq_hebrew.text.lines import read_lines
from fairseq_hebrew.text.tokenizer import ByteLevelBPE, SentencePiece, open_tokenizer

from .order import random_key

# Hugging Face's trainer counts pairs in 32 bits, and every Hebrew letter begins with the byte 0xD7: the pair
# (blank, 0xD7) overflows at about 20.5 GB of Hebrew, silently (huggingface/tokenizers #2058).
MOST_BYTES = 20_000_000_000
# Sentences longer than this (bytes) would be skipped by the sentencepiece trainer; real paragraphs are shorter.
LONGEST_SENTENCE = 1 << 20


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="folder for the tokenizer, vocab.json, merges.txt and dict.txt", changes_result=False)
    vocab_size: int = setting(help="entries without the 4 specials; HalleluBERT has 52000, NeoDictaBERT 90000")
    model: str = setting(
        "bpe",
        "byte-level BPE, or sentencepiece with byte fallback",
        ("bpe", "sentencepiece-bpe", "sentencepiece-unigram"),
    )
    min_frequency: int = setting(2, "a pair that is rarer is never merged (bpe)", least=0)
    keep_line_ends: bool = setting(
        False, "feed lines with their line ends, as training from files in Hugging Face tokenizers does (bpe)"
    )
    sample_megabytes: int = setting(
        20_000,
        "train on a random sample of paragraphs of about this size; memory grows with its distinct words",
        least=1,
    )
    seed: int = setting(1, "of the sample")
    workers: int = setting(1, "processes that count tokens for dict.txt", changes_result=False, least=1)

    def __post_init__(self) -> None:
        if self.vocab_size < 256:
            raise UserError(f"--vocab-size {self.vocab_size}: at least 256, one entry a byte")
        if self.sample_megabytes * 1_000_000 > MOST_BYTES and self.model == "bpe":
            raise UserError(
                f"--sample-megabytes {self.sample_megabytes}: the trainer counts pairs in 32 bits, which overflow on "
                f"Hebrew past {MOST_BYTES // 1_000_000} MB; give at most that"
            )


def sampled_lines(inputs: list[Path], settings: Settings, progress: Progress) -> Iterator[str]:
    """The paragraphs the tokenizer learns from, without line ends unless they are asked for."""
    total = sum(path.stat().st_size for path in inputs)
    limit = settings.sample_megabytes * 1_000_000
    # A paragraph is taken when its key falls below the share that is wanted.
    below = (1 << 64) if total <= limit else int((1 << 64) * limit / total)
    index = 0
    for path in inputs:
        for line, size in read_lines(path):
            progress.add(size)
            if not settings.keep_line_ends and not (line := line.strip()):
                continue
            if random_key(settings.seed, index) < below:
                yield line
            index += 1


def train_bpe(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when the text cannot give as many entries as were asked for."""
    inputs = expand(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        total = sum(path.stat().st_size for path in inputs)
        outputs.path(settings.output / "dict.txt")
        with scratch_folder(settings.output / "tokenizer") as scratch:
            with Progress("train-bpe: words", total) as progress:
                lines = sampled_lines(inputs, settings, progress)
                names = (
                    _train_byte_level(lines, settings, scratch)
                    if settings.model == "bpe"
                    else (_train_sentencepiece(lines, settings, scratch))
                )
            with Progress("train-bpe: dict.txt", total) as progress:
                counts = count_tokens(sampled_lines(inputs, settings, progress), scratch, settings.workers)
            lines_of_dict = dictionary_lines(counts)
            (scratch / "dict.txt").write_text("\n".join(lines_of_dict) + "\n", encoding="utf-8")
            finals = [settings.output / name for name in [*names, "dict.txt"]]
            for final in finals:
                (scratch / final.name).rename(outputs.path(final))
        return finals, {
            "entries": len(counts) - len(SPECIALS),
            "dictionary_lines": len(lines_of_dict),
            "embeddings_with_mask": len(lines_of_dict) + len(SPECIALS) + 1,
            "tokens": int(counts.sum()),
            "never_seen": int((counts[len(SPECIALS) :] == 0).sum()),
        }

    return run_stage("train-bpe", settings.output / "tokenizer", inputs, recorded(settings), work, force)


def _train_byte_level(lines: Iterator[str], settings: Settings, folder: Path) -> list[str]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    wanted = settings.vocab_size + len(SPECIALS)
    trainer = trainers.BpeTrainer(
        vocab_size=wanted,
        min_frequency=settings.min_frequency,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    log(f"train-bpe: learning {settings.vocab_size:,} entries; the merges come after the last line is read")
    tokenizer.train_from_iterator(lines, trainer)
    if (learned := tokenizer.get_vocab_size()) < wanted:
        raise UserError(
            f"{settings.input[0]}: only {learned - len(SPECIALS)} entries can be learned from this text, "
            f"{settings.vocab_size} were asked for; give more text, a smaller --vocab-size or --min-frequency 1"
        )
    content = tokenizer.to_str(pretty=True)
    (folder / ByteLevelBPE.FILE).write_text(content, encoding="utf-8")
    saved = json.loads(content)
    vocabulary = json.dumps(saved["model"]["vocab"], ensure_ascii=False)
    (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in saved["model"]["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    return [ByteLevelBPE.FILE, "vocab.json", "merges.txt"]


def _train_sentencepiece(lines: Iterator[str], settings: Settings, folder: Path) -> list[str]:
    import sentencepiece

    bos, pad, eos, unk = SPECIALS
    # Not to a file of its own: the model would hold the file's name, and differ from folder to folder.
    model = io.BytesIO()
    unreadable: list[Exception] = []

    def sentences() -> Iterator[str]:
        # The trainer turns what the iterator raises into words of its own.
        try:
            yield from (line for line in lines if line)
        except Exception as error:
            unreadable.append(error)
            raise

    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences(),
            model_writer=model,
            model_type=settings.model.removeprefix("sentencepiece-"),
            vocab_size=settings.vocab_size + len(SPECIALS),
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
            f"{settings.input[0]}: sentencepiece could not learn {settings.vocab_size} entries ({reason}); "
            "give more text or a smaller --vocab-size"
        ) from None
    (folder / SentencePiece.FILE).write_bytes(model.getvalue())
    return [SentencePiece.FILE]


_tokenizer = None


def _open(folder: Path) -> None:
    global _tokenizer
    _tokenizer = open_tokenizer(folder)


def _count(lines: list[str]) -> np.ndarray:
    ids = list(itertools.chain.from_iterable(_tokenizer.encode_batch(lines)))
    return np.bincount(ids, minlength=_tokenizer.size).astype(np.int64)


def count_tokens(lines: Iterator[str], folder: Path, workers: int) -> np.ndarray:
    """int64 (size,): how often each id of the tokenizer in `folder` occurs in the lines."""
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


COMMAND = StageCommand("train-bpe", "Learn a tokenizer and its dict.txt from text.", Settings, train_bpe)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
