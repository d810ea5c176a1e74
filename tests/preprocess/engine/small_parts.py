"""A small pipeline for tests of the engine itself: words are thrown into buckets, sorted, and counted."""

import os
import signal
import sys
import time
import zlib

from fairseq_hebrew.preprocess.engine.tasks import Folder, Phase, Task
from fairseq_hebrew.stage.errors import UserError


def scatter(text, buckets):
    """Each word of a text to the bucket of its hash."""
    words = text.read_text(encoding="utf-8").split()
    for number, bucket in enumerate(buckets):
        mine = [word for word in words if zlib.crc32(word.encode()) % len(buckets) == number]
        bucket.write_text("".join(f"{word}\n" for word in mine), encoding="utf-8")
    print("scattered", len(words), file=sys.stderr)
    return {"words": len(words)}


def gather(buckets, sorted_words, upper, memory):
    """The words of a bucket of all texts, sorted."""
    assert memory > 0
    words = sorted(word for bucket in buckets for word in bucket.read_text(encoding="utf-8").split())
    lines = "".join(f"{word.upper() if upper else word}\n" for word in words)
    sorted_words.write_text(lines, encoding="utf-8")
    return {"words": len(words)}


def total(sorted_words, folder):
    """Two files of one folder: how many words there are, and which is the longest."""
    words = [word for path in sorted_words for word in path.read_text(encoding="utf-8").split()]
    (folder / "count.txt").write_text(f"{len(words)}\n")
    (folder / "longest.txt").write_text(max(words, key=len))
    return {"words": len(words)}


def copy(folder, copied):
    assert sorted(path.name for path in folder.iterdir()) == ["count.txt", "longest.txt"]
    copied.write_bytes((folder / "count.txt").read_bytes() + (folder / "longest.txt").read_bytes())


def refuse(text, buckets):
    scatter(text, buckets)
    raise UserError(f"{text}:1: a word too many; take it out")


def stumble(text, buckets):
    raise ZeroDivisionError("by nobody's fault")


def die(text, buckets):
    os.kill(os.getpid(), signal.SIGKILL)


def forgetful(text, buckets):
    """Leaves its last output out."""
    scatter(text, buckets[:-1])


def linger(text, buckets):
    """Waits to be killed the first time; a file beside the text says that it began."""
    scatter(text, buckets)
    began = text.with_name("began")
    if not began.exists():
        began.touch()
        time.sleep(60)


def phases_of(sources, buckets=3, upper=False, memory=1, first=scatter, last=scatter):
    """The plan over some sources; `first` and `last` are the parts that scatter the first and the last of them."""
    parts = [first, *[scatter] * (len(sources) - 2), last]
    made = [[f"work/{source}-{bucket}.txt" for bucket in range(buckets)] for source in range(len(sources))]
    return [
        Phase(
            "scatter",
            [
                Task(f"scatter/{n}", part, {"text": source}, {"buckets": made[n]})
                for n, (part, source) in enumerate(zip(parts, sources))
            ],
        ),
        Phase(
            "gather",
            [
                Task(
                    f"gather/{n}",
                    gather,
                    {"buckets": [files[n] for files in made]},
                    {"sorted_words": f"text/{n}.txt"},
                    {"upper": upper},
                    {"memory": memory},
                )
                for n in range(buckets)
            ],
        ),
        Phase(
            "total",
            [
                Task(
                    "total",
                    total,
                    {"sorted_words": [f"text/{n}.txt" for n in range(buckets)]},
                    {"folder": Folder("total", ("count.txt", "longest.txt"))},
                )
            ],
        ),
        Phase(
            "copy",
            [
                Task(
                    "copy",
                    copy,
                    {"folder": Folder("total", ("count.txt", "longest.txt"))},
                    {"copied": "text/total.txt"},
                )
            ],
        ),
    ]
