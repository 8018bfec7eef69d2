"""Bytes to text. Writers' files come in any encoding and rarely say which."""

import codecs
import re
import unicodedata

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?([\w.:-]+)"""
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ue0f0-\ue0f5]")


def decode(data: bytes) -> str:
    """The normalised text of a file. Never fails: in the last resort it is Latin-1."""
    return normalised(data.decode(_encoding_of(data), errors="replace"))


def normalised(text: str) -> str:
    """In NFC (not NFKC, which would change what is written), with `\\n` line ends, without
    control characters, and without the characters that `marks` uses."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))


def _encoding_of(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if unmarked := _wide_encoding(data[:4096]):
        return unmarked
    if _decodes(data, "utf-8"):
        return "utf-8"
    declared = _DECLARED.search(data[:2048])
    for encoding in (declared[1].decode("ascii") if declared else "", "cp1252"):
        if encoding and _decodes(data, encoding):
            return encoding
    return "latin-1"


def _wide_encoding(sample: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, told by where the zero bytes of ASCII letters fall."""
    zeros = [sample[offset::4].count(0) for offset in range(4)]
    quarter = len(sample) // 4
    if quarter < 1 or sum(zeros) < quarter:
        return ""
    often = [count > 0.6 * quarter for count in zeros]
    patterns = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return patterns.get((often[0], often[1], often[2], often[3]), "")


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
