"""Files of settings, read line by line: YAML, TOML, INI, properties, environment files, JSON. Pure.

Not by their parsers: a passage is often only a part of a file, and every value must be found
again at its place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE = 500
MAX_DEPTH = 12
MAX_ITEMS = 6
_KEY = r"(?:\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|[\w.$/@-]{1,80})"
_YAML = re.compile(rf"(?P<indent> *)(?P<dash>- +)?(?P<key>{_KEY})\s*:(?:\s+(?P<value>\S.*))?$")
_ITEM = re.compile(r"(?P<indent> *)- +(?P<value>\S.*)$")
_ASSIGN = re.compile(rf"\s*(?:export\s+|set\s+)?(?P<key>{_KEY})\s*=\s*(?P<value>\S.*)$")
_PLAIN = re.compile(r"\s*(?P<key>[A-Za-z][\w ()/-]{0,60}?)\s*:\s+(?P<value>\S.*)$")
_SECTION = re.compile(r"\s*\[\[?\s*(?P<name>[\w.\"' /:-]{1,80}?)\s*\]\]?\s*(?:[#;].*)?$")
_COMMENT = re.compile(r"\s+(?:#|//).*$")
_PLACEHOLDER = re.compile(
    r"^(?:<.*>|\$\{.*\}|\{\{.*\}\}|\.\.\.|…|null|~|nil|none|\{\}|\[\]|[|>][+-]?|[({\[].*|"
    r".*(?:password@|user(?:id|name)?:|host(?:name)?:port|your[-_ ]|x{3}).*)$"
)
_CODE = re.compile(r"[({;]\s*$|^\s*(?:def|class|import|from|for|if|return|var|let|const)\b")
_JSON = re.compile(
    r"\"(?P<key>[^\"\\\n]{1,80})\"\s*:\s*(?P<value>\"[^\"\\\n]{0,200}\"|-?\d[\d.eE+-]*|true|false|"
    r"\[[^\[\]{}\n]{1,200}\])?|(?P<open>[{\[])|(?P<close>[}\]])"
)
_NAMING = ("name", "id", "key", "host", "service", "queue", "topic", "code")

Line = tuple[int, str]
"""Where a line starts in the text, and the line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value under its keys, outermost first; in the list `group`, of the item `item`."""

    path: tuple[str, ...]
    value: str
    start: int
    end: int
    item: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class _Level:
    """A mapping that is open: how far its key stands in, and whether that names a list's item."""

    indent: int
    key: str
    is_item: bool = False


def lines_of(text: str) -> list[Line]:
    """The lines that hold something and are no longer than a setting."""
    found = []
    place = 0
    for line in text.split("\n"):
        if line.strip() and len(line) <= MAX_LINE:
            found.append((place, line))
        place += len(line) + 1
    return found


def settings_of(lines: list[Line]) -> list[Setting]:
    """All settings; none, unless nearly all lines have the form of one kind of file."""
    if lines and lines[0][1].lstrip().startswith(("{", "[{")):
        return list(_json(lines))
    told = [line for line in lines if not line[1].lstrip().startswith(("#", ";", "//"))]
    if not told or any(_CODE.search(line) for _, line in told):
        return []
    for form, read in ((_YAML, _yaml), (_ASSIGN, _assigned), (_PLAIN, _plain)):
        fits = [form.match(text) or _SECTION.match(text) or _ITEM.match(text) for _, text in told]
        if sum(map(bool, fits)) >= 0.9 * len(told):
            return list(read(told))
    return []


def _yaml(lines: list[Line]) -> Iterator[Setting]:
    path: list[_Level] = []
    items: list[Line] = []
    for line in lines:
        found = _YAML.match(line[1])
        if found is None:
            items.append(line)
            continue
        yield from _listed(path, items)
        items = []
        path = _still_open(path, found)
        key, value = found["key"].strip("\"'"), bare(found["value"] or "")
        inner = len(found["indent"]) + len(found["dash"] or "")
        if value and found["dash"]:
            named = value if key.lower() in _NAMING else ""
            path = [*path, _Level(inner - 1, named, is_item=True)]
        if value:
            yield _setting([*path, _Level(inner, key)], value, line[0], _end(line))
        else:
            path = [*path, _Level(inner, key)]
    yield from _listed(path, items)


def _still_open(path: list[_Level], found: re.Match[str]) -> list[_Level]:
    """The mappings around a line. The dash of an item may stand as far left as its list's key."""
    indent = len(found["indent"])
    if found["dash"]:
        return [level for level in path if level.indent <= indent and not level.is_item][:MAX_DEPTH]
    return [level for level in path if level.indent < indent][:MAX_DEPTH]


def _setting(path: list[_Level], value: str, start: int, end: int) -> Setting:
    keys = [level.key for level in path if level.key]
    items = [place for place, level in enumerate(path) if level.is_item and level.key]
    if not items or path[-1].key in _NAMING:
        return Setting(tuple(keys), value, start, end)
    after = tuple(level.key for level in path[items[-1] + 1 :] if level.key)
    before = [level.key for level in path[: items[-1]] if level.key]
    return Setting(after, value, start, end, path[items[-1]].key, before[-1] if before else "")


def _listed(path: list[_Level], items: list[Line]) -> Iterator[Setting]:
    """A list of plain values: all of them, joined by commas."""
    values = [bare(found["value"]) for _, line in items if (found := _ITEM.match(line))]
    if path and 0 < len(values) <= MAX_ITEMS and all(values):
        yield _setting(path, ", ".join(values), items[0][0], _end(items[-1]))


def _assigned(lines: list[Line]) -> Iterator[Setting]:
    section: tuple[str, ...] = ()
    for line in lines:
        if found := _SECTION.match(line[1]):
            section = tuple(part.strip("\"' ") for part in found["name"].split("."))
        elif (found := _ASSIGN.match(line[1])) and (value := bare(found["value"])):
            keys = (*section, *found["key"].strip("\"'").split("."))
            yield Setting(keys, value, line[0], _end(line))


def _plain(lines: list[Line]) -> Iterator[Setting]:
    for line in lines:
        if (found := _PLAIN.match(line[1])) and (value := bare(found["value"])):
            yield Setting((found["key"],), value, line[0], _end(line))


def _json(lines: list[Line]) -> Iterator[Setting]:
    path: list[str] = []
    key = ""
    for line in lines:
        start = line[0] + len(line[1]) - len(line[1].lstrip())
        for found in _JSON.finditer(line[1]):
            if found["open"]:
                path.append(key)
                key = ""
            elif found["close"]:
                del path[-1:]
            elif found["value"] and (value := bare(found["value"].rstrip(","))):
                keys = [part for part in path[-MAX_DEPTH:] if part]
                yield Setting((*keys, found["key"]), value, start, _end(line))
            else:
                key = found["key"]


def bare(value: str) -> str:
    """The value without quotes, comment and comma; empty if it stands for nothing."""
    value = value.strip()
    if value.startswith(('"', "'")) and (end := value.find(value[0], 1)) > 0:
        quoted = value[1:end].strip()
        return "" if _PLACEHOLDER.match(quoted.lower()) else quoted
    value = _COMMENT.sub("", value).strip().rstrip(",").strip()
    if value.startswith("[") and value.endswith("]"):
        parts = [part.strip().strip("\"'") for part in value[1:-1].split(",")]
        return ", ".join(part for part in parts if part)
    return "" if _PLACEHOLDER.match(value.lower()) else value


def _end(line: Line) -> int:
    return line[0] + len(line[1].rstrip())
