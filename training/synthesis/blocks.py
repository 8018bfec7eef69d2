"""What a block of code sets, and what its commands do. Pure."""

import re
from collections.abc import Iterator

from training.synthesis.lexicon import meant_by
from training.synthesis.mined import Labelled
from training.synthesis.settings_files import Line, Setting, lines_of, settings_of
from training.synthesis.verbs import BASES
from training.synthesis.words import LISTS, readable

MAX_VALUE = 200
_EXAMPLE = re.compile(
    r"\b(?:request|response|body|payload|example|sample|answer|create|post|call|event|message)s?\b",
    re.I,
)
_SETTINGS = re.compile(
    r"config|setting|option|parameter|default|environment|glance|manifest|values|propert|limits|"
    r"deploy|facts|knobs|tuning|\.(?:ya?ml|toml|ini|json|env|conf|properties)\b",
    re.I,
)
_COMMAND = re.compile(
    r"\s*(?:\$ |> |# )?(?P<command>[a-z./][\w./-]*(?: [^\s#]+){0,12}?)\s{1,40}"
    r"#\s{1,4}(?P<says>\S.{5,80})$"
)


def of_code(text: str, language: str, headings: str) -> list[Labelled]:
    """The settings of a configuration, or what commands do; nothing of any other code.

    `headings` are all words around the code. JSON and code in no known language are as often
    examples of data, so these need headings (or, if not JSON, keys) that speak of settings.
    """
    lines = lines_of(text)
    if language.lower() in LISTS["shell"]:
        return list(_commands(lines))
    if language and language.lower() not in LISTS["settings_language"]:
        return []
    found = [labelled for setting in settings_of(lines) if (labelled := _labelled(setting))]
    is_sure = bool(language) and not language.lower().startswith("json")
    if not is_sure and _EXAMPLE.search(headings):
        return []
    is_json = text.lstrip().startswith(("{", "["))
    is_known = not is_json and len(found) > 1 and _share_known(found) > 0.5
    if is_sure or is_known or _SETTINGS.search(headings):
        return found
    return [] if language or found else list(_commands(lines))


def _share_known(found: list[Labelled]) -> float:
    """How many of the keys speak of something that is set."""
    known = [meant_by(readable(each.label).text, is_key=True) is not None for each in found]
    return sum(known) / len(known)


def _labelled(setting: Setting) -> Labelled | None:
    if len(setting.value) > MAX_VALUE or not all(setting.path):
        return None
    keys = [part for part in (setting.group, setting.item, *setting.path) if part]
    key = ".".join(keys)
    is_key = " " not in key
    return Labelled(
        label=".".join(setting.path) if is_key else " ".join(setting.path),
        answer=setting.value,
        start=setting.start,
        end=setting.end,
        entity=setting.item,
        kind_of_entity=setting.group.removesuffix("s"),
        key=key if is_key else "",
    )


def _commands(lines: list[Line]) -> Iterator[Labelled]:
    """Commands with a remark behind them that says what they do."""
    for start, line in lines:
        found = _COMMAND.match(line)
        if found and found["says"].split()[0].lower() in BASES:
            first, end = start + found.start("command"), start + len(line.rstrip())
            says = found["says"].strip()
            yield Labelled("command to", found["command"], first, end, says, "to do")
