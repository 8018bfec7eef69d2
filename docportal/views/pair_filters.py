"""Which pairs a reviewer looks at: read from an address, and written back into one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

from django.db.models import Q
from django.utils.http import urlencode

from docportal.models import User
from docportal.views.typed import words_of
from router.text import storable
from training.models import PairQuerySet, QAPair

WAITING = "waiting"
STATES = [
    (WAITING, "Waiting"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("retired", "Retired"),
]
ORDER = ("document_id", "pk")
BACKWARDS = ("-document_id", "-pk")


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty fields leave nothing out; `state` is one of `STATES`, each pair is in one of them."""

    state: str = WAITING
    collection: str = ""
    document: str = ""
    origin: str = ""
    text: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Self:
        given = {name: storable(values[name]) for name in _names(cls) if values.get(name)}
        filters = cls(**given)
        return filters if filters.state in dict(STATES) else replace(filters, state=WAITING)

    def pairs(self, user: User) -> PairQuerySet:
        """Those that fit and that `user` may read."""
        return in_state(self.in_any_state(user), self.state)

    def in_any_state(self, user: User) -> PairQuerySet:
        pairs = QAPair.objects.readable_by(user)
        if self.collection:
            pairs = pairs.filter(document__collection__slug=self.collection)
        if self.document:
            pairs = pairs.filter(document__slug=self.document)
        if self.origin:
            pairs = pairs.filter(origin=self.origin)
        for word in words_of(self.text):
            pairs = pairs.filter(Q(question__icontains=word) | Q(answer__icontains=word))
        return pairs

    @property
    def chosen(self) -> dict[str, str]:
        """Those that differ from the start, for hidden fields."""
        start = type(self)()
        return {
            name: value
            for name in _names(type(self))
            if (value := getattr(self, name)) != getattr(start, name)
        }

    @property
    def query(self) -> str:
        """For an address: empty, or `?` and what is chosen."""
        return f"?{urlencode(self.chosen)}" if self.chosen else ""

    @property
    def more(self) -> str:
        """For an address that has a query already: empty, or `&` and what is chosen."""
        return f"&{urlencode(self.chosen)}" if self.chosen else ""


def _names(cls: type[Filters]) -> list[str]:
    return [field.name for field in fields(cls)]


def in_state(pairs: PairQuerySet, state: str) -> PairQuerySet:
    match state:
        case "approved":
            return pairs.live().filter(review=QAPair.Review.APPROVED)
        case "rejected":
            return pairs.filter(review=QAPair.Review.REJECTED)
        case "retired":
            return pairs.retired().exclude(review=QAPair.Review.REJECTED)
        case _:
            return pairs.waiting()
