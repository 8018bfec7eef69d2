"""Markdown to HTML: CommonMark with the tables, notes and definition lists that people write."""

import re
from collections import defaultdict
from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from ingestion.html import REMOVED

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
# What stands in them is left out, or is no markup; in an `<input>` stands nothing.
_TAKING = frozenset((
    *REMOVED, "footer", "frameset", "header", "noembed", "noframes", "plaintext", "table",
    "textarea", "title", "xmp",
)) - {"input"}  # fmt: skip
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)[^<>\0]*>?")
# What people mean as a tag though it has no attribute and nothing closes it; any other such tag is
# a place to be filled in: `<name>`, `<your name>`.
_NAMES_LEFT_OPEN = """
    a abbr article aside b big blockquote body br caption center cite code col colgroup dd del
    details div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 hr html i img ins kbd li main mark
    ol p pre q s samp section small span strike strong sub summary sup tbody td tfoot th thead tr
    tt u ul wbr
"""
_LEFT_OPEN = frozenset(_NAMES_LEFT_OPEN.split())
_BARE_TAG = re.compile(r"<[\w-]+(?: [\w-]+)*>")
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
    parser.core.ruler.push("unclosed_tags", _keep_unclosed_tags)
    parser.add_render_rule("fence", _render_fence)
    parser.add_render_rule("colon_fence", _render_fence)
    return parser


def _keep_unclosed_tags(state: StateCore) -> None:
    """A tag such as `<title>` or `<name>` that nothing closes, in its paragraph or a later block,
    becomes a word of the text: as a tag it would be lost, perhaps with all that follows."""
    tokens: list[Token] = []
    for token in state.tokens:
        inline = [child for child in token.children or () if child.type == "html_inline"]
        _escape_unclosed(inline)
        tokens += [token] if token.type == "html_block" else inline
    _escape_unclosed(tokens)


def _escape_unclosed(tokens: Sequence[Token]) -> None:
    markup = "\0".join(token.content for token in tokens)
    places = _unclosed(markup)
    markup = re.sub("<", lambda found: "&lt;" if found.start() in places else "<", markup)
    for token, content in zip(tokens, markup.split("\0"), strict=False):
        token.content = content


def _unclosed(markup: str) -> set[int]:
    """Where the tags stand that nothing closes, and that would take with them what follows or are
    places to be filled in."""
    opened: dict[str, list[int]] = defaultdict(list)
    for tag in _TAG.finditer(markup):
        name = tag[2].lower()
        if tag[1]:
            del opened[name][-1:]
        elif not tag[0].endswith("/>") and (
            name in _TAKING or (name not in _LEFT_OPEN and _BARE_TAG.fullmatch(tag[0]))
        ):
            opened[name].append(tag.start())
    return {place for places in opened.values() for place in places}


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
