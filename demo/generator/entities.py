"""The persons, groups and places a document keeps talking about."""

from __future__ import annotations

from dataclasses import dataclass

from .phrase import Name, NounPhrase
from .spelling import spell


@dataclass(frozen=True)
class Person:
    """A named person with a role; mentioned by name, by role or by both."""

    first: str
    family: str
    gender: str
    role: NounPhrase | None = None

    number = "sg"
    definite = True

    @property
    def classes(self) -> frozenset[str]:
        """A person's classes, with those of the role."""
        return frozenset(["person"]) | (self.role.classes if self.role else frozenset())

    def raw(self) -> str:
        """The first mention: the role, when there is one, and the full name."""
        name = f"{self.first} {self.family}".strip()
        return f"{self.role.raw()} {name}" if self.role else name

    def mention(self, how: str) -> str:
        """The person's 'first', 'family', 'name' (both) or 'role'."""
        if how == "role":
            if self.role is None:
                raise ValueError(f"{self.first} has no role")
            return self.role.raw()
        if how == "name":
            return f"{self.first} {self.family}".strip()
        return {"first": self.first, "family": self.family}[how]

    def __str__(self) -> str:
        return spell(self.raw())


@dataclass(frozen=True)
class Group:
    """Several persons together: masculine plural unless all are women."""

    members: tuple[Person, ...]

    number = "pl"
    definite = True
    classes = frozenset(["person"])

    @property
    def gender(self) -> str:
        """Feminine only when every member is."""
        return "f" if all(member.gender == "f" for member in self.members) else "m"

    def raw(self) -> str:
        """First names joined with ו before the last."""
        names = [member.first for member in self.members]
        last = names.pop()
        # A name in ו would double it here; no given name in the lists has one.
        return f"{', '.join(names)} ו{last}"

    def __str__(self) -> str:
        return self.raw()


def place(text: str, gender: str = "f") -> Name:
    """A named town or site; towns are feminine."""
    return Name(text, gender, "sg", frozenset(["place"]))
