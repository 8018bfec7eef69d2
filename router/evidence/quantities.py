"""Numbers, versions, times, dates and schedules of cron as documents and answers write them. Pure.

Two quantities agree when they say the same: `1,200` and `1200`, `nine` and `9`, `5 s` and
`5 seconds`, `90 min` and `1.5 hours`, `3am` and `03:00`, but not `10 s` and `10 min`.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


class Kind(Enum):
    NUMBER = "number"
    TIME = "time"
    DATE = "date"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Unit:
    dimension: str
    factor: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity and its place in a folded text.

    `value` is its canonical writing: digits without separators, `HH:MM[:SS]`, year-month-day with
    `*` for a part not said, or the fields of cron as they stand there. `units` are its possible
    readings (`5 m`: metres or minutes), none for a bare number. `per` is the unit of time of a
    rate.
    """

    kind: Kind
    value: str
    start: int
    end: int
    units: tuple[Unit, ...] = ()
    per: Unit | None = None


# By dimension: the names of a unit, and how much of the base unit it is.
_TIME_UNITS = {
    "ns nanosecond nanoseconds": "0.000000001",
    "us µs μs microsecond microseconds": "0.000001",
    "ms msec millisecond milliseconds": "0.001",
    "s sec secs second seconds": "1",
    "min mins minute minutes": "60",
    "h hr hrs hour hours": "3600",
    "d day days": "86400",
    "w week weeks": "604800",
}
_SIZE_UNITS = {
    "b byte bytes": "1",
    "kb kilobyte kilobytes": "1000",
    "mb megabyte megabytes": "1000000",
    "gb gigabyte gigabytes": "1000000000",
    "tb terabyte terabytes": "1000000000000",
    "kib": "1024",
    "mib": "1048576",
    "gib": "1073741824",
    "tib": "1099511627776",
}
_WAVE_UNITS = {
    "hz hertz": "1",
    "khz kilohertz": "1000",
    "mhz megahertz": "1000000",
    "ghz gigahertz": "1000000000",
}
_LENGTH_UNITS = {
    "mm millimetre millimetres millimeter millimeters": "0.001",
    "cm centimetre centimetres centimeter centimeters": "0.01",
    "metre metres meter meters": "1",
    "km kilometre kilometres kilometer kilometers": "1000",
}
_WEIGHT_UNITS = {
    "mg milligram milligrams": "0.001",
    "g gram grams": "1",
    "kg kilogram kilograms": "1000",
    "t tonne tonnes": "1000000",
}
_POWER_UNITS = {
    "watt watts": "1",
    "kw kilowatt kilowatts": "1000",
    "mw megawatt megawatts": "1000000",
    "gw gigawatt gigawatts": "1000000000",
}
_ENERGY_UNITS = {
    "wh": "1",
    "kwh": "1000",
    "mwh": "1000000",
    "gwh": "1000000000",
}
_PRESSURE_UNITS = {
    "pa pascal pascals": "1",
    "hpa mbar millibar": "100",
    "kpa kilopascal": "1000",
    "bar": "100000",
    "mpa megapascal": "1000000",
}
_RESISTANCE_UNITS = {
    "ω ohm ohms": "1",
    "kω": "1000",
    "mω": "1000000",
}
_VOLUME_UNITS = {
    "ml millilitre millilitres milliliter milliliters": "0.001",
    "cl centilitre centilitres": "0.01",
    "l litre litres liter liters": "1",
    "hl hectolitre hectolitres": "100",
}
_VOLTAGE_UNITS = {
    "mv millivolt millivolts": "0.001",
    "v volt volts": "1",
    "kv kilovolt kilovolts": "1000",
}
_SCALED = {
    "time": _TIME_UNITS,
    "size": _SIZE_UNITS,
    "frequency": _WAVE_UNITS,
    "length": _LENGTH_UNITS,
    "weight": _WEIGHT_UNITS,
    "power": _POWER_UNITS,
    "energy": _ENERGY_UNITS,
    "pressure": _PRESSURE_UNITS,
    "resistance": _RESISTANCE_UNITS,
    "litre": _VOLUME_UNITS,
    "volt": _VOLTAGE_UNITS,
}
_CURRENCIES = (
    "$ usd dollar dollars",
    "€ eur euro euros",
    "£ gbp",
    "¥ jpy yen",
    "chf francs",
    "kr",
    "dkk",
    "nok",
    "sek",
    "pln zloty",
    "cent cents",
    "p pence penny",
    *("aud", "brl", "cad", "cny", "czk", "hkd", "huf", "inr", "krw", "mxn", "nzd", "sgd", "zar"),
)
MONEY = frozenset(names.split()[0] for names in _CURRENCIES)
"""The dimensions of currencies."""
_ALONE = (
    "month months mo",
    "quarter quarters",
    "year years yr yrs",
    "% percent pct",
    "°c",
    "°f",
    "° degree degrees deg",
    *_CURRENCIES,
    "mph",
    "knot knots kn kt",
    "ft foot feet",
    "mile miles",
    "inch inches",
    "m2",
    "m3",
    "lb lbs",
    "oz ounce ounces",
    "gallon gallons",
    "yd yard yards",
    "acre acres",
    "ha hectare hectares",
    "db decibel decibels",
    "hp horsepower",
    "ma milliampere milliamperes milliamp milliamps",
    "ampere amperes amp amps",
    "kva",
    "rpm",
    "ppm",
    "lux lx",
    "lumen lumens",
    # Of conductivity; without these it would be a time.
    "µs/cm μs/cm",
    "ms/cm",
)


