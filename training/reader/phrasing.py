"""How invented documents are worded."""

import json
import re
from collections.abc import Sequence
from random import Random

from router.prompts import Passage

_FILLERS = """The diagram on this page was last redrawn in 2019.
Please keep this page short; details belong in the tickets.
A second region is on the roadmap but has no date.
New colleagues should read the glossary first.
Nobody has complained about this so far.
The old wiki has more background, most of it wrong.
We tried the opposite for a quarter and went back.
Dashboards are linked from the start page.
This was agreed in the spring and has not been reopened.
The numbers below come from the last load test.
Ask before you change anything here.
A clean-up is planned once the migration is over.
Earlier versions of this text contradicted the code.
The weekly report shows the trend.
It was built in a hurry before the summer sale.
Most incidents of the last year had nothing to do with it.
Screenshots are missing on purpose, because they age badly.
There is a spare in the cupboard next to the printer.
Three teams share the on-call rota, which rotates on Tuesdays.
The vendor publishes its own status page.
If in doubt, open a ticket and wait for triage.
Two people review each change.
We measured it on a Monday morning, which is the busiest hour.
The budget for next year has not been approved.
See the appendix for the history.
That part is covered by the acceptance tests.
Some of the scripts still assume the old folder layout.
The legal department has read and accepted this paragraph.
Costs are charged to cost centre 4410.
It survived the last four audits without a finding.
A training session takes place on the second Thursday of each month.
The pager rings at night only for what cannot wait.
Everything else is left at its default.
Nothing on this page applies to the test systems.
In the long run we would like to buy instead of build.
The name goes back to a joke at the first offsite.""".splitlines()

_PRONOUNS = {
    "service": ["It", "The service", "it", "This service", "The system"],
    "job": ["It", "The job", "This job"],
    "tool": ["It", "The tool", "it"],
    "rule": ["It", "this"],
    "site": ["It", "This site", "the site"],
    "endpoint": ["this endpoint", "It"],
    "incident": ["It", "The incident", "this incident"],
    "decision": ["it", "this"],
    "term": ["It", "This"],
}
_TITLES = [
    "{e}", "{e} handbook", "Runbook: {e}", "Working with {e}", "About {e}", "{e} – operations",
    "Notes on {e}", "{e} FAQ", "{e} reference", "How we handle {e}",
]  # fmt: skip
_HEADINGS = (
    "Overview", "At a glance", "Details", "Configuration", "Limits", "Operations", "Background",
    "Before you start", "Rules", "In practice", "Facts", "Changes", "", "What to know",
)  # fmt: skip
_OVERVIEWS = {
    "service": ["Service catalogue", "Platform overview", "Limits and quotas", "Who runs what"],
    "job": ["Batch calendar", "Scheduled work", "Night shift of the machines"],
    "tool": ["Developer tools", "Command-line reference", "Setting up your laptop"],
    "rule": ["Company policies", "Staff handbook", "What needs a signature"],
    "site": ["Our locations", "Buildings and access", "Logistics map"],
    "endpoint": ["API reference", "Public API", "Changes to the API"],
    "incident": ["Incident log", "Post-mortems of the year", "What broke and why"],
    "decision": ["Decision records", "Architecture board minutes", "Choices we made"],
    "term": ["Glossary", "Words we use", "Jargon for newcomers"],
    "team": ["Teams", "Who does what", "People and contacts"],
}
_MONTHS = ["last spring", "March", "the summer of 2024", "October", "the migration", "January"]


def title(rng: Random, thing: str, headings: Sequence[str] = _HEADINGS) -> tuple[str, str, bool]:
    """Title, heading, and whether one of them names the thing."""
    form = rng.random()
    if form < 0.6:
        return capitalised(rng.choice(_TITLES).format(e=thing)), rng.choice(headings), True
    overview = rng.choice([name for names in _OVERVIEWS.values() for name in names])
    if form < 0.85:
        return overview, capitalised(thing), True
    return overview, rng.choice(headings), False


def overview(rng: Random, kind: str) -> tuple[str, str]:
    return rng.choice(_OVERVIEWS[kind]), rng.choice(_HEADINGS)


def filler(rng: Random) -> str:
    return rng.choice(_FILLERS)


def pronoun(rng: Random, kind: str) -> str:
    return rng.choice(_PRONOUNS[kind])


def capitalised(sentence: str) -> str:
    """With a capital, unless it starts with an identifier. Pronouns inside are lowered."""
    sentence = re.sub(r"(?<=[\w,;:`] )(It|The|This)(?= )", lambda found: found[0].lower(), sentence)
    first = sentence.split(" ", 1)[0]
    if re.search(r"[-_/.`\d]", first.rstrip(".,:")):
        return sentence
    return sentence[:1].upper() + sentence[1:]


def prose(rng: Random, sentences: list[str]) -> str:
    """The sentences as a text, with small talk between them and some of them joined."""
    text = "" if rng.random() < 0.75 else filler(rng) + " "
    for sentence in sentences:
        if text.endswith(". ") and rng.random() < 0.12:
            text = f"{text[:-2]}, and {sentence[:1].lower() + sentence[1:]} "
        else:
            text += sentence + ("\n\n" if rng.random() < 0.12 else " ")
        while rng.random() < 0.3:
            text += filler(rng) + " "
    return text.strip()


def small_talk(rng: Random) -> Passage:
    """A passage that answers nothing."""
    name, heading = overview(rng, rng.choice(list(_OVERVIEWS)))
    return Passage(name, heading, " ".join(filler(rng) for _ in range(3)))


def columns(rng: Random) -> tuple[str, str]:
    return rng.choice([("Setting", "Value"), ("Item", "Detail"), ("Key", "Value"), ("What", "Is")])


def contrast(rng: Random, sentences: list[str]) -> str:
    links = ["", "", "By contrast: ", "Elsewhere it differs. ", "Then again: ", "Note also: "]
    return " ".join(rng.choice(links if i else [""]) + s for i, s in enumerate(sentences))


def formerly(rng: Random, line: str, old: str) -> str:
    """`line`, with what was true before it."""
    when = rng.choice(_MONTHS)
    return rng.choice(
        [
            f"{line} Until {when} it was {old}.",
            f"{line} (Before {when}: {old}.)",
            f"Up to {when} the answer was {old}. Now: {line}",
            f"{line} Ignore the old figure of {old}."
            if old[:1].isdigit()
            else f"{line} It is no longer {old}.",
        ]
    )


def key(rng: Random, label: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", label.lower())
    style = rng.randrange(3)
    if style == 0:
        return "_".join(words)
    if style == 1:
        return "-".join(words)
    return "".join([words[0], *(word.capitalize() for word in words[1:])])


def code(rng: Random, section: str, pairs: dict[str, str], *, named: bool) -> str:
    """The pairs as a configuration file in one of five notations."""
    style = rng.choice(["yaml", "json", "ini", "toml"] + ["env"] * named)
    if style == "json":
        return json.dumps({section: pairs}, indent=2, ensure_ascii=False)
    if style == "env":
        return "\n".join(f"{re.sub('[^A-Za-z0-9]', '_', k).upper()}={v}" for k, v in pairs.items())
    if style == "yaml":
        quote = rng.choice(["", '"'])
        return "\n".join([f"{section}:", *(f"  {k}: {quote}{v}{quote}" for k, v in pairs.items())])
    quote = '"' if style == "toml" else ""
    return "\n".join([f"[{section}]", *(f"{k} = {quote}{v}{quote}" for k, v in pairs.items())])
