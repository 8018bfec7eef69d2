"""Other names and numbers for a fixed text, so that a reader cannot learn them by heart.

A change maps equal values to equal values wherever they stand, so a text, its questions and its
answers stay true to each other when all are changed alike. Numbers keep their order, times of day
their distances.
"""

import re
from collections.abc import Callable
from math import exp
from random import Random

from training.reader.worlds import World

Change = Callable[[str], str]
Swap = tuple[tuple[str, ...], tuple[str, ...]]
"""Names as they are written, and names that may stand in their places."""

_MONTHS = (
    "January February March April May June July August September October November December"
).replace(" ", "|")
_UNITS = "ms|min|s|h|d|kg|g|mm|cm|km|m|GB|MB|kB|KB|kV|V|A|kW|W|ml|l"
_NUMBER = re.compile(
    r"(?<![\w.,:/#§@+-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
    rf"(?=(?:{_UNITS})?(?![\w:/]|[.,-]\d))"
)
_TIME = re.compile(r"(?<!\d)(?<!\d:)([01]?\d|2[0-3]):([0-5]\d)(?!:?\d)")
_CODE = re.compile(r"\b([A-Z]{1,5}-)(\d{2,6})\b")
# Numbers of the world and not of the text: hours of a day, HTTP statuses, years.
_FIXED = {24, 60, 100, 112, 360, 365, 911, 999, *range(200, 206), *range(301, 309)}
_FIXED |= {*range(400, 432), *range(500, 505), *range(1900, 2100)}
_DAY = re.compile(rf"(?:{_MONTHS}) (\d+)\b|\b(\d+)\.? (?:{_MONTHS})")
_SHARE = re.compile(r"(\d[\d.,]*)(?: ?%| per ?cent| percent)")
_HOUR = re.compile(r"(\d+) ?(?:am|pm|a\.m|p\.m|o'clock)\b")
_LEAST = 3  # two and one would need another grammar


def swap(line: str) -> Swap:
    """From `Alder, Birch; Rowan, Elm`: names of the text, then others."""
    own, _, more = line.partition(";")
    names = tuple(name.strip() for name in own.split(","))
    return names, names + tuple(name.strip() for name in more.split(",") if name.strip())


def renaming(world: World, rng: Random, swaps: tuple[Swap, ...], people: tuple[str, ...]) -> Change:
    new: dict[str, str] = {}
    for names, candidates in swaps:
        new |= zip(names, rng.sample(candidates, len(names)), strict=True)
    for person in people:
        drawn = world.make("person")
        new[person] = drawn
        new[person.split()[0]] = drawn.split()[0]
        new[person.split()[-1]] = drawn.split()[-1]
    new = {name.lower(): other.lower() for name, other in new.items()} | new
    longest_first = sorted(new, key=len, reverse=True)
    # A plural is the name with its s.
    found = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?=s?(?!\w))")
    return lambda text: found.sub(lambda name: new[name[0]], text) if new else text


def renumbering(rng: Random, text: str) -> Change:
    """A change for `text` and whatever speaks of it."""
    numbers = _new_numbers(rng, text)
    shift = _shift(rng, text)
    codes = _new_codes(rng, text)

    def change(each: str) -> str:
        each = _CODE.sub(lambda code: codes.get(code[0], code[0]), each)
        each = _TIME.sub(lambda time: _shifted(time, shift) if time[0] in text else time[0], each)
        return _NUMBER.sub(
            lambda number: (
                number[0] if _counts_items(number) else numbers.get(number[0], number[0])
            ),
            each,
        )

    return change


def _counts_items(number: re.Match[str]) -> bool:
    """Whether it is the `3.` of a numbered list."""
    before = number.string[: number.start()]
    return before[-1:] in ("", "\n") and number.string[number.end() :].startswith(". ")


def _new_numbers(rng: Random, text: str) -> dict[str, str]:
    written = {n[1] for n in _NUMBER.finditer(text) if not _counts_items(n)}
    limits = _limits(text)
    new: dict[str, str] = {}
    previous = 0.0
    for number in sorted(written, key=_value):
        if _value(number) < _LEAST or _value(number) in _FIXED or limits.get(number) == 0:
            continue
        new[number] = _near(rng, number, above=previous)
        previous = _value(new[number])
        if previous > limits.get(number, 10**9):
            return {}  # the order cannot be kept: all stay
    return new


def _limits(text: str) -> dict[str, int]:
    days = {group: 28 for day in _DAY.finditer(text) for group in day.groups() if group}
    shares = {share[1]: 99 for share in _SHARE.finditer(text)}
    return shares | days | {hour[1]: 0 for hour in _HOUR.finditer(text)}


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _near(rng: Random, number: str, *, above: float) -> str:
    """A number like `number`: as round, with as many decimals, of the same size."""
    value = _value(number)
    decimals = len(number.partition(".")[2])
    grain = 10.0**-decimals
    for rounder in (5, 10, 25, 50, 100, 500, 1000, 5000, 10_000):
        if not decimals and value % rounder == 0 and value >= 2 * rounder:
            grain = rounder
    drawn = max(value * exp(rng.uniform(-0.5, 0.5)), _LEAST if value >= _LEAST else 0)
    steps = max(round(drawn / grain), int(above / grain) + 1)
    return f"{steps * grain:{',' if ',' in number else ''}.{decimals}f}"


def _shift(rng: Random, text: str) -> int:
    """Minutes by which every time of day may move and stay within the day."""
    minutes = [60 * int(time[1]) + int(time[2]) for time in _TIME.finditer(text)]
    if not minutes:
        return 0
    return 5 * rng.randint(-(min(*minutes, 120) // 5), min(1435 - max(minutes), 120) // 5)


def _shifted(time: re.Match[str], shift: int) -> str:
    minutes = (60 * int(time[1]) + int(time[2]) + shift) % 1440
    return f"{minutes // 60:0{len(time[1])}d}:{minutes % 60:02d}"


def _new_codes(rng: Random, text: str) -> dict[str, str]:
    new: dict[str, str] = {}
    for prefix, digits in dict.fromkeys(_CODE.findall(text)):
        low = 10 ** (len(digits) - 1)
        drawn = f"{prefix}{rng.randrange(low, 10 * low)}"
        if drawn not in new.values():
            new[prefix + digits] = drawn
    return new
