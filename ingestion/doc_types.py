"""What type of document this is, guessed from its path, its title and its words."""

import re

_LISTED = {
    "api": (
        "api apis endpoint endpoints rest graphql grpc sdk openapi swagger",
        r"\b(?:GET|POST|PUT|PATCH|DELETE)\s+/|\bHTTP/?\d|\b(?:request|response) body\b"
        r"|\bquery parameters?\b|\bstatus code\b|\bendpoints?\b|\bclass\s+\w+\(|\bdef\s+\w+\(",
    ),
    "runbook": (
        "runbook runbooks playbook playbooks oncall on-call incident incidents operations ops"
        " recovery troubleshooting failover escalation procedure procedures sop",
        r"\bon[- ]call\b|\bescalat\w+|\broll(?:ed|ing)? back\b|\brestart\w*\b|\balerts?\b"
        r"|\bfail[- ]?over\b|\bpage the\b|\bmitigat\w+|\bstep \d",
    ),
    "policy": (
        "policy policies compliance security legal hr privacy retention code-of-conduct conduct"
        " governance standard standards regulation",
        r"\bmust(?: not)?\b|\bshall\b|\bpolicy\b|\bcomplian\w+|\bprohibited\b|\bapproval\b"
        r"|\bemployees?\b|\bpermitted\b|\bexceptions? (?:to|from|needs?|requires?)\b",
    ),
    "decision": (
        "decision decisions adr adrs rfc rfcs proposal proposals design-doc",
        r"\bstatus:? (?:accepted|proposed|superseded|rejected|deprecated)\b|\bconsequences\b"
        r"|\balternatives?\b|\bwe (?:decided|chose|will use)\b|\bdecision\b|\bconsidered options\b",
    ),
    "guide": (
        "guide guides tutorial tutorials howto how-to getting-started quickstart onboarding"
        " introduction intro handbook manual walkthrough first-steps userguide installation faq",
        r"\byou (?:can|will|should|need)\b|\byour\b|\binstall\w*\b|\bfor example\b|\blet'?s\b"
        r"|\btutorial\b|\bgetting started\b|\bhow to\b",
    ),
    "marketing": (
        "marketing launch campaign press press-release announcement announcements brand sales"
        " pitch blog newsletter",
        r"\bexcited to\b|\bthrilled\b|\bintroducing\b|\bworld-class\b|\bcustomers love\b"
        r"|\bseamless\w*|\bsign up\b|\bindustry-leading\b|\bgame[- ]chang\w+|\bunlock\b"
        r"|\bdelight\w*|\bempower\w*|\bfor immediate release\b|\beffortless\w*|\btrusted by\b"
        r"|\b(?:talk|speak) to (?:sales|your account)\b|\bfree trial\b|\bbook a demo\b",
    ),
}
_WORDS = {
    name: re.compile(rf"\b(?:{'|'.join(words.split())})\b") for name, (words, _) in _LISTED.items()
}
_CUES = {name: re.compile(cues, re.IGNORECASE) for name, (_, cues) in _LISTED.items()}

_SAMPLE_CHARACTERS = 20_000
_PATH, _TITLE = 4.0, 3.0
_CUE_MAX = 3.0
"""What a text full of cues counts: less than a word of the path, which a person chose."""
_LEAST = 1.0


def guess(path: str, title: str, text: str) -> str:
    """A value of `DocType`; `other` where nothing speaks clearly for one."""
    scores = {name: _score(name, path, title, text[:_SAMPLE_CHARACTERS]) for name in _LISTED}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] >= _LEAST else "other"


def _score(name: str, path: str, title: str, text: str) -> float:
    """Weighted hits: words of the path and title, and cues for each 100 words of text."""
    cues = len(_CUES[name].findall(text))
    if name == "marketing" and not cues and _WORDS[name].search(_spaced(title)):
        # The name of a thing, such as Slate Press. Nothing of it would be taught.
        path, title = path.rpartition("/")[0], ""
    in_path = _PATH * bool(_WORDS[name].search(_spaced(path)))
    in_title = _TITLE * bool(_WORDS[name].search(_spaced(title)))
    per_hundred = 100 * cues / max(len(text.split()), 100)
    return in_path + in_title + min(per_hundred, _CUE_MAX)


def _spaced(name: str) -> str:
    return re.sub(r"[_./\\\s]+", " ", name).casefold()
