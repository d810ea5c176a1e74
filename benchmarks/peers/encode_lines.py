"""Peer: the first step of the usual way to fairseq binaries: lines to ids as decimal strings, in processes.

Usage: python -m benchmarks.peers.encode_lines huggingface|fairseq TOKENIZER_DIR INPUT OUTPUT WORKERS

`huggingface` encodes each line with a fast tokenizer, as the pipeline that trained HalleluBERT does (GottBERT's
roberta-snakemake-pipeline); `fairseq` with fairseq's own GPT-2 BPE encoder, as its RoBERTa example does. The second
step is fairseq-preprocess.
"""

import multiprocessing
import sys
from pathlib import Path

_encode = None


def _open(kind: str, folder: str) -> None:
    global _encode
    if kind == "huggingface":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        tokenizer.encode_special_tokens = True
        _encode = lambda line: tokenizer.encode(line, add_special_tokens=False).ids  # noqa: E731
    else:
        from fairseq.data.encoders.gpt2_bpe_utils import get_encoder

        _encode = get_encoder(str(Path(folder) / "vocab.json"), str(Path(folder) / "merges.txt")).encode


def _line(line: str) -> str:
    return " ".join(map(str, _encode(line.rstrip("\n"))))


def main(kind: str, folder: str, source: str, target: str, workers: str) -> None:
    with (
        multiprocessing.Pool(int(workers), _open, (kind, folder)) as pool,
        open(source, encoding="utf-8") as text,
        open(target, "w", encoding="utf-8") as out,
    ):
        for ids in pool.imap(_line, text, 100):
            out.write(ids + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
