"""`fertility`: how many tokens a tokenizer makes of a word, on a text."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.manifest import require_inputs
from fairseq_hebrew.stage.output import write_text
from fairseq_hebrew.text.lines import read_lines
from fairseq_hebrew.text.tokenizer import open_tokenizer

# A word is what stands between white space without the punctuation around it; gershayim and geresh stay inside.
WORD = re.compile(r"""[^\W_](?:[\w"'״׳\u0591-\u05c7-]*[\w'׳])?""")
BATCH = 10_000  # lines


def fertility(tokenizer_folder: Path, text: Path) -> dict:
    """Tokens per word, share of words kept whole, tokens per white-space word in running text, bytes per token.

    Words are encoded with the blank before them, as they stand in running text (Rust et al. 2021, "How good is your
    tokenizer?", section 3: fertility is the mean number of subwords a word is split into).
    """
    require_inputs([text])
    tokenizer = open_tokenizer(tokenizer_folder)
    words = pieces = whole = tokens = spaced = size = 0
    for lines in _batches(text):
        found = [f"{tokenizer.before_word}{word}" for line in lines for word in WORD.findall(line)]
        sizes = [len(ids) for ids in tokenizer.encode_batch(found)]
        words, pieces, whole = words + len(sizes), pieces + sum(sizes), whole + sizes.count(1)
        tokens += sum(len(ids) for ids in tokenizer.encode_batch(lines))
        spaced += sum(len(line.split()) for line in lines)
        size += sum(len(line.encode("utf-8")) for line in lines)
    if not words:
        raise UserError(f"{text}: no words in the file; give a text")
    return {
        "words": words,
        "tokens_per_word": round(pieces / words, 3),
        "words_kept_whole_percent": round(100 * whole / words, 2),
        "running_tokens": tokens,
        "running_tokens_per_space_separated_word": round(tokens / spaced, 3),
        "bytes_per_token": round(size / tokens, 3),
    }


def _batches(text: Path) -> Iterator[list[str]]:
    """The lines of a text that are not blank, BATCH at a time."""
    lines = (line.rstrip("\r\n") for line, _ in read_lines(text))
    filled = (line for line in lines if line.strip())
    while batch := list(itertools.islice(filled, BATCH)):
        yield batch


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew fertility", "Tokens per word of a tokenizer on a text.")
    options.add_argument(
        "--tokenizer",
        type=Path,
        required=True,
        help="folder of a tokenizer: of train-bpe, or of any Hugging Face model",
    )
    options.add_argument("--input", type=Path, required=True, help="a UTF-8 text the tokenizer was not trained on")
    options.add_argument("--output", type=Path, help="write the figures as JSON too")
    parsed = options.parse_args(arguments)

    def work() -> None:
        figures = fertility(parsed.tokenizer, parsed.input)
        if parsed.output:
            write_text(parsed.output, json.dumps(figures, indent=1) + "\n", inputs=[parsed.input])
        for name, value in figures.items():
            print(f"{name:<42} {value}")

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
