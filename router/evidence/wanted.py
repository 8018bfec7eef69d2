"""A kind of value, as a question asks for one, and what is of it. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from router.evidence.quantities import CALENDAR, UNITS, Kind, Quantity

# Sorts of quantity: the dimensions of units, and these.
BARE, COUNT, RATE, VERSION = "bare", "count", "rate", "version"
# A bare number that is no calendar year.
AMOUNT = "amount"
DATE, CLOCK, YEAR, SCHEDULE = "date", "clock", "calendar year", "schedule"
DURATION = frozenset({"time", "working day", "month", "quarter", "year"})
_ANY_TIME = "time"
# `2.9.5`, and not `4.5.2026`.
_DOTTED = re.compile(r"\d+(?:\.\d{1,3}){2,}")
_CALENDAR_YEAR = re.compile(r"(?:19|20)\d\d")
# What says how much or how long without a quantity.
_IN_WORDS = frozenset(
    {"until", "till", "while", "when", "whenever", "once", "forever", "indefinitely", "never"}
    | {"always", "immediately", "instantly", "overnight", "fortnight", "noon", "midnight"}
    | {"characters", "letters", "digits", "words", "lines", "pages"}
    | {"all", "both", "half", "several", "third", "twice", "unlimited"}
    | {"morning", "mornings", "afternoon", "afternoons", "evening", "evenings", "season", "shift"}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A kind of value: a quantity of one of the `sorts`, or a token of a `form`; where it
    `has_words`, the form is that of the whole answer.

    `sure` are the sorts by which a place shows that it holds such a value; the others may be
    anything. `noun` matches the stem of a word by which documents call such a value, whatever
    its form; without it, a value of another form is none. `unlike` matches that of a word by which
    they call what is only measured in the same units.
    """

    sorts: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    form: re.Pattern[str] | None = None
    noun: re.Pattern[str] | None = None
    has_words: bool = False
    unlike: re.Pattern[str] | None = None

    @property
    def is_measure(self) -> bool:
        """Whether only a quantity, or a clause such as `until noon`, can be the answer."""
        return not self.form and not self.noun

    @property
    def is_of_no_day(self) -> bool:
        """Whether a quantity is wanted of which no day of the week is one."""
        return bool(self.sorts) and not self.form and DATE not in self.sorts

    @property
    def is_sure(self) -> bool:
        """Whether a place can show that it holds such a value: a command's words are any words."""
        return bool(self.sure or self.noun) and not self.has_words

    @property
    def is_strict(self) -> bool:
        """Whether a value of the form is written as no other word is: `#night`, `DESK_SECRET`."""
        return bool(self.noun and self.form) and not self.has_words and not self.has_token("word")

    def is_in_words(self, words: Collection[str], *, is_rate: bool = False) -> bool:
        """Whether a text without a quantity of the wanted sorts may tell how much it is. The unit
        of a rate, `40 per second`, is none of time."""
        return not _IN_WORDS.isdisjoint(words) or (not is_rate and self.has_unit(words))

    def is_no_day(self, folded: str) -> bool:
        """Whether a text is a day of the week or a month, where a quantity of no day is wanted."""
        return self.is_of_no_day and bool(CALENDAR.fullmatch(folded.strip(" .")))

    def is_something_else(self, stems: Collection[str]) -> bool:
        """Whether the words about a value call it what is only measured alike."""
        if self.unlike is None or (self.noun and any(map(self.noun.fullmatch, stems))):
            return False
        return any(map(self.unlike.fullmatch, stems))

    def has_quantity(self, quantity: Quantity) -> bool:
        return not self.sorts.isdisjoint(_sorts(quantity))

    def is_foreign(self, quantity: Quantity) -> bool:
        """Whether it is measured in a unit, where one of other units and no words are wanted,
        whatever it is called: `Charging: 26 MW` is no charge."""
        is_measured = bool(quantity.units) and not quantity.per
        is_measure_wanted = bool(self.sure) and not self.form
        return is_measured and is_measure_wanted and not self.has_quantity(quantity)

    def has_token(self, written: str) -> bool:
        return bool(self.form and self.form.fullmatch(written))

    def has_unit(self, words: Iterable[str]) -> bool:
        """Whether one of the words is the name of a unit of the wanted sorts."""
        units = (unit for word in words if len(word) > 1 for unit in UNITS.get(word, ()))
        return any(unit.dimension in self.sorts for unit in units)

    def is_shown(self, quantities: Iterable[Quantity], tokens: Iterable[str]) -> bool:
        """Whether a place with these quantities and tokens surely holds such a value."""
        if any(not self.sure.isdisjoint(_sorts(quantity)) for quantity in quantities):
            return True
        return bool(self.noun) and any(map(self.has_token, tokens))


def are_of_one_sort(one: Iterable[Quantity], other: Iterable[Quantity]) -> bool:
    """Whether both have a quantity of the same sort, where every length of time is one, and a
    number such as 2048 is no date for being what a year may be."""
    sorts = [
        {_ANY_TIME if sort in DURATION else sort for each in every for sort in _sorts(each)}
        - {YEAR}
        for every in (one, other)
    ]
    return not sorts[0].isdisjoint(sorts[1])


def _sorts(quantity: Quantity) -> set[str]:
    if quantity.kind is Kind.TIME:
        return {CLOCK}
    if quantity.kind is Kind.SCHEDULE:
        return {SCHEDULE}
    if quantity.kind is Kind.DATE:
        return {DATE} if quantity.value.startswith("*") else {DATE, YEAR}
    rate = {RATE} if quantity.per else set()
    if quantity.units or rate:
        return rate.union(unit.dimension for unit in quantity.units)
    if _CALENDAR_YEAR.fullmatch(quantity.value):
        return {BARE, COUNT, YEAR}
    if _DOTTED.fullmatch(quantity.value):
        return {VERSION}
    return {BARE, AMOUNT, COUNT} if quantity.value.isdigit() else {BARE, AMOUNT}
