"""Markdown to HTML: CommonMark with the tables, notes and definition lists that people write."""

import re
from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

_FRONT_MATTER = re.compile(
    r"\A\s*(---|\+\+\+)[ \t]*\n(.*?\n)??(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
# As text between two rules may begin: a comment stands at once below the rule, a heading does not.
_OPENING = re.compile(r"(?:\s*\n|(?:#.*\n\s*)*)[\w.-]+[ \t]*[:=]|\s*\Z")
_SETTING = re.compile(r"[\w.-]+[ \t]*[:=]|[ \t#\]})-]|\s*$")
_TITLE = re.compile(r"""^title[ \t]*[:=][ \t]*(["']?)(.+?)\1[ \t]*$""", re.MULTILINE | re.I)
_ALERT = re.compile(r"^([ \t]*>[ \t]*)\[!(\w+)\][ \t]*$", re.MULTILINE)
_DIRECTIVE = re.compile(r"\{(\w[\w:-]*)\}\s*(.*)")
_OPTIONS = re.compile(r"\A(?:[ \t]*:[\w-]+:.*\n)+")
_CODE_DIRECTIVES = frozenset({"code", "code-block", "code-cell", "sourcecode", "math", "mermaid"})


def to_html(text: str) -> tuple[str, str]:
    """The title in the front matter (perhaps empty), and the body as HTML."""
    title, body = _split_front_matter(text)
    body = _ALERT.sub(lambda found: f"{found[1]}**{found[2].capitalize()}:**", body)
    return title, _parser().render(body)


def _split_front_matter(text: str) -> tuple[str, str]:
    found = _FRONT_MATTER.match(text)
    if not found or not _are_settings(found[2] or ""):
        return "", text
    title = _TITLE.search(found[2] or "")
    return title[2] if title else "", text[found.end() :]


def _are_settings(text: str) -> bool:
    opening = _OPENING.match(text)
    return opening is not None and all(_SETTING.match(line) for line in text.splitlines())


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 200})
    parser.enable(["table", "strikethrough"])
    for plugin in (admon_plugin, colon_fence_plugin, deflist_plugin, footnote_plugin):
        parser.use(plugin)
    parser.add_render_rule("fence", _render_fence)
    parser.add_render_rule("colon_fence", _render_fence)
    return parser


def _render_fence(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    """A fence such as ```` ```{note} ```` or `:::tip` holds Markdown and not code."""
    token = tokens[index]
    directive = _DIRECTIVE.match(token.info.strip())
    if token.type == "fence" and not directive:
        return str(renderer.fence(tokens, index, options, env))
    name, argument = directive.groups() if directive else _name_and_rest(token.info)
    content = _OPTIONS.sub("", token.content)
    if name in _CODE_DIRECTIVES:
        code = Token("fence", "code", 0, content=content, info=argument)
        return str(renderer.fence([code], 0, options, env))
    label = " ".join(part for part in (name.replace("-", " ").capitalize(), argument) if part)
    return str(_parser().render(f"**{label}:**\n\n{content}" if label else content))


def _name_and_rest(info: str) -> tuple[str, str]:
    name, _, rest = info.strip().partition(" ")
    return name, rest.strip()
