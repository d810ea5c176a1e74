"""The settings of `clean`: every rule and every filter with its default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.address import Address
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import setting
from fairseq_hebrew.text.normalize import Normalization

from ..documents import LAYOUT_HELP, LAYOUTS
from ..readers.source import FORMAT_HELP, FORMATS, HEADER_HELP, MAX_BROKEN_HELP, TEXT_FIELD_HELP

LANGUAGES = ("hebrew", "english", "any")
# A repeated line longer than this is a quotation or a duplicated text, not the boilerplate of a site.
BOILERPLATE_CHARACTERS = 200


@dataclass
class Settings:
    """Shares are between 0 and 1; a limit of 1 keeps all.

    The kinds of repetition are MassiveText's (Rae et al. 2021, arXiv 2112.11446, table A1), and so are the limits of
    the most frequent n-grams. Its 0.3 of lines and 0.2 of their characters would drop 9 of 10 Knesset protocols, which
    print every speaker's name on a line of its own, and its 0.15 to 0.10 for long n-grams a twelfth of the laws, which
    repeat their formulas: those limits are set to what such text stays below.
    """

    input: list[Address] = setting(help="files, fsspec addresses or glob patterns", changes_result=False)
    output: Path = setting(
        help="the cleaned text: a paragraph a line, a blank line after each document", changes_result=False
    )
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    format: str = setting("auto", FORMAT_HELP, FORMATS)
    text_field: str = setting(None, TEXT_FIELD_HELP)
    header: bool = setting(True, HEADER_HELP)
    max_broken: int = setting(0, MAX_BROKEN_HELP, least=0)
    keep_niqqud: bool = setting(False, "keep vowel points and cantillation marks")
    strip_bidi: bool = setting(True, "remove bidirectional control characters")
    normalize_forms: bool = setting(True, "map presentation forms to letters, and apply NFC")
    normalize_gershayim: bool = setting(True, "typographic gershayim and geresh between Hebrew letters become \" and '")
    strip_controls: bool = setting(True, "remove control characters that are no white space")
    collapse_spaces: bool = setting(True, "make every run of white space in a line one blank, and none at its ends")
    normalize_punctuation: bool = setting(False, "Moses punctuation normalization of each line (sacremoses)")
    max_mojibake: float = setting(
        0.1, "drop lines with this many signs of a wrong encoding per character, and at least 3; above 1: keep", least=0
    )
    language: str = setting("hebrew", "the language of the text to keep; `any`: no test of language", LANGUAGES)
    min_hebrew: float = setting(
        0.5, "drop documents with a smaller share of Hebrew letters among their letters (language hebrew)", least=0
    )
    min_english: float = setting(
        0.5, "drop documents with a smaller share of the letters a-z among their letters (language english)", least=0
    )
    max_yiddish: float = setting(0.01, "drop documents with more signs of Yiddish spelling per Hebrew letter", least=0)
    min_characters: int = setting(20, "drop documents that are shorter after cleaning", least=0)
    max_characters: int = setting(0, "drop documents that are longer after cleaning; 0: keep", least=0)
    max_symbols: float = setting(
        0.4, "drop documents with a larger share of punctuation and symbols among what is no white space", least=0
    )
    max_digits: float = setting(
        0.4, "drop documents with a larger share of digits among what is no white space", least=0
    )
    repetition_words: int = setting(100, "do not test documents of fewer words for repetition", least=0)
    max_duplicate_lines: float = setting(
        0.8, "drop documents with a larger share of lines that stood earlier in them", least=0
    )
    max_duplicate_line_characters: float = setting(
        0.4, "drop documents with a larger share of characters in lines that stood earlier in them", least=0
    )
    max_top_ngrams: list[float] = setting(
        [0.20, 0.18, 0.16],
        "drop documents with a larger share of characters in one repeated n-gram of words, for n = 2, 3, 4; 1: keep",
    )
    max_duplicate_ngrams: list[float] = setting(
        [0.30, 0.28, 0.26, 0.24, 0.22, 0.20],
        "drop documents with a larger share of characters in n-grams of words that stood earlier in them, "
        "for n = 5, 6, ..., 10; 1: keep",
    )
    boilerplate_repeats: int = setting(
        0,
        f"drop lines of up to {BOILERPLATE_CHARACTERS} characters that stand in more documents than this; 0: keep",
        least=0,
    )
    examples: int = setting(
        20, "examples kept of what each rule changed and each reason removed, in NAME.removed.jsonl; 0: none", least=0
    )
    memory: int = setting(1000, "MB of memory for counting repeated lines", changes_result=False, least=1)
    workers: int = setting(1, "threads; the output is the same for any number", changes_result=False, least=1)

    def __post_init__(self) -> None:
        for name, count in (("max_top_ngrams", 3), ("max_duplicate_ngrams", 6)):
            limits = getattr(self, name)
            if not (0 < len(limits) <= count and all(limit >= 0 for limit in limits)):
                given = " ".join(map(str, limits))
                raise UserError(f"--{name.replace('_', '-')} {given}: up to {count} numbers from 0 on, one for each n")

    @property
    def normalization(self) -> Normalization:
        return Normalization(
            points=not self.keep_niqqud,
            bidi=self.strip_bidi,
            forms=self.normalize_forms,
            gershayim=self.normalize_gershayim,
            controls=self.strip_controls,
            spaces=self.collapse_spaces,
            punctuation=self.normalize_punctuation,
        )
