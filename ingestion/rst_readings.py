"""How reStructuredText directives and roles are read where docutils knows too little or nothing.

Code, notes and versions have readings of their own. Any other directive keeps its argument as a
term, and its options and content as the definition, so that no text is lost to a missing plugin.
"""

import re
from collections.abc import Callable
from typing import Any

from docutils import nodes, utils
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import en
from docutils.statemachine import StringList

NAMED = "named"
"""The class of paragraphs that only name something, often what the next heading names again."""

_DIRECTIVE = re.compile(
    r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([\w:.+-]+?)[ \t]?::(?:\s|$)", re.MULTILINE
)
_ROLE = re.compile(r":([a-zA-Z][\w:.+-]*):`|`:([a-zA-Z][\w:.+-]*):")
_DROPPED = frozenset((
    "toctree", "contents", "sectnum", "include", "literalinclude", "raw", "meta", "index",
    "module", "py:module", "currentmodule", "py:currentmodule", "program", "default-domain",
    "tabularcolumns", "testsetup", "testcleanup", "codeauthor", "sectionauthor", "moduleauthor",
))  # fmt: skip
_CONTENT_ONLY = frozenset((
    "only", "ifconfig", "rst-class", "cssclass", "hlist", "glossary", "tabs", "tab-set", "grid",
    "details", "toggle",
))  # fmt: skip
_PRESENTATION = frozenset((
    "noindex", "no-index", "no-index-entry", "no-contents-entry", "no-typesetting", "noindexentry",
    "name", "class", "module", "canonical", "async", "members", "undoc-members", "private-members",
    "show-inheritance", "nested", "prog", "maxdepth", "width", "height", "align", "scale",
    "columns", "open", "sync", "selected", "icon", "color", "sorted",
))  # fmt: skip
_LABELS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
    "seealso": "See also",
    "todo": "To do",
}


def register(text: str) -> None:
    """Gives every directive and role that the text uses a reading, in this process."""
    for name in {found.lower() for found in _DIRECTIVE.findall(text)}:
        if name in _READINGS:
            directives.register_directive(name, _READINGS[name])
        elif name in _DROPPED or name == "class" or name not in en.directives:
            directives.register_directive(name, _Described)
    for prefix, suffix in _ROLE.findall(text):
        name = (prefix or suffix).lower()
        if name not in en.roles:
            roles.register_local_role(name, _named_thing)


def led(label: str, body: list[nodes.Node]) -> nodes.container:
    """The blocks with the label in front of the first."""
    first = body[0] if body else None
    if isinstance(first, nodes.paragraph):
        first.insert(0, nodes.Text(f"{label}: "))
        return nodes.container("", *body)
    mark = f"{label}:" if body else f"{label}."
    return nodes.container("", nodes.paragraph(mark, mark), *body)


class _AnyOption(dict[str, Callable[[str], Any]]):
    """Accepts every option as it is written."""

    def __missing__(self, name: str) -> Callable[[str], str]:
        return _unchanged


def _unchanged(value: str | None) -> str:
    return value or ""


class _Tolerant(Directive):
    """All that stands after `::` is content; options may have any name."""

    has_content = True
    option_spec = _AnyOption(name=_unchanged)

    def has_argument(self) -> bool:
        return bool(self.block_text.split("\n", 1)[0].partition("::")[2].strip())

    def parsed(self, lines: StringList, offset: int) -> list[nodes.Node]:
        block = nodes.container()
        if lines:
            self.state.nested_parse(lines, self.content_offset + offset, block, match_titles=True)
        return list(block.children)

    def inline(self, text: str) -> nodes.paragraph:
        children, _ = self.state.inline_text(text, self.lineno)
        return nodes.paragraph(text, "", *children)


class _Code(_Tolerant):
    def run(self) -> list[nodes.Node]:
        lines = list(self.content)
        language = lines.pop(0).strip() if self.has_argument() and lines else ""
        text = "\n".join(lines).strip("\n")
        caption = [self.inline(self.options["caption"])] if self.options.get("caption") else []
        classes = ["code", language.lower()] if language else []
        return [*caption, *([nodes.literal_block(text, text, classes=classes)] if text else [])]


class _Highlight(_Tolerant):
    """Names the language of the literal blocks below it."""

    def run(self) -> list[nodes.Node]:
        return [DefaultLanguage(language=self.content[0].strip() if self.content else "")]


class DefaultLanguage(nodes.Invisible, nodes.Element):
    """Stands where the language of literal blocks changes."""


class _Labelled(_Tolerant):
    """`versionadded` and its like: a label, a version, and prose."""

    def run(self) -> list[nodes.Node]:
        label, lines = _LABELS[self.name.lower()], self.content
        if self.name.lower() in ("seealso", "todo"):
            return [led(label, self.parsed(lines, 0))]
        version, _, rest = (lines[0] if lines else "").partition(" ")
        if lines:
            lines[0] = rest
        return [led(f"{label} {version}".strip(), self.parsed(lines, 0))]


class _Described(_Tolerant):
    """Any other directive: what it names, and what is said about it."""

    def run(self) -> list[nodes.Node]:
        name = self.name.lower()
        if name in _DROPPED:
            return []
        if not self.has_argument():
            return [*self.fields(), *self.parsed(self.content, 0)]
        lines = list(self.content)
        end = lines.index("") if "" in lines else len(lines)
        rest = self.content[end:]
        body = self.parsed(rest, end) if isinstance(rest, StringList) else []
        if name in _CONTENT_ONLY:
            return body
        term = " ".join(line.strip() for line in lines[:end])
        body = [*self.fields(), *body]
        if not body:
            named = self.inline(term)
            named["classes"] = [NAMED]
            return [named]
        item = nodes.definition_list_item("", nodes.term(term, term), nodes.definition("", *body))
        return [nodes.definition_list("", item)]

    def fields(self) -> list[nodes.Node]:
        return [
            self.inline(f"{name.capitalize()}: {value}")
            for name, value in self.options.items()
            if value and name not in _PRESENTATION
        ]


_READINGS: dict[str, type[Directive]] = {
    "code": _Code,
    "code-block": _Code,
    "sourcecode": _Code,
    "highlight": _Highlight,
    **dict.fromkeys(_LABELS, _Labelled),
}


def _named_thing(
    _role: str, rawtext: str, text: str, *_place: object
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """A cross reference shows its title, or the name it points to."""
    plain = utils.unescape(text)
    titled = re.fullmatch(r"(.+?)\s*<([^<>]+)>", plain, re.DOTALL)
    shown = titled[1] if titled else plain.lstrip("!")
    if shown.startswith("~"):
        shown = shown[1:].rsplit(".", 1)[-1]
    return [nodes.inline(rawtext, shown)], []
