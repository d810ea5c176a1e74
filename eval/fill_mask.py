"""`fill-mask`: what an exported model would write at the mask of a sentence, through plain transformers."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UsageError, UserError, parser, run_command
from fairseq_hebrew.stage.output import write_text

MASK = "<mask>"


def fill_mask(folder: Path, text: str, top: int) -> list[dict]:
    """The `top` candidates `{"token", "score", "text"}` for the one mask of `text`, best first.

    Reads nothing but the folder: the network is not asked.
    """
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no Hugging Face model there; write it with `fairseq-hebrew export-hf`")
    if top < 1:
        raise UsageError(f"--top {top}: at least 1")
    if text.count(MASK) != 1:
        raise UserError(f"the text has {text.count(MASK)} times {MASK}; write it once, where a word is missing")
    from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline
    from transformers.utils import logging as chatter

    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    model = AutoModelForMaskedLM.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    # A model with a tokenizer of another origin may call its mask [MASK].
    found = pipeline("fill-mask", model=model, tokenizer=tokenizer, device="cpu")(
        text.replace(MASK, tokenizer.mask_token), top_k=min(top, model.config.vocab_size)
    )
    return [{"token": row["token_str"], "score": round(row["score"], 4), "text": row["sequence"]} for row in found]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew fill-mask", "Fill the mask of a sentence with a model written by export-hf.")
    options.add_argument("model", type=Path, help="folder written by export-hf")
    options.add_argument("text", help=f"a sentence with {MASK} in the place of a word")
    options.add_argument("--top", type=int, default=5, help="candidates to show")
    options.add_argument("--output", type=Path, help="write the candidates as JSON too")
    parsed = options.parse_args(arguments)

    def work() -> None:
        found = fill_mask(parsed.model, parsed.text, parsed.top)
        if parsed.output:
            content = {"text": parsed.text, "candidates": found}
            write_text(parsed.output, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        for row in found:
            print(f"{row['score']:.4f}  {row['token']!r:<16} {row['text']}")

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
