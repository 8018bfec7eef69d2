import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evidence.quantities import Kind, Quantity, agree, quantities
from router.text import fold


def only(text: str) -> Quantity:
    (quantity,) = quantities(fold(text).text)
    return quantity


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("1,200", "1200"),
        ("1_200", "1'200"),
        ("nine", "9"),
        ("twenty-five", "25"),
        ("10k", "10,000"),
        ("two million", "2000000"),
        ("5 s", "5 seconds"),
        ("5s", "5-second"),
        ("90 min", "1.5 hours"),
        ("2000 ms", "2 s"),
        ("5 m", "5 minutes"),
        ("50 %", "50%"),
        ("18 millimetres", "1.8 cm"),
        ("3 litres", "3 liter"),
        ("25 cl", "0.25 l"),
        ("1500 V", "1.5 kV"),
        ("600 W", "0.6 kW"),
        ("2 w", "14 days"),
        ("50 percent", "50 %"),
        ("€400", "400 EUR"),
        ("v2.1", "2.1"),
        ("3am", "03:00"),
        ("10:15 pm", "22:15"),
        ("3 March 2026", "2026-03-03"),
        ("March 3rd", "3 Mar 2026"),
        ("March 2026", "3 Mar 2026"),
        ("2026", "3 Mar 2026"),
        ("70 requests per minute", "70/min"),
        ("60 a day", "60 jobs every day"),
        ("-5 °C", "-5°C"),
        ("12", "12 seconds"),
        ("*/15 2 * * mon-fri", "*/15 2 * * MON-FRI"),
    ],
)
def test_one_thing_written_in_two_ways_agrees(said: str, found: str) -> None:
    assert agree(only(said), only(found), set(), set())


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("10", "100"),
        ("v2", "v2.1"),
        ("3.1", "3.10"),
        ("10 seconds", "10 minutes"),
        ("10 MB", "10 MiB"),
        ("10 seconds", "10"),
        ("5", "-5"),
        ("70 per second", "70 per minute"),
        ("70 per second", "70"),
        ("10:15", "10:16"),
        ("3 March 2026", "3 March"),
        ("3 March", "4 March"),
        ("$400", "400 EUR"),
        ("50 %", "50"),
        ("30 1 * * *", "30 1 * * 2"),
        ("30 1 * * *", "30"),
    ],
)
def test_two_things_do_not_agree(said: str, found: str) -> None:
    assert not agree(only(said), only(found), set(), set())


def test_header_or_key_may_name_the_unit_of_a_bare_number() -> None:
    assert agree(only("1850 ms"), only("1850"), {"timeout", "ms"}, set())
    assert agree(only("40 per second"), only("40"), {"rate", "second"}, set())


def test_bare_answer_takes_over_the_unit_that_was_asked_for() -> None:
    (asked,) = only("1 minute").units
    assert agree(only("10"), only("10 minutes"), set(), {asked})
    assert not agree(only("10"), only("10 seconds"), set(), {asked})


@pytest.mark.parametrize("text", ["inc-2217", "utf-8", "cedar7", "2xx", "a1b2", "0x1f", "max_9"])
def test_identifier_is_no_quantity(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize("text", ["1 2 3 4 5", "4 * 5 and 6 * 7 is 62", "2 of may * * *"])
def test_numbers_with_stars_are_no_schedule_yet(text: str) -> None:
    assert {one.kind for one in quantities(text)}.isdisjoint({Kind.SCHEDULE})


def test_one_of_several_counts_nothing() -> None:
    assert only("A lift stops in one of three ways.").value == "3"
    assert only("It has one offer.").value == "1"


def test_first_number_of_a_range_has_the_units_of_the_second() -> None:
    first, second = quantities("10 to 20 seconds")
    assert first.units == second.units


@given(st.text(max_size=200))
def test_quantities_stand_apart_in_any_text(text: str) -> None:
    folded = fold(text).text
    found = quantities(folded)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    assert all(0 <= one.start < one.end <= len(folded) for one in found)


@given(st.integers(0, 10**9))
def test_thousands_may_be_separated(number: int) -> None:
    assert agree(only(f"{number:,}"), only(str(number)), set(), set())


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("EUR 4.80", "4.80 euros"),
        ("CHF 1,200", "1200 francs"),
        ("14 MW", "14,000 kW"),
        ("1.5 t", "1.5 t"),
        ("2 kg", "2,000 g"),
        ("6 bar", "600 kPa"),
        ("130 µS/cm", "130 µS/cm"),
        ("15 m³", "15 m3"),
        ("17 working days", "17 business days"),
        ("17 calendar days", "17 days"),
    ],
)
def test_measures_of_trade_and_plants_agree(said: str, found: str) -> None:
    assert agree(only(said), only(found), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("EUR 4", "USD 4"),
        ("14 MW", "14 kW"),
        ("17 days", "17 working days"),
        ("130 µS/cm", "130 µs"),
        ("6 bar", "6 kPa"),
    ],
)
def test_measures_of_another_unit_do_not(said: str, found: str) -> None:
    assert not agree(only(said), only(found), frozenset(), frozenset())
