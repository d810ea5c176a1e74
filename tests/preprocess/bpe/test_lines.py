"""Lines as ranges of bytes: those Python reads and strips, for any size of block."""

import random

import pytest

from fairseq_hebrew.preprocess.bpe import lines as module
from fairseq_hebrew.preprocess.bpe.lines import line_ranges, read_blocks
from fairseq_hebrew.preprocess.bpe.sample import Sample
from fairseq_hebrew.preprocess.bpe.sentence_pieces import sampled_lines
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.bpe.samples import hostile

# Each character Python strips, and what begins or ends with the same bytes.
BLANKS = [chr(i) for i in range(0x110000) if chr(i).isspace()]
LOOK_ALIKE = ["\x08", "\x0e", "\x1b", "\x84", "\x86", "\x9f", "\xa1", "\u167f", "\u1681", "\u180e", "\u1fff", "\u200b"]
LOOK_ALIKE += ["\u2027", "\u202a", "\u202e", "\u2030", "\u205e", "\u2060", "\u2fff", "\u3001", "\ufeff", "א", "😀", "é"]


def read(paths, keep, sample, first=0):
    found = []
    for path in paths:
        for block in read_blocks(path):
            data, starts, ends = line_ranges(block, keep, sample, first)
            found += [data[a:b].tobytes().decode() for a, b in zip(starts, ends)]
        first += path.stat().st_size
    return found


def texts():
    choice = random.Random(1)
    yield hostile(5, 500)
    yield "".join(choice.choices([*BLANKS, *LOOK_ALIKE, "\n", "\n"], k=20_000))
    yield "".join(blank + "x" + other + blank + "\n" for blank in BLANKS for other in LOOK_ALIKE)
    yield from (
        "\n",
        "\n\n\n",
        "a",
        " ",
        "\r\n\r\n",
        "\ufeffאב\nגד",
        "\ufeff",
        "\ufeff\n",
        "\ufeff\ufeffa\n\ufeffb",
        "a\n\n",
    )


@pytest.mark.parametrize("block", [1, 7, 1000, 1 << 21])
@pytest.mark.parametrize("keep", [False, True])
def test_the_lines_python_reads(tmp_path, monkeypatch, block, keep):
    monkeypatch.setattr(module, "BLOCK", block)
    for number, text in enumerate(texts()):
        if block == 1 and number < 3:
            text = text[:3000]
        path = tmp_path / f"{number}.txt"
        path.write_bytes(text.encode())
        wanted = [line + "\n" for line in text.removeprefix("\ufeff").split("\n")]
        wanted[-1] = wanted[-1][:-1]
        if not keep:
            wanted = [line.strip() for line in wanted]
        assert read([path], keep, Sample()) == [line for line in wanted if line]


@pytest.mark.parametrize("keep", [False, True])
def test_the_sample_is_the_same_by_lines_and_by_ranges(tmp_path, monkeypatch, keep):
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_bytes(hostile(number, 1000).encode())
    sample = Sample(seed=3, below=1 << 63)
    wanted = list(sampled_lines(paths, keep, sample))
    whole = list(sampled_lines(paths, keep, Sample()))
    assert 0.4 < len(wanted) / len(whole) < 0.6
    for block in (100, 1 << 21):
        monkeypatch.setattr(module, "BLOCK", block)
        assert read(paths, keep, sample) == wanted
        # A shard by itself: it is told what stands before it.
        before = paths[0].stat().st_size
        assert read(paths[1:], keep, sample, before) == wanted[-len(read(paths[1:], keep, sample, before)) :]
        assert read(paths[1:], keep, sample, 0) != read(paths[1:], keep, sample, before)


@pytest.mark.parametrize("block", [1, 9, 1 << 21])
def test_invalid_utf8_names_its_line(tmp_path, monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)
    path = tmp_path / "a.txt"
    for broken, byte in ((b"\xff", "ff"), ("ש".encode()[:1], "d7"), (b"\xed\xa0\x80", "ed"), (b"\xc0\x80", "c0")):
        path.write_bytes("שורה\n\nעוד שורה\n".encode() + "אב ".encode() + broken + b"\nabc\n")
        with pytest.raises(UserError, match=rf"a\.txt:4: invalid UTF-8 \(byte 0x{byte}\)"):
            read([path], False, Sample())
