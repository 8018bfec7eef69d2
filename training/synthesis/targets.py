"""What a question asks for: the words that go with a value, and the words that ask. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from training.synthesis.values import Value
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS

_HEDGE = (
    r"(?:at most|at least|up to|no more than|no less than|not more than|more than|less than|"
    r"fewer than|no longer than|longer than|no later than|about|roughly|around|approximately|only|"
    r"nearly|over|almost|exactly|just|a maximum of|a minimum of|as many as|as much as)"
)
_PREPOSITION = (
    r"(?:for|after|within|in|on|at|by|from|until|till|before|since|to|of|with|under|above|below|"
    r"during|against|via|through|into|than|over|between|per|behind|as)"
)
_LEFT = re.compile(
    rf"(?P<head>.*?)(?P<preposition>\b{_PREPOSITION})?\s?(?P<hedge>\b{_HEDGE}(?: the)?)?\s?$", re.S
)
_ARTICLES = ("the", "a", "an", "new", "old", "special")
_PASSING = ("use", "pass", "add", "set", "give", "needs", "takes", "append")
# `switch on` and `turn on` are one verb each.
_PARTICLES = [[f"{verb}{ending}"] for verb in ("switch", "turn") for ending in ("", "ed", "ing")]
_SWITCHES = ("flag", "toggle", "switch", "option", "setting")
_HANDLED = (*_SWITCHES, "command", "file", "path", "endpoint")
_CALLS = ("call", "query", "ping", "poll", "probe", "request", "hit", "curl")
_FILE = re.compile(r"/[\w.-]+\.[a-z][a-z0-9]{0,7}$")
_OF_WHAT = re.compile(r" of (?P<what>(?:[a-z]{3,20} )?[a-z]{3,20})\b")
_THING = re.compile(r"\s(?P<noun>(?:[a-z][\w'-]{2,20} ){0,2}?[a-z][a-z-]{2,20}s)\b(?!')")


@dataclass(frozen=True, slots=True)
class Target:
    """`start` and `end` hold the value and what is asked together with it; `asks` replaces it,
    with `preposition` and `hedge` (`at most`) kept. `noun` names what is asked for."""

    start: int
    end: int
    preposition: str
    hedge: str
    asks: str
    noun: str
    answer: str

    @property
    def is_handled(self) -> bool:
        """Whether it is something that a step of instructions is done with: run, read, set."""
        return self.noun.split()[-1] in _HANDLED


@dataclass(frozen=True, slots=True)
class _Around:
    """A value with the words around it: the last one before its preposition, and all after."""

    text: str
    preposition: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Made:
    asks: str
    noun: str
    answer: str = ""
    drops_preposition: bool = False
    takes_before: bool = False
    takes_after: int = 0


def target_of(clause: str, value: Value) -> Target | None:
    """None where no question is sure to ask for the value alone."""
    left = _LEFT.match(clause[: value.start])
    if left is None:
        return None
    words = left["head"].split()
    before = words[-1].strip("(\"'").lower() if words else ""
    around = _Around(value.text, left["preposition"] or "", before, clause[value.end :])
    made = _MAKERS[value.kind](around)
    if before in LISTS["preposition"] and around.preposition in ("under", "over", "above", "below"):
        return None
    if made is None or around.after.startswith(("'", "’", "-", "=")):
        return None
    hedge, start = left["hedge"] or "", len(left["head"])
    preposition = "" if made.drops_preposition else around.preposition
    if made.takes_before:
        start = clause[: value.start].lower().rfind(before)
        bare = re.sub(r"(?:^|\s)(?:the|a|an|called|named|new|old)\s*$", "", clause[:start].rstrip())
        left = _LEFT.match(f"{bare} ")
        if left is None:
            return None
        preposition, hedge, start = left["preposition"] or "", "", len(left["head"])
    if preposition == "on" and clause[:start].split()[-1:] in _PARTICLES:
        preposition, start = "", start + len("on ")
    end = value.end + made.takes_after
    return Target(start, end, preposition, hedge, made.asks, made.noun, made.answer or value.text)


def _duration(around: _Around) -> _Made | None:
    if around.before in ("every", "each") and not around.preposition:
        answer = f"{around.before} {around.text}"
        return _Made("how often", "interval", answer, takes_before=True)
    if around.preposition == "than":
        return _Made("what length of time", "duration")
    if ahead := re.match(r"\s(ahead|in advance)\b", around.after):
        return _Made(f"how far {ahead[1]}", "time", takes_after=ahead.end())
    if around.after.startswith(" in a row"):
        return None
    is_told = around.before in ("the", "a", "an", "first", "last", "next", "this")
    return None if is_told and not around.preposition else _Made("how long", "duration")


def _count(around: _Around) -> _Made | None:
    if times := re.match(r"\s(times?)\b", around.after):
        return _Made("how many times", "number of times", takes_after=times.end())
    if found := _THING.match(around.after):
        noun = found["noun"]
        first = noun.split()[0]
        if (
            noun.endswith(("ss", "us", "is", " times"))
            or first in LISTS["preposition"]
            or first in THIRD
            or first in ("million", "billion", "thousand")
        ):
            return None
        return _Made(f"how many {noun}", f"number of {noun}", takes_after=found.end())
    if around.text[0].isdigit() and around.before in LISTS["numbered"]:
        return _Made(f"which {around.before}", around.before, takes_before=True)
    return None


def _rate(around: _Around) -> _Made | None:
    if around.preposition == "for":
        return None
    number, _, counted = around.text.partition(" ")
    if not number[-1].isdigit():
        return None if counted else _Made("what rate", "rate")
    return _Made(f"how many {counted}", "rate")


def _percent(_: _Around) -> _Made | None:
    return _Made("what percentage", "percentage")


def _money(around: _Around) -> _Made | None:
    if around.before in BASES and not around.preposition:
        return None  # `pay £8` may be an order, or name the pay
    return _Made("what amount" if around.preposition else "how much", "amount")


def _measure(around: _Around) -> _Made | None:
    if of := _OF_WHAT.match(around.after):
        return _Made(f"how much {of['what']}", "amount", takes_after=of.end())
    unit = re.sub(r"^[−\d.,\s-]+(?:(?:to|and|–) [−\d.,-]+)?\s*", "", around.text).strip()
    if "°" in unit or unit in ("C", "degrees Celsius"):
        return _Made("what temperature", "temperature")
    if not unit or not around.text[:1].isdigit():
        return None
    return _Made(f"how many {unit}", f"number of {unit}")


def _moment(around: _Around) -> _Made | None:
    # One of several, or a part of a noun: `a Saturday or Sunday night`
    if re.match(r"\s?(?:to|until|till|and|or|–|-)\s?[\dA-Z]", around.after):
        return None
    if around.before in ("a", "an", "and", "or") and not around.preposition:
        return None
    has_clock = re.search(r"\d[:.]\d\d|o'clock|[ap]\.?m\b|noon|midnight", around.text) is not None
    has_weekday = re.search(r"[a-z]day", around.text) is not None
    if has_clock and (has_weekday or re.search(r"\d{4}|[A-Z][a-z]{2}", around.text)):
        drops = around.preposition in ("on", "at", "in")
        return _Made("when", "time", drops_preposition=drops)
    if not around.preposition:
        return _Made("when", "time")
    asks = "what time" if has_clock else "which day" if has_weekday else "what date"
    return _Made(asks, asks.split()[1])


def _timed(_: _Around) -> _Made | None:
    return _Made("when", "time", drops_preposition=True)


def _span(_: _Around) -> _Made | None:
    return _Made("when", "hours", drops_preposition=True)


def _command(around: _Around) -> _Made | None:
    if around.before == "command" and not around.preposition:
        return _Made("which command", "command", takes_before=True)
    return _Made("which command", "command")


def _toggle(around: _Around) -> _Made | None:
    if around.before in _SWITCHES and not around.preposition:
        return _Made(f"which {around.before}", around.before, takes_before=True)
    return _Made("which flag", "flag")


def _thing(_: _Around) -> _Made | None:
    return _Made("what", "name")


def _format(_: _Around) -> _Made | None:
    return _Made("in which format", "format", drops_preposition=True)


def _release(around: _Around) -> _Made | None:
    of = re.match(r" of (?:the|our|its)(?: [a-z][\w-]*){1,3}", around.after)
    return _Made(f"which version{of[0]}", "version", takes_after=of.end()) if of else None


def _path(around: _Around) -> _Made | None:
    """A file, a folder, or what a reader calls over the network, as the words and its form say."""
    nouns = ("file", "folder", "directory", "endpoint", "path", "script", "route")
    if around.before in nouns and not around.preposition:
        return _Made(f"which {around.before}", around.before, takes_before=True)
    if around.before in _ARTICLES:
        return None
    is_called = around.before in _CALLS and not around.preposition
    noun = "endpoint" if is_called else "file" if _FILE.search(around.text) else "path"
    return _Made(f"which {noun}", noun)


def _identifier(around: _Around) -> _Made | None:
    if around.before in LISTS["identified"] and not around.preposition:
        return _Made(f"which {around.before}", f"name of the {around.before}", takes_before=True)
    follows = re.match(r"\s([a-z]{3,12})\b", around.after)
    if around.before in _ARTICLES and follows and follows[1] in LISTS["identified"]:
        noun, end = follows[1], follows.end()
        return _Made(f"which {noun}", f"name of the {noun}", takes_before=True, takes_after=end)
    return None


def _flag(around: _Around) -> _Made | None:
    if around.before in ("flag", "option", "switch", "argument") and not around.preposition:
        return _Made(f"which {around.before}", around.before, takes_before=True)
    is_passed = around.preposition in ("with", "by", "via") or around.before in _PASSING
    return _Made("which option", "option") if is_passed else None


def _person(around: _Around) -> _Made | None:
    return _Made("whom" if around.preposition else "who", "person")


def _team(around: _Around) -> _Made | None:
    found = re.match(r"\s(team|squad|group|crew|department|desk|office)\b", around.after)
    return _Made(f"which {found[1]}", found[1], takes_after=found.end()) if found else None


_Maker = Callable[[_Around], _Made | None]


def _named(name: str, *nouns: str) -> _Maker:
    """Of an address that names itself; a noun in front of it is asked for instead."""

    def make(around: _Around) -> _Made | None:
        if around.before in nouns and not around.preposition:
            return _Made(f"which {around.before}", around.before, takes_before=True)
        return None if around.before in _ARTICLES else _Made(f"which {name}", name)

    return make


_MAKERS: dict[str, _Maker] = {
    "duration": _duration,
    "number": _count,
    "count": _count,
    "rate": _rate,
    "percent": _percent,
    "money": _money,
    "size": _measure,
    "measure": _measure,
    "timed": _timed,
    "moment": _moment,
    "date": _moment,
    "span": _span,
    "channel": _named("channel", "channel", "room"),
    "email": _named("e-mail address", "address", "mailbox"),
    "url": _named("address", "address", "url", "link", "endpoint"),
    "env": _named("variable", "variable", "setting"),
    "flag": _flag,
    "path": _path,
    "command": _command,
    "toggle": _toggle,
    "thing": _thing,
    "format": _format,
    "release": _release,
    "id": _identifier,
    "person": _person,
    "team": _team,
}
