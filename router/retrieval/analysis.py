"""Text to words, for passages and questions alike. Pure.

Names of code are kept whole and split into their words, so that `max_retries` is found by
`max_retries`, by `maxRetries` and by "max retries".
"""

import re
import unicodedata

# Longer runs are encoded data, not words.
MAX_WORD = 64

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# A run of letters and digits, joined inside by the marks that join identifiers, paths, versions.
_COMPOUND = re.compile(rf"[^\W{_CJK}]+(?:[-./:@+#'’]+[^\W{_CJK}]+)*|[{_CJK}]+")
_JOINERS = re.compile(r"[-./:@+#_]+")
_APOSTROPHE = re.compile(r"['’](?:s\b)?")
_THOUSANDS = re.compile(r"(?<=\d)[,\u202f](?=\d{3}(?:\D|$))")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NUMBER_AND_UNIT = re.compile(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)")
_IS_CJK = re.compile(f"[{_CJK}]")


def analyse(text: str) -> list[str]:
    """The lower-case words of a text, in order, compounds followed by their parts.

    `Set maxRetries=5 in /etc/app.conf` → set, maxretries, max, retries, 5, in, etc/app.conf,
    etc, app, conf. A number with its unit is a compound too: `30ms` → 30ms, 30, ms. Chinese,
    Japanese and Korean runs become overlapping pairs of characters.
    """
    plain = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text))
    words: list[str] = []
    for found in _COMPOUND.finditer(plain):
        run = found.group()
        words += _pairs(run) if _IS_CJK.match(run) else _compound(run)
    return words


def question_words(text: str) -> list[str]:
    """The different words of a question that say what it is about; all of them if none does."""
    words = list(dict.fromkeys(analyse(text)))
    return [word for word in words if word not in QUESTION_WORDS] or words


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(max(1, len(run) - 1))]


def _compound(run: str) -> list[str]:
    whole = _APOSTROPHE.sub("", run)
    parts = [
        part.lower()
        for joined in _JOINERS.split(whole)
        for camel in _CAMEL.split(joined)
        for part in _NUMBER_AND_UNIT.split(camel)
        if part
    ]
    words = parts if len(parts) == 1 else [whole.lower(), *parts]
    return [word for word in words if len(word) <= MAX_WORD]


# English words that say how something is asked, not what about. In a small corpus they are too
# rare for their frequency alone to make them light.
QUESTION_WORDS = frozenset(
    analyse(
        "a about am an and any are as at be been but by can could did do does for from had has "
        "have he her his how i if in is it its just me might must my of on or our shall she should "
        "so some than that the their them then there these they this those to us was we were what "
        "when where which who whom whose why will with would you your"
    )
)
