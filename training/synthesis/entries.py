"""Entries outside of tables: `Name: value`, `Owner — X`, terms with their definitions, options of
a command line, and what a default is. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.synthesis.lexicon import meant_by
from training.synthesis.mined import Labelled
from training.synthesis.values import PATTERNS
from training.synthesis.verbs import BASES
from training.synthesis.words import LISTS, is_identifier, readable

MAX_LINE = 1_000
MAX_LABEL = 60
MAX_WORDS = 6
MAX_GIVEN_WORDS = 4
MAX_OF_WORDS = 3
_BULLET = re.compile(r"\s{0,12}(?:[-*•–]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+")
_LABEL = re.compile(
    r"(?P<label>[^\s:=—–|][^:=—–|\n]{0,58}?)(?:\s?:\s{1,20}|\s+[—–]\s+|\s+-\s+|(?P<equals>\s?=\s?))(?=\S)"
)
_HAPPENED = re.compile(r"(?P<time>\d{1,2}[:.]\d{2})(?:\s[-–—]|:)?\s{1,3}(?P<what>[A-Z]\S+ \S.*)")
_INNER_LABEL = re.compile(r"(?<=[.\w)]) (?:[A-Z][\w-]*|[A-Z][\w-]* [\w-]+): ")
_OPTION = re.compile(
    r"(?P<names>--?[A-Za-z][\w-]*(?:(?:,|\s?\||\s/)\s?--?[A-Za-z][\w-]*)*)"
    r"(?P<value>(?:[ =](?:<[^<>\n]{1,30}>|\[[^\[\]\n]{1,30}\]|[A-Z][A-Z0-9_-]{0,30}))?)"
    r"(?:\s{2,}|\s?:\s|\s[—–-]\s|\t)(?P<says>\S.*)"
)
# `--port 6354`, `--level "high" what it is for`: an option with the value that it is given.
_GIVEN = re.compile(
    r"(?P<name>--[a-z][\w-]{1,40})[ =]"
    r"(?P<value>\"[^\"\n]{1,60}\"|'[^'\n]{1,60}'|[^\s\"'<\[{|]\S{0,60})"
    r"(?:\s+(?P<rest>[^\s-].*))?$"
)
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_-]*$|[<\[{$%]|\.\.\.")
_DEFAULT = re.compile(
    r"(?:\(|\[|\b)(?:default(?:s to| is| value(?: is)?)?|by default)\s{0,3}[:=]?\s{1,3}"
    r"(?:(?:the |that of |value of )*(?:(?:environment )?variable|setting) |the value of )?"
    r"(?P<value>`[^`\n]{1,60}`|\"[^\"\n]{1,60}\"|'[^'\n]{1,60}'|[^\s()\[\];,]{1,60})",
    re.I,
)
_NEW_SENTENCE = re.compile(
    r"(?<![A-Z])(?<!\b[Nn]o)(?<!\b[MD]r)(?<!\bSt)(?<!\bMrs)(?<!\be\.g)(?<!\bapprox)[.!?]"
    r"(?=\s+[A-Z])"
)
_DEFINING = re.compile(r"(?:an?|the|what|when|where|one|any|every|our|your|as|may|must|is|can)\b")
_DATE = re.compile(PATTERNS["date"])


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def of_text(text: str, *, is_glossary: bool) -> list[Labelled]:
    """The entries of prose, of a list or of plain lines, in order; in a glossary, all are terms."""
    lines = list(_lines(text))
    siblings = sum(bool(_LABEL.match(line.text)) for line in lines)
    found: list[Labelled] = []
    for place, line in enumerate(lines):
        below = lines[place + 1] if place + 1 < len(lines) else None
        follows = below if below and _is_below(text, line, below) else None
        if option := _option(line) or _option(_with_below(line, follows)):
            found.extend(option)
        elif given := _given(line, follows):
            found.extend(given)
        elif happened := _HAPPENED.match(line.text):
            what = first_sentence(happened["what"])
            found.append(Labelled("what happened", what, line.start, line.end, happened["time"]))
        elif entry := _entry(line, has_siblings=siblings > 1):
            is_term = is_glossary and entry.label != "definition"
            found.append(_as_term(entry) if is_term else entry)
        elif below and (term := _term(text, line, below)):
            found.append(term)
    return found


def options_of(text: str) -> list[Labelled]:
    """The options in the help text of a command."""
    return [fact for line in _lines(text) for fact in _option(line) or _given(line, None)]


def _lines(text: str) -> Iterator[_Line]:
    place = 0
    for raw in text.split("\n"):
        if 0 < len(raw) <= MAX_LINE and raw.strip():
            bullet = _BULLET.match(raw)
            left = bullet.end() if bullet else len(raw) - len(raw.lstrip())
            yield _Line(raw[left:].rstrip(), place + left)
        place += len(raw) + 1


def _with_below(line: _Line, below: _Line | None) -> _Line:
    """An option with what it does, which stands below it; as long as the two lines are."""
    is_split = below is not None and line.text.startswith("-") and below.text[:1].islower()
    return _Line(f"{line.text}\t{below.text}", line.start) if below and is_split else line


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


def _given(line: _Line, below: _Line | None) -> list[Labelled]:
    """An option with a value, where its name or what is said of it tells what that is: the owner
    of `--owner Harbour team`, the flag of `--enable dark_mode` with `flag for ...` behind it.

    An option with any other value may be a mere example of a call.
    """
    found = _GIVEN.fullmatch(line.text)
    if found is None or _PLACEHOLDER.match(found["value"]) or line.text.endswith(("\\", ",")):
        return []
    name, rest = found["name"], found["rest"] or ""
    meant = meant_by(readable(name).text, is_key=True)
    value = found["value"].strip("\"'")
    says, end = rest, line.end
    if not rest and below is not None and below.text[:1].islower():
        says, end = below.text, below.end
    told = meant_by(first_sentence(says)) if says else None
    if told is not None and (not told.before or told.concept.name == "fallback"):
        return [Labelled(first_sentence(says).rstrip("."), value, line.start, end)]
    whole = f"{value} {rest}".strip()
    if meant is None or len(whole.split()) > MAX_GIVEN_WORDS or " -" in rest:
        return []
    return [Labelled(name, whole, line.start, line.end, key=name)]


def _entry(line: _Line, *, has_siblings: bool) -> Labelled | None:
    """`Label: value`. Where the value is a clause, the label is a term that it explains; but
    one such line alone may as well be a sentence with a colon."""
    found = _LABEL.match(line.text)
    if not found or not is_label(found["label"]) or _INNER_LABEL.search(line.text, found.end()):
        return None
    label, value = found["label"], first_sentence(line.text[found.end() :])
    value = re.sub(r"\s{2,}[#;]\s.*$", "", value)
    if found["equals"] and not is_identifier(label):
        return None
    words = value.split()
    if not words or words[0] in LISTS["auxiliary"] or value.startswith(("{", "[{")):
        return None
    meant = meant_by(readable(label).text)
    most = 3 if is_identifier(_named(label)) and not found["equals"] else MAX_WORDS
    is_short = len(words) <= most and not value.endswith((":", "?"))
    if words[0].lower() in BASES and words[0][0].isupper() and len(words) > 2 and not meant:
        return Labelled("option", value, line.start, line.end, entity=label)
    is_known = meant is not None and most == MAX_WORDS and len(words) <= 2 * MAX_WORDS
    if is_short or is_known:
        key = label if found["equals"] else ""
        return Labelled(label, value, line.start, line.end, key=key)
    is_free = value[:1].islower() and meant is None and not words[0].endswith("ed")
    is_explained = is_identifier(_named(label)) or _DEFINING.match(value) is not None
    if not has_siblings or len(label.split()) > 3 or not (is_free or is_explained):
        return None
    if is_explained:
        return _explained(label, value, line.start, line.end)
    return Labelled(label, value, line.start, line.end)


def _as_term(entry: Labelled) -> Labelled:
    return _explained(entry.label, entry.answer, entry.start, entry.end)


def _named(label: str) -> str:
    """`ssl_certfile (optional)` without the remark."""
    return label.split(" (")[0].strip("`")


def _explained(term: str, says: str, start: int, end: int) -> Labelled:
    """A term with what it means, or what it does, if it can be called."""
    does = "option" if re.match(r"-|\S+\(", term) else "definition"
    return Labelled(does, says, start, end, entity=_named(term) if " (" in term else term)


def first_sentence(text: str) -> str:
    """`text` up to its first full stop that is followed by a new sentence."""
    end = _NEW_SENTENCE.search(text)
    return text[: end.start() + 1] if end else text


def is_label(text: str) -> bool:
    """Whether the words before a colon may name a value: few, and no clause or remark."""
    words = text.lower().split()
    if not words or not _is_few(text, MAX_WORDS) or words[0].strip("*_!") in LISTS["remark"]:
        return False
    is_clause = not (LISTS["auxiliary"] | LISTS["subordinator"]).isdisjoint(words)
    # `Finished orders are kept for` goes on in its value
    is_open = words[-1] in LISTS["preposition"] and words[0] not in LISTS["auxiliary"]
    is_clause = is_clause and not is_open and not _is_of_something(text)
    if is_clause or _DATE.fullmatch(text) or "`_" in text:
        return False
    if re.search(r"[.!?,;]\s|[.!?]$|https?$|^[\d\W]+$|[(\[{][^)\]}]*$|[`\"']{2}", text):
        return False
    is_said = bool(meant_by(readable(text).text)) or is_identifier(text)
    return is_said or not (words[0] in LISTS["preposition"] or words[0] in LISTS["filler"])


def _is_few(label: str, most: int) -> bool:
    """Whether a label is short, or long only by what it is said of."""
    size = len(label.split())
    return size <= most or (size <= most + MAX_OF_WORDS and _is_of_something(label))


def _is_of_something(label: str) -> bool:
    meant = meant_by(readable(label).text)
    return meant is not None and bool(meant.of)


def _term(text: str, line: _Line, below: _Line) -> Labelled | None:
    """A short line with no end, and right below it what it means: a definition list."""
    ends = line.text.endswith((".", ",", ";", "!", "?"))
    ends = ends or bool(re.search(r"[<>@\"=]|^\W", line.text.lstrip("-")))
    if (
        not _is_below(text, line, below)
        or ends
        or len(line.text) > MAX_LABEL
        or not _is_few(line.text, 5)
    ):
        return None
    bare = line.text.rstrip(":")
    says = first_sentence(below.text)
    meant = meant_by(readable(bare).text)
    is_list = line.text.endswith(":") and says[:1].islower() and " " in bare
    is_short = len(says.split()) <= MAX_WORDS and not re.match(r"(?:The|An?)\s", says)
    is_short = is_short or is_list
    if is_short and (line.text.endswith(":") or meant or _sets(bare, says)):
        return Labelled(bare, says, line.start, below.end)
    if meant and not meant.before and not meant.after:
        return None
    return _explained(_calm(bare), says, line.start, below.end)


def _sets(label: str, says: str) -> bool:
    """Whether what stands below a label is its value and no explanation: a number, an identifier,
    or all of it a name."""
    if not re.match(r"[^\W\d_]{2}", label):
        return False
    return bool(re.search(r"\d", says)) or all(
        is_identifier(word) or not word[:1].islower() for word in says.split()
    )


def _is_below(text: str, line: _Line, below: _Line) -> bool:
    return text[line.end : below.start].strip(" ") == "\n"


def _calm(term: str) -> str:
    """A shouted term as one writes it in a sentence; short ones are abbreviations."""
    if not term.isupper() or max(len(word) for word in term.split()) <= 4:
        return term
    return term.lower() if " " in term else term.capitalize()