def _table() -> dict[str, tuple[Unit, ...]]:
    table: dict[str, tuple[Unit, ...]] = {
        name: (Unit(dimension, Decimal(factor)),)
        for dimension, names in _SCALED.items()
        for group, factor in names.items()
        for name in group.split()
    }
    table |= {name: (Unit(group.split()[0]),) for group in _ALONE for name in group.split()}
    for spelt in ("metre", "metres", "meter", "meters"):
        table |= {f"square {spelt}": table["m2"], f"cubic {spelt}": table["m3"]}
    table["m"] = (Unit("length"), Unit("time", Decimal(60)))
    table["w"] = (*table["w"], Unit("power"))
    for day in ("day", "days"):
        table[f"calendar {day}"] = table[day]
        table |= {f"{kind} {day}": (Unit("working day"),) for kind in ("business", "working")}
    return table


UNITS = _table()

_SMALL_NAMES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_TENS_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_MONTH_NAMES = """
january february march april may june july august september october november december
"""
_SMALL, _TENS, _MONTHS = _SMALL_NAMES.split(), _TENS_NAMES.split(), _MONTH_NAMES.split()
_SCALES = {"k": 1_000, "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}

_MONTH = r"(?P<month>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r")\b\.?"
CALENDAR = re.compile(
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)s?"
)
"""A month or a day of the week."""
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_CODES = "kr|" + "|".join(
    name for name in " ".join(_CURRENCIES).split() if len(name) == 3 and name != "yen"
)
_ANY_NUMBER = (
    rf"(?P<sign>(?<![\w)])-|\bminus\s)?(?P<money>[$€£¥]\s?|(?:{_CODES})\s)?"
    r"(?P<digits>v?\d{1,3}(?:[,'_]\d{3})+(?!\d)(?:\.\d+)?|v?\d+(?:\.\d+)*)"
)
_WORD_NUMBER = (
    rf"(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<ones>{'|'.join(_SMALL[1:10])}))?\b"
    # `One of three ways` counts nothing by its one.
    rf"|(?P<small>(?!one of\b)(?:{'|'.join(sorted(_SMALL, key=len, reverse=True))}))\b"
)
_NUMBER = re.compile(
    rf"(?<!\w)(?<![^\W\d][-.])(?<!\d[.,:/])(?:{_ANY_NUMBER}|{_WORD_NUMBER})"
    rf"(?P<scale>k\b|\s(?:hundred|thousand|million|billion)\b)?"
    rf"(?:[\s-]?(?P<unit>{_UNIT})(?![\w°])|(?:st|nd|rd|th)\b|(?!\w))"
)
_RATE = re.compile(
    r"(?:\s?[a-z]+){0,2}?\s?(?:/\s?|\b(?:per|a|an|each|every)\s)"
    rf"(?P<per>{_UNIT})(?!\w)"
)
_JOINED = re.compile(r"\s?(?:-|to|and|or|\.\.\.?|…)\s?")
_TIME = re.compile(
    r"(?<![\w:.])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?"
    r"\s?(?P<half>[ap]\.?m\b\.?)?(?![\w:])"
)
_CRON_NAME = f"(?:{'|'.join(name[:3] for name in _MONTHS)}|mon|tue|wed|thu|fri|sat|sun)"
_CRON_VALUE = rf"(?:[*?]|\d{{1,2}}(?:-\d{{1,2}})?|{_CRON_NAME}(?:-{_CRON_NAME})?)(?:/\d+)?"
_CRON_FIELD = rf"{_CRON_VALUE}(?:,{_CRON_VALUE})*"
_SCHEDULE = re.compile(rf"(?<![\w*/,.-])(?:{_CRON_FIELD} ){{4,5}}{_CRON_FIELD}(?![\w*/-])")
_DATES = (
    re.compile(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?![\d-])"),
    re.compile(
        rf"(?<![\w.])(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:,?\s(?P<year>\d{{4}})\b)?"
    ),
    re.compile(
        rf"\b{_MONTH}\s(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:)(?:,?\s(?P<year>\d{{4}})\b)?"
    ),
    re.compile(rf"\b{_MONTH},?\s(?P<year>\d{{4}})\b"),
)


def quantities(folded: str) -> list[Quantity]:
    """Every quantity of a folded text, in order, none inside an identifier such as `inc-12`."""
    found: list[Quantity] = []
    taken = bytearray(len(folded))
    for source in (schedules, _dates, _times, _numbers):
        for quantity in source(folded):
            if not any(taken[quantity.start : quantity.end]):
                found.append(quantity)
                taken[quantity.start : quantity.end] = b"\1" * (quantity.end - quantity.start)
    return _with_units_of_ranges(sorted(found, key=lambda one: one.start), folded)


