"""What templates say in one word: when, in which state, with what marked."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from docportal.views.segments import Segment

register = template.Library()

STATE_ICONS = {
    "queued": "○",
    "parsing": "◐",
    "indexing": "◑",
    "ready": "●",
    "failed": "✕",
    "archived": "□",
    "preparing": "◔",
    "running": "◐",
    "evaluating": "◑",
    "gated": "●",
    "promoted": "●",
    "rejected": "✕",
    "cancelled": "□",
}


@register.filter
def state_icon(state: str) -> str:
    return STATE_ICONS[state]


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """`3 d ago`, with the exact time on hover."""
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        moment.strftime("%-d %B %Y, %H:%M UTC"),
        ago((timezone.now() - moment).total_seconds(), moment),
    )


@register.filter
def coming(moment: datetime | None) -> SafeString | str:
    """`in 12 min`, with the exact time on hover."""
    if moment is None:
        return ""
    seconds = (moment - timezone.now()).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        moment.strftime("%-d %B %Y, %H:%M UTC"),
        f"in {ago(seconds, moment).removesuffix(' ago')}" if seconds >= 60 else "now",
    )


def ago(seconds: float, moment: datetime) -> str:
    if seconds < 60:
        return "now"
    for size, unit, limit in ((60, "min", 3600), (3600, "h", 86_400), (86_400, "d", 30 * 86_400)):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    return moment.strftime("%-d %b %Y")


@register.filter
def span(length: float | Literal[""] | None) -> str:
    """Seconds, as long as a person needs to know: `40 s`, `4 min`, `2 h 5 min`."""
    if length is None or length == "":
        return "–"
    if length < 60:
        return f"{length:.0f} s"
    minutes = round(length / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@register.filter
def percent(share: float | Literal[""] | None) -> str:
    """`91 %`; less than one in a hundred keeps a decimal. Empty: a template found no value."""
    if share is None or share == "":
        return "–"
    return f"{share * 100:.1f} %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


@register.filter
def points(difference: float) -> str:
    """A difference of shares in points of a hundred: `+4.2`."""
    return f"{difference * 100:+.1f}" if difference else "0"


@register.filter
def marked(line: Iterable[Segment]) -> SafeString:
    """Segments as escaped text, the marked ones in `<mark>`."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<mark>{}</mark>", part.text) if part.marked else part.text,)
            for part in line
        ),
    )


@register.filter
def seconds(ms: float) -> str:
    """Milliseconds as a person says them: `0.4 s`."""
    return f"{ms / 1000:.1f} s"
