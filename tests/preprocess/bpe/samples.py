"""What the tests of BPE training share: texts of every kind, Hugging Face's words and trainer, and a plain trainer."""

import itertools
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np

from fairseq_hebrew.preprocess.bpe.alphabet import FIRST_MERGE, byte_characters, byte_ids
from fairseq_hebrew.preprocess.bpe.merges import Words
from fairseq_hebrew.text.dictionary import SPECIALS
from fairseq_hebrew.text.pretokenize import huggingface

ROOT = Path(__file__).parents[3]
HANDWRITTEN = ROOT / "demo" / "corpus" / "handwritten"
REAL = ROOT.parent / "shared" / "data" / "text"

HEBREW = "אבגדהוזחטיכלמנסעפצקרשתםןץףך"
# Lines of every kind: pointed Hebrew, acronyms, code, emoji, other scripts, blanks of all widths.
ENDS = ["\n", "  \n", "\r\n", " \r\n", "\t\n", "\u2028\n", "\n\n", "\n \n", "\u0085\n", "\n\u3000\n"]


def handwritten() -> str:
    """The demo's hand-written Hebrew, its pointed file among it."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(HANDWRITTEN.glob("*.txt")))


def hostile(seed: int, lines: int = 3000) -> str:
    """Lines of invented Hebrew with points, acronyms, runs of a character, emoji, random characters, odd line ends."""
    choice = random.Random(seed)

    def word() -> str:
        letters = "".join(choice.choices(HEBREW[: choice.choice([3, 10, 27])], k=choice.randint(1, 5)))
        kind = choice.randrange(10)
        if kind == 0:
            return "".join(letter + choice.choice("ְִֵֶַָֹּׁ") for letter in letters)
        if kind == 1:
            return letters + choice.choice("\"'״׳") + choice.choice(HEBREW)
        if kind == 2:
            return choice.choice("אa!0 א😀") * choice.randint(2, 30)
        if kind == 3:
            return "".join(choice.choices("😀🏽👨‍👩‍👧🇮🇱", k=choice.randint(1, 6)))
        if kind == 4:
            return "".join(chr(choice.choice([*range(0x20, 0x3000), *range(0x10000, 0x10200)])) for _ in range(3))
        if kind == 5:
            return choice.choice(["it's", "<s>", "</s>", "print(x)", "http://a.b/c?d=1", "\u2028", "\u0085", "\xa0"])
        return letters

    def line() -> str:
        return choice.choice(["", " ", "\t"]) + " ".join(word() for _ in range(choice.randint(0, 12)))

    return "".join(line() + choice.choice(ENDS) for _ in range(lines)) + "הסוף בלי סוף שורה  "


def english(lines: int = 2000) -> str:
    """English-like text: words of a small lexicon by Zipf's law."""
    choice = random.Random(9)
    lexicon = ["".join(choice.choices("etaoinshrdlu", k=choice.randint(1, 9))) for _ in range(500)]
    weights = [1 / rank for rank in range(1, 501)]
    return "".join(" ".join(choice.choices(lexicon, weights, k=12)).capitalize() + ".\n" for _ in range(lines))


def runs() -> str:
    """Little but runs: where pairs overlap."""
    choice = random.Random(4)
    return "\n".join(choice.choice("aאa!") * choice.randint(1, 70) + choice.choice(["", "b"]) for _ in range(3000))


CORPORA = {
    "handwritten": handwritten,
    "hostile": lambda: hostile(1),
    "other hostile": lambda: hostile(2),
    "english": english,
    "runs": runs,
}


def lines_of(text: str, keep_line_ends: bool = False) -> list[str]:
    """The lines of a text as they are fed to a trainer."""
    if keep_line_ends:
        return text.replace("\n", "\n\x00").removesuffix("\x00").split("\x00")
    return [stripped for line in text.split("\n") if (stripped := line.strip())]


def counted(lines: list[str], kind: str = "gpt2") -> Counter[bytes]:
    """The words of lines as Hugging Face's pre-tokenizer cuts them."""
    pre_tokenizer = huggingface(kind)
    back = {character: byte for byte, character in enumerate(byte_characters())}
    found = Counter(word for line in lines for word, _ in pre_tokenizer.pre_tokenize_str(line))
    return Counter({bytes(back[character] for character in word): count for word, count in found.items()})


def as_words(counts: dict[bytes, int]) -> Words:
    """Counted words as the trainer takes them."""
    lengths = np.array([len(word) for word in counts], dtype=np.int32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    symbols = byte_ids()[np.frombuffer(b"".join(counts), dtype=np.uint8)]
    return Words(symbols, starts, lengths, np.array(list(counts.values()), dtype=np.int64))


def train_huggingface(lines: list[str], vocab_size: int, kind: str = "gpt2", min_frequency: int = 2):
    """The tokenizer Hugging Face's trainer makes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = huggingface(kind)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size + len(SPECIALS),
        min_frequency=min_frequency,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def merges_of(tokenizer) -> list[tuple[int, int]]:
    """The merges of a Hugging Face tokenizer as ids."""
    model = json.loads(tokenizer.to_str())["model"]
    return [(model["vocab"][left], model["vocab"][right]) for left, right in model["merges"]]


def train_plainly(counts: dict[bytes, int], merges: int, least: int) -> list[tuple[int, int]]:
    """The definition: count all pairs anew for each merge, in integers of any size."""
    words = [([int(byte_ids()[byte]) for byte in word], count) for word, count in counts.items()]
    learned: list[tuple[int, int]] = []
    while len(learned) < merges:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, count in words:
            for pair in itertools.pairwise(word):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < max(1, least):
            break
        made = FIRST_MERGE + len(learned)
        learned.append(best)
        for word, _ in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [made]
                i += 1
    return learned
