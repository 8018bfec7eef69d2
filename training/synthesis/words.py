"""Labels and identifiers as words that can stand in a question. Pure."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LISTS = {
    name: frozenset(words.split())
    for name, words in tomllib.loads(Path(__file__).with_name("words.toml").read_text()).items()
}

_WRITTEN = """
API APIs ACL AMQP AWS CA CDN CI CIDR CLI CORS CPU CRM CSS CSV DB DNS DPO DSN EU FAQ FTE GB GDPR GPU
gRPC HR HTML HTTP HTTPS IBAN ICU ID IDs IP JDBC JSON JVM JWT KB KPI LDAP MB MFA MTU NFS NTP OAuth
OIDC OS PDF PIN PO PPE PR QA QPS RAM RPC RPO RPS RTO S3 SAML SDK SFTP SKU SLA SLI SLO SMS SMTP SQL
SSD SSH SSL SSO TCP TLS TTL UDP UI UPS URI URL URLs USB UTC UUID VAT VM VPC VPN XML YAML
"""
_ACRONYMS = {word.lower(): word for word in _WRITTEN.split()}
_UNITS = {
    "ms": "milliseconds", "msec": "milliseconds", "millis": "milliseconds",
    "milliseconds": "milliseconds", "s": "seconds", "sec": "seconds", "secs": "seconds",
    "seconds": "seconds", "min": "minutes", "mins": "minutes", "minutes": "minutes",
    "hours": "hours", "hrs": "hours", "days": "days", "weeks": "weeks", "months": "months",
    "years": "years", "bytes": "bytes", "kb": "KB", "mb": "MB", "gb": "GB", "tb": "TB",
    "mib": "MiB", "gib": "GiB", "percent": "percent", "pct": "percent", "cm": "cm", "mm": "mm",
    "kg": "kg", "km": "km", "celsius": "degrees Celsius", "eur": "euros", "usd": "dollars",
}  # fmt: skip
_SPLIT = re.compile(r"[\s_./:\-]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", re.ASCII)
_IDENTIFIER = re.compile(
    r"(?=[^\s]{2,80}$)[#@$./~-]{0,3}[A-Za-z0-9]++(?:[_.:/@#-]+[A-Za-z0-9{}<>*%]++)+/?"
    r"|[a-z]++(?:[A-Z][a-z0-9]++)+|(?:[A-Z][a-z0-9]++){2,}|[A-Z]{2,}\d[A-Z0-9]*|[A-Z]\d{1,4}"
)
_HYPHENED = re.compile(r"[A-Z][A-Za-z]*(?:-[a-z]+)+")
_MARKS = re.compile(r"^[\s`*_\"'“”>\-•–—]+|[\s`*\"'“”:]+$")


@dataclass(frozen=True, slots=True)
class Readable:
    """A label as a noun phrase; `unit` is what a bare number under it is counted in."""

    text: str
    unit: str = ""


@lru_cache(maxsize=20_000)
def readable(label: str) -> Readable:
    """`server.requestTimeout_ms` as `server request timeout`, in milliseconds."""
    bare = _MARKS.sub("", label)
    if is_identifier(bare) and not _HYPHENED.fullmatch(bare):
        plain = bare.lower() if bare.isupper() else bare
        words = [word for word in _SPLIT.split(plain.strip("-/#$@{}<>")) if word]
        unit = _UNITS.get(words[-1].lower(), "") if len(words) > 1 else ""
        if unit:
            words = words[:-1]
        return Readable(" ".join(_small(word) for word in words), unit)
    return Readable(" ".join(_small(word) for word in bare.split()))


def unit_of(word: str) -> str:
    """What `ms` or `minutes` stands for at the end of a key; empty for another word."""
    return _UNITS.get(word.lower(), "")


def is_identifier(text: str) -> bool:
    """Whether `text` is one word as machines write them: `max_retries`, `--flag`, `cedar-vault`,
    `/v1/x`, `HC-4092`, `WeirSlow`. Ordinary words with a hyphen count too."""
    return len(text) <= 80 and bool(_IDENTIFIER.fullmatch(text))


def lowered(text: str) -> str:
    """`text` as it stands inside a sentence: the first letter is small, unless it is a name's."""
    first, *rest = text.split(" ", 1) if text else [""]
    return " ".join([_small(first), *rest])


def capitalised(text: str) -> str:
    """`text` at the start of a sentence; an identifier keeps its form."""
    first = text.split(" ", 1)[0]
    is_made = is_identifier(first.rstrip(",.:;?")) or any(c.isupper() for c in first[1:])
    if is_made or first[:1] in "-/#`\"'":
        return text
    return text[:1].upper() + text[1:]


def _small(word: str) -> str:
    """`word` in small letters; acronyms, identifiers and names with inner capitals keep theirs."""
    if word.lower() in _ACRONYMS:
        return _ACRONYMS[word.lower()]
    letters = [character for character in word if character.isalpha()]
    if len(letters) > 1 and any(c.isupper() for c in letters[1:]) and not word.isupper():
        return word
    if word.isupper() and (len(letters) < len(word) or 1 < len(letters) <= 3):
        return word
    return word.lower()
