"""The Hebrew characters that matter to a corpus, as sets and compiled patterns.

Sources: The Unicode Standard, blocks Hebrew (U+0590-05FF) and Alphabetic Presentation Forms (U+FB1D-FB4F).
"""

from __future__ import annotations

import re

LETTERS = "א-ת"

# Vowel points and cantillation marks. Maqaf (05BE), paseq (05C0), sof pasuq (05C3) and nun hafukha (05C6) stand
# between them in the block and are punctuation: a plain range would delete maqaf and glue words together.
POINTS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"

BIDI_CONTROLS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff"

# Wide letters and the alef-lamed ligature: the presentation forms that NFC leaves as they are.
WIDE_LETTERS = {
    0xFB20: "ע",
    0xFB21: "א",
    0xFB22: "ד",
    0xFB23: "ה",
    0xFB24: "כ",
    0xFB25: "ל",
    0xFB26: "ם",
    0xFB27: "ר",
    0xFB28: "ת",
    0xFB29: "+",
    0xFB4F: "אל",
}

HAS_POINTS = re.compile(f"[{POINTS}]")
HAS_BIDI = re.compile(f"[{BIDI_CONTROLS}]")
HAS_WIDE = re.compile("[\ufb20-\ufb29\ufb4f]")
# Gershayim and the typographic double quotes that stand for it inside an acronym; geresh and the apostrophes. Where
# points are kept, one may follow the letter before.
GERSHAYIM = "\u05f4\u201c\u201d\u201e\u201f\u2033"
GERESH = "\u05f3\u2018\u2019\u201b\u2032"
GERSHAYIM_INSIDE = re.compile(f"(?<=[{LETTERS}{POINTS}])[{GERSHAYIM}](?=[{LETTERS}])")
GERESH_INSIDE = re.compile(f"(?<=[{LETTERS}{POINTS}])[{GERESH}](?=[{LETTERS}])")
# Control characters other than tab and the line separators, which white space handling turns into blanks.
CONTROLS = "\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f"
HAS_CONTROLS = re.compile(f"[{CONTROLS}]")

HEBREW_LETTERS = re.compile(f"[{LETTERS}]+")
# Digraphs of Yiddish spelling, and words in which nothing but alef carries a point (patah or qamats).
YIDDISH = re.compile("[\u05f0-\u05f2\ufb1f]")
YIDDISH_WORD = re.compile(
    f"(?<![{LETTERS}{POINTS}])(?:[{LETTERS}]*א[\u05b7\u05b8])+[{LETTERS}]*(?![{LETTERS}{POINTS}])"
)
# Points that Yiddish spelling does not use: the half vowels, tsere, segol, holam, qubuts and the dots of shin.
HEBREW_POINT = re.compile("[\u05b0-\u05b3\u05b5\u05b6\u05b9-\u05bb\u05c1\u05c2]")
# A Hebrew letter is the bytes D7 90-AA: read as Latin-1 or Windows-1252 it becomes the sign × and a second sign.
MOJIBAKE_SECOND = "\u0080-\u00bf\u0152-\u017e\u02dc\u2013-\u2122"
MOJIBAKE = re.compile(f"\u00d7[{MOJIBAKE_SECOND}]|\u00c3\u2014|\ufffd")
