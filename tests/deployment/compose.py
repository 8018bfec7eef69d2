"""What the compose files say, merged and filled in as Docker Compose does it.

Only what these files use is known here. What would be merged in a way of its own, two lists, fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
GPU = ("compose.yaml",)
CPU = ("compose.yaml", "compose.cpu.yaml")
# What whoever installs has to say.
SAID = {"ALLOWED_HOSTS": "docs.example.com"}

Node = dict[str, Any]
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")


@dataclass(frozen=True, slots=True)
class Override:
    """A value that takes the place of what was there."""

    value: Any


class _Loader(yaml.SafeLoader):
    """YAML with the tag `!override`."""


def _override(loader: _Loader, node: yaml.Node) -> Override:
    assert isinstance(node, yaml.MappingNode)
    return Override(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("!override", _override)


def load(files: tuple[str, ...], variables: Mapping[str, str] = SAID) -> Node:
    """The project of these files, a later one over an earlier one."""
    project: Node = {}
    for file in files:
        text = (ROOT / file).read_text(encoding="utf-8")
        project = _merged(project, yaml.load(text, Loader=_Loader))  # noqa: S506  A SafeLoader.
    filled: Node = _filled(project, variables)
    return filled


def services(files: tuple[str, ...]) -> dict[str, Node]:
    """Those that are started, by name."""
    found = load(files)["services"]
    return {name: service for name, service in found.items() if not service.get("profiles")}


def variables() -> set[str]:
    """Those that the files are filled in with."""
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in CPU]
    return {found[1] for text in texts for found in _VARIABLE.finditer(text) if found[1]}


def is_one_shot(service: Node) -> bool:
    return bool(service["restart"] == "no")


def mounts(service: Node) -> dict[str, tuple[str, bool]]:
    """By the path inside: the volume, and whether it can be written."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {path: (name, more != ["ro"]) for name, path, *more in parts}


def _merged(below: Any, above: Any) -> Any:
    match below, above:
        case _, Override(value):
            return value
        case dict(), dict():
            return below | {key: _merged(below.get(key), value) for key, value in above.items()}
        case list(), list():
            raise AssertionError(f"Compose would join {below} and {above}: say !override.")
    return above


def _filled(node: Any, variables: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {key: _filled(value, variables) for key, value in node.items()}
        case list():
            return [_filled(value, variables) for value in node]
        case str():
            return _VARIABLE.sub(lambda found: _value(found, variables), node)
    return node


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, more = found.groups()
    if name is None:
        return "$"
    if kind == "-":
        return variables.get(name) or more
    assert variables.get(name), more or f"{name} is not set"
    return variables[name]
