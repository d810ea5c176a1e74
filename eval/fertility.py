"""`fertility`: how many tokens a tokenizer makes of a word, on a text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.manifest import require_inputs
from fairseq_hebrew.stage.output import write_text
from fairseq_hebrew.text.tokenizer import open_tokenizer

# A word is what stands between white space without the punctuation around it; gershayim and geresh stay inside.
WORD = re.compile(r"""[^\W_](?:[\w"'״׳\u0591-\u05c7-]*[\w'׳])?""")
BATCH = 10_000


def fertility(tokenizer_folder: Path, text: Path) -> dict:
    """Tokens per word, share of words kept whole, tokens per white-space word in running text, bytes per token.

    Words are encoded with the blank before them, as they stand in running text (Rust et al. 2021, "How good is your
    tokenizer?", section 3: fertility is the mean number of subwords a word is split into).
    """
    require_inputs([text])
    tokenizer = open_tokenizer(tokenizer_folder)
    try:
        lines = [line for line in text.read_text(encoding="utf-8").split("\n") if line.strip()]
    except UnicodeDecodeError:
        raise UserError(f"{text}: invalid UTF-8; convert the file to UTF-8 (iconv)") from None
    words = [f" {word}" for line in lines for word in WORD.findall(line)]
    if not words:
        raise UserError(f"{text}: no words in the file; give a text")
    pieces = whole = tokens = 0
    for start in range(0, len(words), BATCH):
        sizes = [len(ids) for ids in tokenizer.encode_batch(words[start : start + BATCH])]
        pieces += sum(sizes)
        whole += sizes.count(1)
    for start in range(0, len(lines), BATCH):
        tokens += sum(len(ids) for ids in tokenizer.encode_batch(lines[start : start + BATCH]))
    size = sum(len(line.encode("utf-8")) for line in lines)
    return {
        "words": len(words),
        "tokens_per_word": round(pieces / len(words), 3),
        "words_kept_whole_percent": round(100 * whole / len(words), 2),
        "running_tokens": tokens,
        "running_tokens_per_space_separated_word": round(tokens / sum(len(line.split()) for line in lines), 3),
        "bytes_per_token": round(size / tokens, 3),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew fertility", "Tokens per word of a tokenizer on a text.")
    options.add_argument("--tokenizer", type=Path, required=True, help="folder written by train-bpe")
    options.add_argument("--input", type=Path, required=True, help="a UTF-8 text the tokenizer was not trained on")
    options.add_argument("--output", type=Path, help="write the figures as JSON too")
    parsed = options.parse_args(arguments)

    def work() -> None:
        figures = fertility(parsed.tokenizer, parsed.input)
        if parsed.output:
            write_text(parsed.output, json.dumps(figures, indent=1) + "\n")
        for name, value in figures.items():
            print(f"{name:<42} {value}")

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
