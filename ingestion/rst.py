"""reStructuredText to HTML, with the directives and roles of Sphinx made readable.

docutils alone drops what it does not know. Here every directive of a file has a reading: code,
notes, and versions have their own; anything else keeps its argument as a term and its content as
the definition. Nothing is included from other files or fetched.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from docutils import core, nodes, utils
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import en

_SETTINGS = {
    "docinfo_xform": False,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "initial_header_level": 1,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "math_output": "LaTeX",
    "syntax_highlight": "none",
    "smart_quotes": False,
    "report_level": 3,  # errors stay in the tree: they hold the text that failed
    "halt_level": 5,
    "warning_stream": False,
    "_disable_config": True,
    "input_encoding": "unicode",
    "output_encoding": "unicode",
}
_DIRECTIVE = re.compile(
    r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([\w:.+-]+?)[ \t]?::(?:\s|$)", re.M
)
_ROLE = re.compile(r":([a-zA-Z][\w:.+-]*):`|`:([a-zA-Z][\w:.+-]*):")
_DROPPED = frozenset(
    [
        "toctree",
        "contents",
        "sectnum",
        "include",
        "literalinclude",
        "raw",
        "meta",
        "index",
        "currentmodule",
        "module",
        "py:module",
        "py:currentmodule",
        "program",
        "tabularcolumns",
        "default-domain",
        "testsetup",
        "testcleanup",
        "codeauthor",
        "sectionauthor",
        "moduleauthor",
        "highlightlang",
        "centered",
        "acks",
    ]
)
_CONTENT_ONLY = frozenset(
    [
        "only",
        "ifconfig",
        "rst-class",
        "cssclass",
        "hlist",
        "glossary",
        "tabs",
        "tab-set",
        "grid",
        "details",
        "toggle",
    ]
)
_LABELS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
    "seealso": "See also",
    "todo": "To do",
}
_PRESENTATION = frozenset(
    [
        "noindex",
        "no-index",
        "no-index-entry",
        "no-contents-entry",
        "no-typesetting",
        "noindexentry",
        "name",
        "class",
        "module",
        "canonical",
        "async",
        "members",
        "undoc-members",
        "show-inheritance",
        "nested",
        "prog",
        "maxdepth",
        "width",
        "height",
        "align",
        "scale",
        "columns",
        "open",
        "sync",
        "selected",
        "icon",
        "color",
    ]
)


def to_html(text: str) -> str:
    _register(text)
    tree = core.publish_doctree(text, settings_overrides=_SETTINGS)
    _keep_failed_text(tree)
    _name_code_languages(tree)
    _label_admonitions(tree)
    _drop_repeated_names(tree)
    return str(core.publish_from_doctree(tree, writer="html5", settings_overrides=_SETTINGS))


def _register(text: str) -> None:
    """Gives every directive and role that the text uses a reading."""
    for name in {found.lower() for found in _DIRECTIVE.findall(text)}:
        if name in _READINGS:
            directives.register_directive(name, _READINGS[name])
        elif name in _DROPPED or name == "class" or name not in en.directives:
            directives.register_directive(name, _Described)
    for prefix, suffix in _ROLE.findall(text):
        name = (prefix or suffix).lower()
        if name not in en.roles:
            roles.register_local_role(name, _named_thing)


class _AnyOption(dict[str, Callable[[str], str]]):
    """Accepts every option as it is written."""

    def __missing__(self, name: str) -> Callable[[str], str]:
        return _unchanged


def _unchanged(value: str | None) -> str:
    return value or ""


class _Tolerant(Directive):
    """All that stands after `::` is content; options may have any name."""

    has_content = True
    option_spec: ClassVar[Mapping[str, Callable[[str], Any]]] = _AnyOption(name=_unchanged)

    def has_argument(self) -> bool:
        return bool(self.block_text.split("\n", 1)[0].partition("::")[2].strip())

    def parsed(self, lines: Sequence[str], offset: int) -> list[nodes.Node]:
        block = nodes.container()
        if lines:
            self.state.nested_parse(lines, self.content_offset + offset, block)
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
        return [_DefaultLanguage(language=self.content[0].strip() if self.content else "")]


class _DefaultLanguage(nodes.Invisible, nodes.Element):
    pass


class _Labelled(_Tolerant):
    """`versionadded` and its like: a label, a version, and prose."""

    def run(self) -> list[nodes.Node]:
        label, lines = _LABELS[self.name.lower()], self.content
        if self.name.lower() in ("seealso", "todo"):
            return [_led(label, self.parsed(lines, 0))]
        version, _, rest = (lines[0] if lines else "").partition(" ")
        if lines:
            lines[0] = rest
        return [_led(f"{label} {version}".strip(), self.parsed(lines, 0))]


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
        body = self.parsed(self.content[end:], end)
        if name in _CONTENT_ONLY:
            return body
        term = " ".join(line.strip() for line in lines[:end])
        body = [*self.fields(), *body]
        if not body:
            return [_Named(term, "", *self.inline(term).children)]
        item = nodes.definition_list_item("", nodes.term(term, term), nodes.definition("", *body))
        return [nodes.definition_list("", item)]

    def fields(self) -> list[nodes.Node]:
        return [
            self.inline(f"{name.capitalize()}: {value}")
            for name, value in self.options.items()
            if value and name not in _PRESENTATION
        ]


class _Named(nodes.paragraph):
    """A directive that only names something, often what the next heading names again."""


_READINGS: dict[str, type[Directive]] = {
    "code": _Code,
    "code-block": _Code,
    "sourcecode": _Code,
    "highlight": _Highlight,
    **dict.fromkeys(_LABELS, _Labelled),
}


def _named_thing(
    name: str, rawtext: str, text: str, lineno: int, inliner: object,
    options: Mapping[str, Any] | None = None, content: Sequence[str] | None = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:  # fmt: skip
    """A cross reference shows its title, or the name it points to."""
    plain = utils.unescape(text)
    titled = re.fullmatch(r"(.+?)\s*<([^<>]+)>", plain, re.DOTALL)
    shown = titled[1] if titled else plain.lstrip("!")
    if shown.startswith("~"):
        shown = shown[1:].rsplit(".", 1)[-1]
    return [nodes.inline(rawtext, shown)], []


def _led(label: str, body: list[nodes.Node]) -> nodes.container:
    """The blocks with the label in front of the first."""
    first = body[0] if body else None
    if isinstance(first, nodes.paragraph):
        first.insert(0, nodes.Text(f"{label}: "))
        return nodes.container("", *body)
    mark = f"{label}:" if body else f"{label}."
    return nodes.container("", nodes.paragraph(mark, mark), *body)


def _keep_failed_text(tree: nodes.document) -> None:
    """Where docutils failed, the source stands instead of its message."""
    for message in list(tree.findall(nodes.system_message)):
        failed = [block for block in message.children if isinstance(block, nodes.literal_block)]
        message.parent.replace(message, failed)
    for section in list(tree.findall(nodes.section)):
        if "system-messages" in section["classes"]:
            section.parent.remove(section)
    for problem in list(tree.findall(nodes.problematic)):
        plain = re.sub(r"^[`|*:]+|[`|*_]+$", "", problem.astext())
        problem.parent.replace(problem, nodes.Text(plain))


def _name_code_languages(tree: nodes.document) -> None:
    language = ""
    for node in list(tree.findall()):
        if isinstance(node, _DefaultLanguage):
            language = node["language"]
            node.parent.remove(node)
        elif isinstance(node, nodes.literal_block) and language and not node["classes"]:
            node["classes"] = ["code", language]


def _label_admonitions(tree: nodes.document) -> None:
    for note in reversed(list(tree.findall(nodes.Admonition))):
        if isinstance(note, nodes.system_message):
            continue
        body = list(note.children)
        label = note.tagname.capitalize()
        if body and isinstance(body[0], nodes.title):
            label = body.pop(0).astext().rstrip(":")
        note.parent.replace(note, _led(label, body))


def _drop_repeated_names(tree: nodes.document) -> None:
    """Drops names (as of `.. setting:: x`) that the heading above or below them says too."""
    for named in list(tree.findall(_Named)):
        text = named.astext().casefold()
        if any(text in title.astext().casefold() for title in _titles_around(named)):
            named.parent.remove(named)


def _titles_around(node: nodes.Node) -> Iterator[nodes.Node]:
    following = node.next_node((nodes.title, nodes.term), siblings=True, ascend=True)
    if following is not None:
        yield following
    parent = node.parent
    while parent is not None:
        if isinstance(parent, nodes.section):
            yield parent[0]
            return
        parent = parent.parent
