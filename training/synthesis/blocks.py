"""Settings in code: YAML, TOML, INI, properties, environment files and JSON. Pure.

The forms are read line by line and not by their parsers: a passage is often only a part of a
file, and every value must be found again at its place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.synthesis.mined import Labelled
from training.synthesis.words import LISTS

MAX_LINE = 500
MAX_DEPTH = 12
_KEY = r"(?:\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|[\w.$/@-]{1,80})"
_YAML = re.compile(rf"(?P<indent> *)(?P<dash>- +)?(?P<key>{_KEY})\s*:(?:\s+(?P<value>\S.*))?$")
_ITEM = re.compile(r"(?P<indent> *)- +(?P<value>\S.*)$")
_ASSIGN = re.compile(rf"\s*(?:export\s+|set\s+)?(?P<key>{_KEY})\s*=\s*(?P<value>\S.*)$")
_PLAIN = re.compile(r"\s*(?P<key>[A-Za-z][\w ()/-]{0,60}?)\s*:\s+(?P<value>\S.*)$")
_SECTION = re.compile(r"\s*\[\[?\s*(?P<name>[\w.\"' /:-]{1,80}?)\s*\]\]?\s*(?:[#;].*)?$")
_COMMENT = re.compile(r"\s+(?:#|//).*$")
_PLACEHOLDER = re.compile(
    r"^(?:<.*>|\$\{.*\}|\{\{.*\}\}|\.\.\.|…|null|~|nil|none|\{\}|\[\]|[|>][+-]?)$"
)
_CODE = re.compile(r"[({;]\s*$|^\s*(?:def|class|import|from|for|if|return|var|let|const)\b")


@dataclass(frozen=True, slots=True)
class _Setting:
    path: tuple[str, ...]
    value: str
    start: int
    end: int


def of_code(text: str, language: str) -> list[Labelled]:
    """The settings of a configuration; none, if the code is anything else."""
    lines = list(_lines(text))
    if not lines or (language and language.lower() not in LISTS["settings_language"]):
        return []
    if text.lstrip().startswith(("{", "[{")):
        settings = list(_json(lines))
    else:
        settings = list(_by_lines(lines))
    return [found for setting in settings if (found := _labelled(setting))]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    place = 0
    for line in text.split("\n"):
        if line.strip() and len(line) <= MAX_LINE:
            yield place, line
        place += len(line) + 1


def _by_lines(lines: list[tuple[int, str]]) -> Iterator[_Setting]:
    """Only if nearly all lines have the form of one kind of file."""
    told = [
        (start, line) for start, line in lines if not line.lstrip().startswith(("#", ";", "//"))
    ]
    if not told or any(_CODE.search(line) for _, line in told):
        return
    for form, read in ((_YAML, _yaml), (_ASSIGN, _assigned), (_PLAIN, _plain)):
        fitting = sum(
            bool(form.match(line) or _SECTION.match(line) or _ITEM.match(line)) for _, line in told
        )
        if fitting >= 0.9 * len(told):
            yield from read(told)
            return


def _yaml(lines: list[tuple[int, str]]) -> Iterator[_Setting]:
    path: list[tuple[int, str]] = []  # indentation and key of each mapping that is open
    items: list[tuple[int, str]] = []
    for start, line in lines:
        found = _YAML.match(line)
        item = None if found else _ITEM.match(line)
        if item and path:
            items.append((start, line))
            continue
        if items:
            yield from _listed(path, items)
            items = []
        if not found:
            continue
        indent = len(found["indent"]) + len(found["dash"] or "")
        path = [above for above in path if above[0] < indent][:MAX_DEPTH]
        key = found["key"].strip("\"'")
        value = _bare(found["value"] or "")
        if value and found["dash"]:
            key_is_name = key.lower() in ("name", "id", "key", "host", "service", "queue", "topic")
            path = [*path, (indent - 1, value if key_is_name else "")]
        if value:
            yield _Setting((*_keys(path), key), value, start, start + len(line.rstrip()))
        path = [*path, (indent, key)] if not value else path
    if items:
        yield from _listed(path, items)


def _keys(path: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(key for _, key in path if key)


def _listed(path: list[tuple[int, str]], items: list[tuple[int, str]]) -> Iterator[_Setting]:
    """A list of plain values: all of them, joined by commas."""
    values = [_bare(line.split("- ", 1)[1]) for _, line in items]
    if 0 < len(values) <= 6 and all(values):
        last_start, last = items[-1]
        yield _Setting(_keys(path), ", ".join(values), items[0][0], last_start + len(last.rstrip()))


def _assigned(lines: list[tuple[int, str]]) -> Iterator[_Setting]:
    section: tuple[str, ...] = ()
    for start, line in lines:
        if found := _SECTION.match(line):
            section = tuple(part.strip("\"' ") for part in found["name"].split("."))
        elif (found := _ASSIGN.match(line)) and (value := _bare(found["value"])):
            keys = (*section, *found["key"].strip("\"'").split("."))
            yield _Setting(keys, value, start, start + len(line.rstrip()))


def _plain(lines: list[tuple[int, str]]) -> Iterator[_Setting]:
    for start, line in lines:
        if (found := _PLAIN.match(line)) and (value := _bare(found["value"])):
            yield _Setting((found["key"],), value, start, start + len(line.rstrip()))


_JSON = re.compile(
    r"\"(?P<key>[^\"\\\n]{1,80})\"\s*:\s*(?P<value>\"[^\"\\\n]{0,200}\"|-?\d[\d.eE+-]*|true|false|"
    r"\[[^\[\]{}\n]{1,200}\])?|(?P<open>[{\[])|(?P<close>[}\]])"
)


def _json(lines: list[tuple[int, str]]) -> Iterator[_Setting]:
    path: list[str] = []
    key = ""
    for start, line in lines:
        for found in _JSON.finditer(line):
            if found["open"]:
                path.append(key)
                key = ""
            elif found["close"]:
                del path[-1:]
            elif found["value"]:
                keys = (*(part for part in path if part), found["key"])
                value = _bare(found["value"].rstrip(","))
                left = len(line) - len(line.lstrip())
                if value and len(path) <= MAX_DEPTH:
                    yield _Setting(keys, value, start + left, start + len(line.rstrip()))
            else:
                key = found["key"]


def _bare(value: str) -> str:
    """The value without quotes, comment and comma; empty if it stands for nothing."""
    value = value.strip()
    if value.startswith(('"', "'")) and (end := value.find(value[0], 1)) > 0:
        return value[1:end].strip()
    value = _COMMENT.sub("", value).strip().rstrip(",").strip()
    if value.startswith("[") and value.endswith("]"):
        parts = [part.strip().strip("\"'") for part in value[1:-1].split(",")]
        return ", ".join(part for part in parts if part)
    return "" if _PLACEHOLDER.match(value.lower()) else value


def _labelled(setting: _Setting) -> Labelled | None:
    if len(setting.value) > 200 or not all(setting.path):
        return None
    key = ".".join(setting.path)
    is_key = " " not in key
    label = key if is_key else " ".join(setting.path)
    return Labelled(label, setting.value, setting.start, setting.end, key=key if is_key else "")
