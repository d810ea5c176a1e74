"""UTF-8 as a kernel checks it is UTF-8 as Python's decoder does."""

import itertools
import random

import numpy as np
import pytest

from fairseq_hebrew.text.fast_bpe import padded
from fairseq_hebrew.text.line_kernels import invalid_utf8_at


def by_python(raw):
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return -1


def test_every_beginning_of_a_sequence():
    edges = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    for first in range(256):
        for rest in [(), *((byte,) for byte in range(256)), *itertools.product(edges, edges)]:
            raw = bytes([0x61, first, *rest])
            assert invalid_utf8_at(padded(raw), 0, len(raw)) == by_python(raw), raw
        for rest in itertools.product(edges, [0x7F, 0x80, 0xBF, 0xC0], [0x7F, 0x80, 0xBF, 0xC0]):
            raw = bytes([first, *rest, 0x61])
            assert invalid_utf8_at(padded(raw), 0, len(raw)) == by_python(raw), raw


@pytest.mark.parametrize("seed", range(3))
def test_random_text_with_a_byte_changed(seed):
    choice = random.Random(seed)
    for _ in range(3000):
        points = [choice.choice([range(0x80), range(0x5D0, 0x5EB), range(0x800, 0xD800), range(0x10000, 0x110000)])]
        text = "".join(chr(choice.choice(choice.choice(points))) for _ in range(choice.randint(0, 20)))
        raw = bytearray(f"{text}שלום {text}".encode())
        if choice.random() < 0.8:
            raw[choice.randrange(len(raw))] = choice.randrange(256)
        raw = bytes(raw)[: choice.randint(0, len(raw))]
        assert invalid_utf8_at(padded(raw), 0, len(raw)) == by_python(raw), raw


def test_what_stands_outside_does_not_matter():
    data = np.frombuffer(b"\xff\xd7\x90\xd7\x90\xff", np.uint8).copy()
    assert invalid_utf8_at(data, 1, 5) == -1
    assert invalid_utf8_at(data, 1, 4) == 3, "a letter cut off"
    assert invalid_utf8_at(data, 2, 5) == 2
