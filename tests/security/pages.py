"""What a page may hold whatever stands in its words: nothing that runs, loads or leads away."""

from html.parser import HTMLParser

from tests.security.payloads import EVIL

NEVER = {"iframe", "object", "embed", "base", "applet", "img", "math", "animate", "style"}
LEADS = {"href", "src", "action", "formaction", "data", "srcdoc", "poster", "xlink:href"}
ASKS = ("hx-get", "hx-post", "sse-connect")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NEVER:
            self.live.append(f"<{tag}>")
        for name, value in attrs:
            text = (value or "").strip()
            is_own = text.startswith(("/", "#", "?")) and not text.startswith("//")
            if name.startswith(("on", "hx-on")):
                self.live.append(f"<{tag} {name}>")
            elif name in (*LEADS, *ASKS) and text and not is_own:
                self.live.append(f"<{tag} {name}={text!r}>")
            elif name == "http-equiv":
                self.live.append(f"<meta {text}>")
        if tag == "script" and not dict(attrs).get("src", ""):
            self.live.append("<script>")


def live(html: str) -> list[str]:
    """Whatever of a page is live and not the portal's own."""
    page = _Page()
    page.feed(html)
    page.close()
    return page.live + [
        f"={mark}{EVIL}" for mark in ('"https://', "'https://") if mark + EVIL in html
    ]
