"""Text made to break a normalizer: characters of every class, close together, in an order nobody would type."""

import random
from pathlib import Path

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "text"

# All that a rule looks at, and what stands at the edges of its sets.
EVERY_CLASS = [
    *"אבגדהשםןץ",
    *"abe .,!-\"'",
    *"״׳“”’‘„־׀׃‛‟″′",
    *(chr(code) for code in range(0x0590, 0x0600)),
    *(chr(code) for code in range(0xFB1D, 0xFB50)),
    *"\u200d\u200e\u200f\u2010\u061b\u061c\u2029\u202a\u202e\u202f\u2065\u2066\u2069\u206a\ufeff\ufefe",
    *"\u0301\u0308\u0323\u05b0\u05c1\u034f\u200b",
    *" \t\r\xa0\u2003\x00\x01\x0e\x1b\x1c\x1f\x7f\x80\x84\x85\x86\x9f\u2028\u3000",
    *"😀é가\u1100\u1161\u11a8ﷺﬁ½×Ã—\ufffd\u212bज़\u0928\u093c𝅗𝅥\U0010ffff",
]
# What the kernel does by itself, so that its lines are long and nothing sends them the other way.
COMMON = [
    *"אבגדה",
    *("א\u05b7", "א\u05b8"),
    *"a1 \t.",
    *"״׳“’\u05be",
    *(chr(code) for code in range(0x0591, 0x05C8)),
    *"\u200f\x01",
    *"××\x90\x91—Ã\ufffd",
    "\u05f0",
]


def hostile_lines(count, seed, pool=EVERY_CLASS, longest=12):
    choice = random.Random(seed)
    for _ in range(count):
        yield "".join(choice.choices(pool, k=choice.randint(0, longest)))


def hostile_documents(count, seed):
    """Documents (lists of lines), each batch of them from a pool of its own kind."""
    choice = random.Random(seed)
    pool = choice.choice([EVERY_CLASS, COMMON, choice.sample(COMMON, 8), choice.sample(EVERY_CLASS, 15)])
    lines = hostile_lines(count * 4, seed, pool, longest=choice.choice([6, 14, 40]))
    return [[next(lines) for _ in range(choice.randint(1, 4))] for _ in range(count)]


def real_documents(name, size):
    """The documents (lists of lines) in the first `size` bytes of a file of real text."""
    with open(REAL / name, "rb") as file:
        text = file.read(size).decode("utf-8", errors="ignore")
    return [document.split("\n") for document in text.strip("\n").split("\n\n")]
