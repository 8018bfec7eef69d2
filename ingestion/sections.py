"""What tells a section, under a heading that is marked by nothing but where it stands, from the
explanation of a term. Pure."""

import re

_NEW_SENTENCE = re.compile(r"[a-z)\d%][.!?]\s+[A-Z]")


def says_much(text: str) -> bool:
    """Whether a text is of several sentences; a term is explained in one."""
    return bool(_NEW_SENTENCE.search(text))
