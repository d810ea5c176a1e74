"""Peer: the rules of `clean` written with the `regex` package, a line at a time, as a cleaning script usually is.

Usage: python -m benchmarks.peers.regex_clean INPUT OUTPUT
"""

import sys
import unicodedata

import regex

from fairseq_hebrew.text.characters import BIDI_CONTROLS, LETTERS, POINTS, WIDE_LETTERS

# One pattern a rule, compiled once.
CONTROLS = regex.compile("[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f]")
BIDI = regex.compile(f"[{BIDI_CONTROLS}]")
MARKS = regex.compile(f"[{POINTS}]")
DOUBLE = regex.compile(f"(?<=[{LETTERS}])[\u05f4\u201c\u201d\u201e\u201f\u2033](?=[{LETTERS}])")
SINGLE = regex.compile(f"(?<=[{LETTERS}])[\u05f3\u2018\u2019\u201b\u2032](?=[{LETTERS}])")
SPACES = regex.compile(r"\s+")
ANY = regex.compile(r"\p{L}")
HEBREW = regex.compile(f"[{LETTERS}]")


def clean_line(line: str) -> str:
    line = CONTROLS.sub("", line)
    line = BIDI.sub("", line)
    line = unicodedata.normalize("NFC", line.translate(WIDE_LETTERS))
    line = MARKS.sub("", line)
    line = SINGLE.sub("'", DOUBLE.sub('"', line))
    return SPACES.sub(" ", line).strip()


def main(source: str, target: str) -> None:
    document: list[str] = []
    with open(source, encoding="utf-8") as text, open(target, "w", encoding="utf-8") as out:
        for line in [*text, "\n"]:
            if line.strip():
                document.append(clean_line(line))
                continue
            whole = "\n".join(document)
            letters = len(ANY.findall(whole))
            if letters and len(HEBREW.findall(whole)) >= 0.5 * letters:
                out.write(whole + "\n\n")
            document = []


if __name__ == "__main__":
    main(*sys.argv[1:])
