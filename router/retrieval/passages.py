"""What of a passage is searched."""

from collections.abc import Sequence


def searchable_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """`title > heading > heading`, a line break, and the text: what is embedded and indexed.

    A passage rarely names its subject again; its title and headings do. The title is not said
    twice when it is the first heading as well.
    """
    place = [title, *heading_path] if title not in heading_path[:1] else heading_path
    return f"{' > '.join(part for part in place if part)}\n{text}"
