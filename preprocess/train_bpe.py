"""`train-bpe`: learn the tokenizer and write it with the dictionary counted on its own training text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress, log
from fairseq_hebrew.text.pretokenize import KINDS
from fairseq_hebrew.text.tokenizer import SentencePiece

from .bpe.count import count_part
from .bpe.learn import learn_part
from .bpe.presets import PRESETS, described
from .bpe.sample import Sample
from .bpe.sentence_pieces import count_tokens, sampled_lines, train_sentencepiece
from .bpe.tokenizer_files import NAMES, write_dictionary
from .text_files import text_files

# Learning holds a few numbers for each entry; no model has so many embeddings.
LARGEST = 1 << 24


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="folder for the tokenizer, vocab.json, merges.txt and dict.txt", changes_result=False)
    vocab_size: int | None = setting(
        None,
        "entries of the tokenizer besides its 4 specials; this or --preset is needed. With what fairseq adds, 52000 "
        "make 52009 embeddings, 90000 make 90009",
    )
    preset: str | None = setting(None, f"a published vocabulary's size: {described()}", tuple(PRESETS))
    model: str = setting(
        "bpe",
        "byte-level BPE, or sentencepiece with byte fallback",
        ("bpe", "sentencepiece-bpe", "sentencepiece-unigram"),
    )
    pre_tokenizer: str = setting(
        "gpt2", "what merges stay inside: the papers' words, or whole Hebrew ones (צה\"ל, ג'ירפה, pointed words)", KINDS
    )
    min_frequency: int = setting(2, "a pair that is rarer is never merged (bpe)", least=0)
    keep_line_ends: bool = setting(
        False, "feed lines with their line ends, as training from files in Hugging Face tokenizers does"
    )
    sample_megabytes: int = setting(20_000, "learn from a random sample of lines of about this size", least=1)
    seed: int = setting(1, "of the sample: the same seed takes the same lines")
    prune_below: int = setting(
        0,
        "leave out words that occur less often than this, to save memory; the merges are then not exact (bpe); 0: none",
        least=0,
    )
    memory: int = setting(
        1000,
        "MB for the words that are counted (bpe); learning holds all distinct words",
        changes_result=False,
        least=1,
    )
    workers: int = setting(1, "threads that count words (bpe) or processes", changes_result=False, least=1)

    def __post_init__(self) -> None:
        if self.vocab_size is None:
            if self.preset is None:
                raise UserError(f"no vocabulary size; give --vocab-size or --preset ({', '.join(PRESETS)})")
            self.vocab_size = PRESETS[self.preset].vocab_size
        if self.vocab_size < 256:
            raise UserError(f"--vocab-size {self.vocab_size}: at least 256, one entry a byte")
        if self.vocab_size > LARGEST:
            raise UserError(f"--vocab-size {self.vocab_size:,}: at most {LARGEST:,} entries; give a smaller number")
        if self.model != "bpe":
            for option in ("pre_tokenizer", "min_frequency", "prune_below"):
                if getattr(self, option) != type(self).__dataclass_fields__[option].default:
                    raise UserError(f"--{option.replace('_', '-')}: goes with --model bpe, not with {self.model}")


def train_bpe(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when the text cannot give as many entries as were asked for."""
    inputs = text_files(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        outputs.path(settings.output / "dict.txt")
        total = sum(path.stat().st_size for path in inputs)
        sample = Sample.of(settings.seed, total, settings.sample_megabytes * 1_000_000)
        with scratch_folder(settings.output / "tokenizer") as scratch:
            if settings.model == "bpe":
                names, counts = NAMES, _byte_level(inputs, settings, sample, scratch)
            else:
                names, counts = [SentencePiece.FILE], _sentencepiece(inputs, settings, sample, scratch)
            # Who opens a folder takes the first model there is: one of an earlier run must not stand beside this one.
            for name in {*NAMES, SentencePiece.FILE} - {*names}:
                (settings.output / name).unlink(missing_ok=True)
            finals = [settings.output / name for name in [*names, "dict.txt"]]
            for final in finals:
                (scratch / final.name).rename(outputs.path(final))
        return finals, counts

    return run_stage("train-bpe", settings.output / "tokenizer", inputs, recorded(settings), work, force)


def _byte_level(inputs: list[Path], settings: Settings, sample: Sample, folder: Path) -> dict:
    sizes = [path.stat().st_size for path in inputs]
    counted, files = {"lines": 0, "words": 0}, []
    with Progress("train-bpe: words", sum(sizes)) as progress:
        for number, path in enumerate(inputs):
            files.append(folder / f"{number:06d}.words")
            done = count_part(
                path,
                files[-1],
                settings.pre_tokenizer,
                settings.keep_line_ends,
                sample,
                sum(sizes[:number]),
                settings.memory,
                settings.workers,
                progress,
            )
            counted = {key: counted[key] + done[key] for key in counted}
    learned = learn_part(
        files,
        folder,
        settings.vocab_size,
        settings.pre_tokenizer,
        settings.min_frequency,
        settings.prune_below,
        settings.memory,
        inputs[0],
    )
    return {**counted, **learned}


def _sentencepiece(inputs: list[Path], settings: Settings, sample: Sample, folder: Path) -> dict:
    total = sum(path.stat().st_size for path in inputs)
    log(f"train-bpe: learning {settings.vocab_size:,} entries")
    with Progress("train-bpe: lines", total) as progress:
        lines = sampled_lines(inputs, settings.keep_line_ends, sample, progress)
        model = settings.model.removeprefix("sentencepiece-")
        train_sentencepiece(lines, model, settings.vocab_size, folder, inputs[0])
    with Progress("train-bpe: dict.txt", total) as progress:
        lines = sampled_lines(inputs, settings.keep_line_ends, sample, progress)
        return write_dictionary(folder, count_tokens(lines, folder, settings.workers))


COMMAND = StageCommand("train-bpe", "Learn a tokenizer and its dict.txt from text.", Settings, train_bpe)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
