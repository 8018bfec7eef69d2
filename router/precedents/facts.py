"""What near questions ask for, and whether that is surely something else. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from router.precedents.frames import Precedent
from router.text import exact_form

Near = tuple[Precedent, float]
"""A precedent and the cosine of both questions, without their names."""
_Told = Mapping[frozenset[str], Sequence[Precedent]]
"""The precedents of a fact by the thing that they ask it of, as that is named."""

# Of cosines: how near a question for something else must be, and by how much the nearer, to be what
# is asked, where that is surely something else, and where nobody knows. On two companies no right
# value was passed over so.
LEAST_NEARER, NEARER_BY = 0.75, 0.1
LEAST_SAME, FAR_NEARER_BY = 0.9, 0.25


class NearFacts:
    """The facts that questions ask for which may tell what is asked, each as near as the nearest of
    these."""

    def __init__(self, asking: Iterable[Near] = ()) -> None:
        self._cosines: dict[str, float] = {}
        self._told: dict[str, dict[frozenset[str], list[Precedent]]] = {}
        written = set()
        for precedent, cosine in asking:
            fact = _fact_of(precedent)
            self._cosines[fact] = max(cosine, self._cosines.get(fact, 0.0))
            self._told.setdefault(fact, {}).setdefault(precedent.names, []).append(precedent)
            if precedent.is_written:
                written.add(fact)
        nearest = [fact for fact, cosine in self._cosines.items() if cosine >= LEAST_NEARER]
        self._nearest = {fact: fact in written for fact in nearest}
        self._passed_over: dict[str, bool] = {}

    def are_not_asked_for(self, known: Sequence[Precedent]) -> bool:
        """Whether the `known` precedents that people asked for, of one value, are all for facts
        beside which another one is much nearer to what is asked, and surely another: both were
        asked of one thing, and answered differently. Where something has a time-out and a time to
        recover, a time-out is no answer to what was asked for the other in nearly these words. What
        people asked in the very words is another one though nothing has both."""
        facts = {one.fact: one for one in known if one.fact}
        return bool(facts) and all(self._is_passed_over(*each) for each in facts.items())

    def _is_passed_over(self, fact: str, known: Precedent) -> bool:
        if fact not in self._passed_over:
            told = self._told.get(fact, {known.names: [known]})
            self._passed_over[fact] = any(
                self._is_asked_instead(other, fact, told) for other in self._nearest
            )
        return self._passed_over[fact]

    def _is_asked_instead(self, other: str, fact: str, told: _Told) -> bool:
        nearer_by = self._cosines[other] - self._cosines.get(fact, 0.0)
        is_written = self._nearest[other]
        if is_written and self._cosines[other] >= LEAST_SAME and nearer_by >= FAR_NEARER_BY:
            return True
        return nearer_by >= NEARER_BY and _are_apart(told, self._told[other])


def _fact_of(precedent: Precedent) -> str:
    """Where nobody asked, what is told at one place is one."""
    return precedent.fact or f"{precedent.start} {precedent.sentence}"


def _are_apart(one: _Told, other: _Told) -> bool:
    """Whether what two facts tell of one thing that has both differs."""
    both = (names for names in one if names in other)
    return any(_answers(one[names]).isdisjoint(_answers(other[names])) for names in both)


def _answers(precedents: Sequence[Precedent]) -> set[str]:
    return {exact_form(one.answer) for one in precedents}
