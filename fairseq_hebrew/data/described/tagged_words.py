"""The description of tagged words, such as named entities."""

from __future__ import annotations

from dataclasses import dataclass

from fairseq_hebrew.stage.errors import UserError

from .base import REMEDY, LabelledDescription

SCHEMES = {"bio": "BI", "bioes": "BIES"}


@dataclass(frozen=True, kw_only=True)
class TokenClassification(LabelledDescription):
    """`labels` are the entity types, without their B-, I-, E- and S-."""

    KIND = "token_classification"
    METRICS = ("f1",)

    scheme: str = "bioes"

    @property
    def classes(self) -> list[str]:
        """O and the tags of the scheme."""
        return ["O", *(f"{place}-{label}" for label in self.labels for place in SCHEMES[self.scheme])]

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        super().check(values, where)
        if values.get("scheme", "bioes") not in SCHEMES:
            raise UserError(f"{where}: scheme {values['scheme']!r} is none of {', '.join(SCHEMES)}; {REMEDY}")
