"""Peer: a byte-level BPE by Hugging Face's trainer, on the same stripped lines.

Usage: python -m benchmarks.peers.huggingface_bpe INPUT OUTPUT VOCAB_SIZE
"""

import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers


def main(source: str, target: str, size: str) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=int(size) + 4,
        min_frequency=2,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    with open(source, encoding="utf-8") as text:
        tokenizer.train_from_iterator((line for row in text if (line := row.strip())), trainer)
    tokenizer.save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
