"""What a commit says of itself. It is text of strangers: shown, never believed."""

from dataclasses import dataclass
from datetime import datetime

AUTHOR_LENGTH, NOTE_LENGTH = 200, 500


@dataclass(frozen=True, slots=True)
class Commit:
    """`author` is whom git names, which need not be anybody with an account."""

    id: str
    author: str
    at: datetime
    message: str


def plain(text: str, longest: int) -> str:
    """Without what could hide or turn around the text beside it; cut with a mark."""
    shown = "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip()
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
