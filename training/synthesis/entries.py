"""Entries outside of tables: `Name: value`, `Owner — X`, terms with their definitions, options of
a command line, and what a default is. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.synthesis.mined import Labelled
from training.synthesis.words import LISTS, is_identifier

MAX_LINE = 1_000
MAX_LABEL = 60
_BULLET = re.compile(r"\s{0,12}(?:[-*•–]|\(?\w{1,3}[.)])\s+")
_LABEL = re.compile(
    r"([^\s:=—–|](?:[^:=—–|\n]{0,58}[^\s:=—–|])?)(?:\s?:\s{1,20}|\s+[—–-]\s+|\s=\s|=(?=\S))(?=\S)"
)
_INNER_LABEL = re.compile(r"(?<=[.\w)]) (?:[A-Z][\w-]*|[A-Z][\w-]* [\w-]+): ")
_OPTION = re.compile(
    r"(?P<names>--?[A-Za-z][\w-]*(?:(?:,|\s?\||\s/)\s?--?[A-Za-z][\w-]*)*)"
    r"(?P<value>(?:[ =](?:<[^<>\n]{1,30}>|\[[^\[\]\n]{1,30}\]|[A-Z][A-Z0-9_-]{0,30}))?)"
    r"(?:\s{2,}|\s?:\s|\s[—–-]\s|\t)(?P<says>\S.*)"
)
_DEFAULT = re.compile(
    r"(?:\(|\[|\b)(?:default(?:s to| is| value(?: is)?)?|by default)\s{0,3}[:=]?\s{1,3}"
    r"(?P<value>`[^`\n]{1,60}`|\"[^\"\n]{1,60}\"|'[^'\n]{1,60}'|[^\s()\[\];,]{1,60})",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def of_text(text: str) -> list[Labelled]:
    """The entries of prose, of a list or of plain lines, in order."""
    lines = list(_lines(text))
    found: list[Labelled] = []
    for place, line in enumerate(lines):
        below = lines[place + 1] if place + 1 < len(lines) else None
        if option := _option(line):
            found.extend(option)
        elif entry := _entry(line):
            found.append(entry)
        elif below and (term := _term(text, line, below)):
            found.append(term)
    return found


def _lines(text: str) -> Iterator[_Line]:
    place = 0
    for raw in text.split("\n"):
        if 0 < len(raw) <= MAX_LINE and raw.strip():
            bullet = _BULLET.match(raw)
            left = bullet.end() if bullet else len(raw) - len(raw.lstrip())
            yield _Line(raw[left:].rstrip(), place + left)
        place += len(raw) + 1


def _option(line: _Line) -> list[Labelled]:
    """What an option does, and its default: `--retries N  how often to retry (default: 3)`."""
    found = _OPTION.match(line.text)
    if not found:
        return []
    name = max(re.split(r"[,|/\s]+", found["names"]), key=len)
    says = found["says"]
    facts = [Labelled("option", says, line.start, line.end, entity=name)]
    if default := _DEFAULT.search(says):
        value = default["value"].strip("`\"'.")
        facts.append(Labelled("default", value, line.start, line.end, entity=name))
        says = says[: default.start()].rstrip(" ([.,;")
        facts[0] = Labelled("option", says, line.start, line.end, entity=name)
    return facts


def _entry(line: _Line) -> Labelled | None:
    """`Label: value` where the value is short and the line holds nothing else."""
    found = _LABEL.match(line.text)
    if not found or not is_label(found[1]):
        return None
    value = line.text[found.end() :]
    if _INNER_LABEL.search(value) or len(value) > 200:
        return None
    return Labelled(
        found[1], value, line.start, line.end, key=found[1] if is_identifier(found[1]) else ""
    )


def is_label(text: str) -> bool:
    """Whether the words before a colon may name a value: few, and no clause or remark."""
    words = text.split()
    if not words or len(words) > 6 or len(text) > MAX_LABEL or text.lower() in LISTS["remark"]:
        return False
    return not re.search(r"[.!?,;]\s|[.!?]$|https?$|^\d+$", text)


def _term(text: str, line: _Line, below: _Line) -> Labelled | None:
    """A short line with no end, and right below it what it means: a definition list."""
    is_below = text[line.end : below.start].strip(" ") == "\n"
    ends = line.text.endswith((".", ",", ";", "!", "?"))
    if not is_below or ends or len(line.text) > MAX_LABEL or len(line.text.split()) > 5:
        return None
    bare = line.text.rstrip(":")
    end = _SENTENCE_END.search(below.text)
    says = below.text[: end.start()] if end else below.text
    if line.text.endswith(":"):
        return Labelled(bare, below.text, line.start, below.end)
    return Labelled("definition", says, line.start, below.end, entity=bare)
