"""The command `fairseq-hebrew NAME`: finds the stage or judge of that name and hands the arguments over."""

from __future__ import annotations

import importlib
import logging
import sys

from . import __version__
from .stage.errors import clear_line_of

# name: (module, what it does). Modules are imported when they are called: `fairseq-hebrew clean` needs no torch.
COMMANDS = {
    "fetch": ("fairseq_hebrew.preprocess.fetch", "download a public Hebrew corpus, its licence shown first"),
    "clean": ("fairseq_hebrew.preprocess.clean", "normalize Hebrew text, drop what is no Hebrew text"),
    "dedup": ("fairseq_hebrew.preprocess.dedup", "remove duplicates, near-duplicates and evaluation data"),
    "shuffle": ("fairseq_hebrew.preprocess.shuffle", "put the documents into a seeded random order"),
    "split": ("fairseq_hebrew.preprocess.split", "set documents apart for validation and test"),
    "mix": ("fairseq_hebrew.preprocess.mix", "mix corpora by weight, such as two languages"),
    "train-bpe": ("fairseq_hebrew.preprocess.train_bpe", "learn a tokenizer and its dict.txt"),
    "binarize": ("fairseq_hebrew.preprocess.binarize", "write text as fairseq's .bin and .idx"),
    "corpus": ("fairseq_hebrew.preprocess.corpus", "all from clean to binarize in order, from one YAML file"),
    "inverse-cloze": ("fairseq_hebrew.preprocess.inverse_cloze", "make pairs for retrieval out of plain text"),
    "monitor": ("fairseq_hebrew.monitor.command", "what the logs of a training run show, live or after it"),
    "sweep": ("fairseq_hebrew.sweep.command", "fine-tune over a grid, choose on dev, score test once"),
    "predict": ("fairseq_hebrew.predict.command", "write a fine-tuned model's predictions as JSON lines"),
    "score": ("fairseq_hebrew.eval.score", "score a file of predictions"),
    "compare": ("fairseq_hebrew.eval.compare", "two files of predictions: intervals, and whether they differ"),
    "fertility": ("fairseq_hebrew.eval.fertility", "tokens per word of a tokenizer on a text"),
    "fill-mask": ("fairseq_hebrew.eval.fill_mask", "fill the mask of a sentence with an exported model"),
    "export-hf": ("fairseq_hebrew.hub.export", "write a checkpoint as a Hugging Face model folder"),
    "import-hf": ("fairseq_hebrew.hub.import_hf", "read a Hugging Face model folder into a checkpoint"),
    "report": ("fairseq_hebrew.eval.report", "a page of results from the manifests and logs of a run"),
}


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            f"fairseq_hebrew {__version__}: pretrain, fine-tune and judge Hebrew encoders with fairseq",
            "",
            "usage: fairseq-hebrew COMMAND [options]   (fairseq-hebrew COMMAND --help tells its options)",
            "",
            *lines,
            "",
            "Training itself is fairseq's: fairseq-train DATA --user-dir fairseq_hebrew --task hebrew_masked_lm ...",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(__version__)
        return 0
    if arguments[0] not in COMMANDS:
        print(f"error: no command {arguments[0]!r}; `fairseq-hebrew --help` lists them", file=sys.stderr)
        return 2
    # fairseq tells of optional packages of tasks nobody asked for whenever it is imported, faiss of the processor.
    for name in ("fairseq", "fairseq_hebrew_compat", "faiss"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        module = importlib.import_module(COMMANDS[arguments[0]][0])
    except ModuleNotFoundError as error:
        if (line := clear_line_of(error)) is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        return 1
    command = getattr(module, "COMMAND", None)
    return command.main(arguments[1:]) if command is not None else module.main(arguments[1:])


if __name__ == "__main__":
    raise SystemExit(main())
