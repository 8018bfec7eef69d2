"""Whether an answer is of the kind of value that a question asks for. Pure."""

from router.evidence.answers import Evidence, Said, days_in
from router.evidence.claims import Claim
from router.evidence.focus import shows
from router.evidence.quantities import Kind, quantities
from router.evidence.sources import CONTEXT, Source
from router.evidence.wanted import Wanted
from router.text import fold


def is_of_another_kind(one: Evidence, source: Source, wanted: Wanted, said: Said) -> bool:
    """Whether an answer is surely none of the kind that is wanted, as it stands at its evidence."""
    return _may_tell(wanted, said) and _is_other(one, source, wanted, said)


def _may_tell(wanted: Wanted, said: Said) -> bool:
    """Whether the kind of an answer can be told: it has claims, or is a day or a month where a
    quantity is asked for, or states no quantity, or the form that is wanted is written as no other
    word is."""
    names_a_day = wanted.is_of_no_day and bool(days_in(said.stems))
    is_day = names_a_day or wanted.is_no_day(fold(said.text).text)
    return bool(said.news) or wanted.is_strict or is_day or _states_no_measure(wanted, said)


def _states_no_measure(wanted: Wanted, said: Said) -> bool:
    """Whether an answer states something without a quantity, where one is surely asked for."""
    if not (wanted.is_measure and wanted.is_sure) or said.negated or said.verdict is not None:
        return False
    return not any(map(wanted.has_quantity, quantities(fold(said.text).text)))


def _is_other(one: Evidence, source: Source, wanted: Wanted, said: Said) -> bool:
    if wanted.is_something_else(_stems_at(one, source)):
        return True
    if any(
        wanted.has_quantity(claim.quantity) and not _is_measure_there(one, source, wanted, claim)
        if claim.quantity
        else wanted.has_token(said.text if wanted.has_words else claim.text)
        for claim in said.news
    ):
        return False
    if not said.news and wanted.has_token(said.text.rstrip(".")):
        return False
    if _is_a_token_with_numbers(wanted, said) or _place_names_unit(one, source, wanted, said):
        return False
    if any(claim.quantity and wanted.is_foreign(claim.quantity) for claim in said.news):
        return True
    if wanted.noun:
        is_called_so = any(map(wanted.noun.fullmatch, _stems_at(one, source)))
        # Where one there has the form, that one is called so.
        has_another = bool(wanted.form) and one.sentence != CONTEXT
        return not is_called_so or (has_another and shows(source, one.sentence, wanted))
    if not wanted.is_measure:
        return not said.stems - said.claimed
    own_words = [word.text for word in said.words]
    # The second of `40 requests per second` is no measure of time.
    is_rate = any(claim.quantity and claim.quantity.per for claim in said.news)
    return not wanted.is_in_words(own_words, is_rate=is_rate)


def _is_a_token_with_numbers(wanted: Wanted, said: Said) -> bool:
    """Whether an answer has the wanted form as a whole, and its numbers, which have no unit, are
    parts of it: `Java 21`, `10.44.7.5`. `2.9.5` is no name."""
    counted = [claim.quantity for claim in said.news if claim.quantity]
    are_bare = all(one.kind is Kind.NUMBER and not one.units and not one.per for one in counted)
    # `Go` is an everyday word.
    has_letters = wanted.has_words or any(word.text.isalpha() for word in said.words)
    return (
        bool(counted)
        and are_bare
        and (has_letters or wanted.is_strict)
        and wanted.has_token(said.text.rstrip("."))
    )


def _is_measure_there(one: Evidence, source: Source, wanted: Wanted, claim: Claim) -> bool:
    """Whether a bare number stands there with a unit only, and of what is not wanted: the `12` of
    `12 seconds` counts nothing."""
    if one.sentence == CONTEXT or not claim.quantity or claim.quantity.units:
        return False
    there = [q for q in source.quantities_of(one.sentence) if q.value == claim.quantity.value]
    return bool(there) and not any(not q.units or wanted.has_quantity(q) for q in there)


def _place_names_unit(one: Evidence, source: Source, wanted: Wanted, said: Said) -> bool:
    """Whether a bare number of the answer is one of a wanted unit where it stands: `9` in
    `9 days`, or in `wait_days: 9`, but not in `9 trays in 2 days`."""
    if one.sentence == CONTEXT:
        return False
    bare = said.bare
    here = source.quantities_of(one.sentence)
    around = (*source.sentences[one.sentence].words, *source.context_words)
    known = [w.text for w in around if not any(q.start <= w.start < q.end for q in here)]
    return any(
        wanted.has_quantity(found) if found.units else wanted.has_unit(known)
        for found in here
        if found.value in bare and not found.per
    )


def _stems_at(one: Evidence, source: Source) -> frozenset[str]:
    here = frozenset() if one.sentence == CONTEXT else source.sentences[one.sentence].stems
    return here | source.heading_stems
