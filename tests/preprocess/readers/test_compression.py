"""Compressed files: what was packed comes out, in whatever pieces, and a damaged end is told."""

import random
import re

import pytest

from fairseq_hebrew.preprocess.readers import compression
from fairseq_hebrew.preprocess.readers.compression import ENDINGS, Decompressed
from fairseq_hebrew.preprocess.readers.source import Damaged
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.readers.packing import PACK

ALL = pytest.mark.parametrize("ending", sorted(PACK))


def decompressed(packed, ending, size=1 << 20):
    """(all that comes out, what was wrong at the end) of a file's bytes."""
    position = 0

    def raw(most):
        nonlocal position
        block = packed[position : position + most]
        position += len(block)
        return block

    stream, made = Decompressed(raw, ENDINGS[ending], f"a{ending}"), []
    try:
        while block := stream.read(size):
            assert len(block) <= size
            made.append(block)
    except Damaged as damage:
        with pytest.raises(Damaged, match=re.escape(str(damage))):
            stream.read(size)
        return b"".join(made), str(damage)
    return b"".join(made), None


def text(size, seed=1):
    choice = random.Random(seed)
    return "".join(choice.choices("אבגד \n", k=size)).encode()


@ALL
@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_any_size_of_read_gives_the_same_bytes(ending, size, monkeypatch):
    content = text(3000)
    for taken in (1, 100, 1 << 16):
        monkeypatch.setattr(compression, "INPUT", taken)
        assert decompressed(PACK[ending](content), ending, size) == (content, None)


@ALL
def test_members_follow_each_other(ending):
    parts = [text(500, 2), b"", text(40_000, 3), b"x"]
    packed = b"".join(PACK[ending](part) for part in parts)
    assert decompressed(packed, ending) == (b"".join(parts), None)
    assert decompressed(PACK[ending](b""), ending) == (b"", None)
    assert decompressed(b"", ending) == (b"", None)


@pytest.mark.parametrize("ending", [".gz", ".xz"])
def test_zeros_are_padding(ending):
    packed = PACK[ending](b"one ")
    assert decompressed(packed + bytes(512) + packed + bytes(8), ending) == (b"one one ", None)


@ALL
def test_what_is_well_packed_together_comes_out_in_bounded_pieces(ending):
    content = b"a" * (50 << 20)
    assert decompressed(PACK[ending](content), ending) == (content, None)


@ALL
def test_a_file_cut_off_anywhere_gives_what_came_before(ending):
    first, second = text(2000, 4), text(300_000, 5)
    whole = PACK[ending](first)
    packed = whole + PACK[ending](second)
    for end in [len(whole) + 20, len(packed) // 2, len(packed) - 9, len(packed) - 1]:
        made, problem = decompressed(packed[:end], ending)
        assert made.startswith(first) and (first + second).startswith(made)
        assert f"is cut off after {end:,} bytes of the file" in problem


@ALL
def test_damage_inside_is_told(ending):
    content = text(300_000, 6)
    packed = bytearray(PACK[ending](content))
    for position in range(len(packed) // 2, len(packed) // 2 + 40):
        packed[position] ^= 0x5A
    made, problem = decompressed(bytes(packed), ending)
    if problem is None:  # zstd has no checksum where none was asked for
        assert ending == ".zst" and made != content
    else:
        assert "damaged near byte" in problem or "cut off" in problem


@ALL
def test_bytes_after_the_end_that_are_something_else_are_told(ending):
    made, problem = decompressed(PACK[ending](b"one") + b"\x01\x02rubbish, and more of it, and more", ending)
    assert made == b"one" and "damaged near byte" in problem


@ALL
def test_a_wrong_ending_is_refused(ending):
    for content in (b"plain text", b"\x00" * 20, PACK[".gz" if ending != ".gz" else ".bz2"](b"x")):
        with pytest.raises(UserError, match=rf"a{ending}: is no \w+ data though its name ends in"):
            decompressed(content, ending)


def test_zstd_of_the_longest_window_and_with_frames_to_skip():
    zstandard = pytest.importorskip("zstandard")
    content = text(100_000, 7)
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    made = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = made.compress(content) + made.flush()
    skipped = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index"
    assert decompressed(skipped + packed + skipped, ".zst") == (content, None)
