"""The description of tagged words, such as named entities."""

from __future__ import annotations

from dataclasses import dataclass, field

from fairseq_hebrew.stage.errors import UserError

from .base import REMEDY, LabelledDescription

# The tags that a model predicts, and scores are counted of.
SCHEMES = {"bio": "BI", "bioes": "BIES"}
# What files may have instead: the scheme it is read as, and the letters of files that are others there.
FILE_SCHEMES = {"bmes": ("bioes", {"M": "I"})}

# The keys that are one of a few words; the first is what holds where nothing is said.
CHOICES = {
    "format": ("columns", "spans", "tokens"),
    "separator": ("space", "tab"),
    "spans": ("extend", "refuse"),
    "overlaps": ("refuse", "longest"),
    "broken_tags": ("refuse", "count"),
    "unknown_labels": ("refuse", "count"),
    "empty": ("count", "refuse"),
    "duplicates": ("count", "refuse"),
}


@dataclass(frozen=True, kw_only=True)
class TokenClassification(LabelledDescription):
    """`labels` are the entity types, without their B-, I-, E- and S-."""

    KIND = "token_classification"
    METRICS = ("f1",)

    scheme: str = "bioes"
    format: str = "columns"  # a word a line; or JSON lines: a text with spans of characters, or tokens with their tags
    # Of columns. Counted from 1, or from the last with -1; 0 and 0: the tag is last, the word all that stands before.
    word_column: int = 0
    tag_column: int = 0
    separator: str = "space"  # runs of white space, or each tab
    comments: str = ""  # how lines begin that are no words
    tags_between: str = ""  # what stands between the tags of a word that is in several entities
    # Of JSON lines. The labels stand in `label` or `labels` beside a text, in `tags` or `ner_tags` beside tokens.
    text_field: str = "text"
    tokens_field: str = "tokens"
    labels_field: str = ""
    id_field: str = "id"
    tag_names: list[str] = field(default_factory=list)  # of tags that are numbers
    # What is refused, or counted and told.
    spans: str = "extend"  # a span that cuts a word: it is extended to the word
    overlaps: str = "refuse"  # entities within or across others: the longest is kept
    broken_tags: str = "refuse"  # an I- without its B-: the tags are left as they are
    unknown_labels: str = "refuse"  # a type that is not among `labels`: its words are O
    empty: str = "count"  # a sentence without a word is left out
    duplicates: str = "count"  # ids of earlier lines

    @property
    def tag_scheme(self) -> str:
        """The scheme of the classes, which is that of the files where it is one a model predicts."""
        return FILE_SCHEMES.get(self.scheme, (self.scheme,))[0]

    @property
    def places(self) -> dict[str, str]:
        """The letter a tag in the files begins with: the letter of the class it is."""
        renamed = {ours: theirs for theirs, ours in FILE_SCHEMES.get(self.scheme, ("", {}))[1].items()}
        return {renamed.get(place, place): place for place in SCHEMES[self.tag_scheme]}

    @property
    def classes(self) -> list[str]:
        """O and the tags of the scheme."""
        return ["O", *(f"{place}-{label}" for label in self.labels for place in SCHEMES[self.tag_scheme])]

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        super().check(values, where)
        schemes = (*SCHEMES, *FILE_SCHEMES)
        if values.get("scheme", "bioes") not in schemes:
            raise UserError(f"{where}: scheme {values['scheme']!r} is none of {', '.join(schemes)}; {REMEDY}")
        for key, known in CHOICES.items():
            if values.get(key, known[0]) not in known:
                raise UserError(f"{where}: {key} {values[key]!r} is none of {', '.join(known)}; {REMEDY}")
        given = [key for key in ("word_column", "tag_column") if values.get(key, 0)]
        if len(given) == 1:
            raise UserError(f"{where}: {given[0]} without the other; give both columns, or neither; {REMEDY}")
        if given and values["word_column"] == values["tag_column"]:
            raise UserError(f"{where}: word_column and tag_column are both {values['tag_column']}; {REMEDY}")
        values["tag_names"] = [str(name) for name in values.get("tag_names", [])]