def agree(said: Quantity, found: Quantity, nearby: Set[str], asked: Set[Unit]) -> bool:
    """Whether `found` in a document bears out `said` in an answer.

    `nearby` are the words around `found`, where a table's header or a key may name the unit.
    `asked` are the units that the question names, which a bare answer silently takes over.
    """
    if said.kind is Kind.DATE or said.kind is not found.kind:
        return _same_date(said, found)
    if said.kind in (Kind.TIME, Kind.SCHEDULE):
        return said.value == found.value
    if said.per and not _same_rate(said.per, found.per, nearby):
        return False
    if not said.units:
        return said.value == found.value and _as_asked(found, asked)
    if found.units:
        return _same_measure(said, found)
    named = any(unit in said.units for word in nearby for unit in UNITS.get(word, ()))
    return named and amount(said) == amount(found)


def schedules(folded: str) -> Iterator[Quantity]:
    """Five or six fields of cron: `30 1 * * *`. Without a star they may be a row of numbers."""
    for match in _SCHEDULE.finditer(folded):
        if "*" in match[0]:
            yield Quantity(Kind.SCHEDULE, match[0], *match.span())


def _dates(folded: str) -> Iterator[Quantity]:
    for pattern in _DATES:
        for match in pattern.finditer(folded):
            parts = match.groupdict()
            month = parts["month"]
            if not month.isdigit():
                month = str([name[:3] for name in _MONTHS].index(month[:3]) + 1)
            day = parts.get("day")
            value = f"{parts.get('year') or '*'}-{int(month)}-{int(day) if day else '*'}"
            yield Quantity(Kind.DATE, value, match.start(), match.end())


def _times(folded: str) -> Iterator[Quantity]:
    for match in _TIME.finditer(folded):
        hour, minute, second, half = match.group("hour", "minute", "second", "half")
        if not minute and not half:
            continue
        hours = int(hour)
        if half:
            hours = hours % 12 + (12 if half.startswith("p") else 0)
        value = f"{hours:02}:{minute or '00'}" + (f":{second}" if second else "")
        yield Quantity(Kind.TIME, value, match.start(), match.end())


def _numbers(folded: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(folded):
        end = match.end()
        rate = _RATE.match(folded, end)
        unit = (match["money"] or match["unit"] or "").strip()
        per = UNITS[rate["per"]][-1] if rate else None
        if per and per.dimension not in {"time", "month", "quarter", "year"}:
            per = None
        yield Quantity(Kind.NUMBER, _value(match), match.start(), end, UNITS.get(unit, ()), per)


def _value(match: re.Match[str]) -> str:
    if match["digits"]:
        digits = re.sub(r"[,'_v]", "", match["digits"])
    elif match["tens"]:
        ones = _SMALL.index(match["ones"]) if match["ones"] else 0
        digits = str((_TENS.index(match["tens"]) + 2) * 10 + ones)
    else:
        digits = str(_SMALL.index(match["small"]))
    scale = (match["scale"] or "").strip()
    if scale and digits.count(".") <= 1:
        digits = f"{(Decimal(digits) * _SCALES[scale]).normalize():f}"
    return f"-{digits}" if match["sign"] else digits


def _with_units_of_ranges(found: list[Quantity], folded: str) -> list[Quantity]:
    """In `10 to 20 seconds` the first number is one of seconds, too."""
    for place in range(len(found) - 2, -1, -1):
        this, following = found[place], found[place + 1]
        joined = _JOINED.fullmatch(folded, this.end, following.start)
        if joined and following.units and this.kind is Kind.NUMBER and not this.units:
            found[place] = Quantity(
                this.kind, this.value, this.start, this.end, following.units, following.per
            )
    return found


def _same_date(said: Quantity, found: Quantity) -> bool:
    """Every part of the date that is said is found; a bare year or day is a part of a date."""
    if said.kind is Kind.NUMBER:
        return found.kind is Kind.DATE and said.value in found.value.split("-")[::2]
    if said.kind is not found.kind:
        return False
    return all(
        part in ("*", stands)
        for part, stands in zip(said.value.split("-"), found.value.split("-"), strict=True)
    )


def _same_rate(said: Unit, found: Unit | None, nearby: Set[str]) -> bool:
    if found:
        return said == found
    return any(said in UNITS.get(word, ()) for word in nearby)


def _same_measure(said: Quantity, found: Quantity) -> bool:
    values = amount(said), amount(found)
    if values[0] is None or values[1] is None:
        return False
    return any(
        mine.dimension == theirs.dimension and values[0] * mine.factor == values[1] * theirs.factor
        for mine in said.units
        for theirs in found.units
    )


def _as_asked(found: Quantity, asked: Set[Unit]) -> bool:
    """A bare `10` is no answer in seconds where the document says `10 minutes`."""
    rivals = {unit for unit in asked for own in found.units if unit.dimension == own.dimension}
    return not rivals or any(own in rivals for own in found.units)


def amount(quantity: Quantity) -> Decimal | None:
    """What it is of its unit; None for `1.2.3`."""
    return Decimal(quantity.value) if quantity.value.count(".") <= 1 else None
