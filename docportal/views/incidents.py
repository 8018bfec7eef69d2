"""What fails behind the answers, in the words of an admin's page."""

from dataclasses import dataclass

from django.conf import settings

from router import incidents
from router.models import Incident


@dataclass(frozen=True, slots=True)
class Told:
    """An incident: what fails, what askers get instead, and what to do about it."""

    incident: Incident
    what: str
    instead: str
    advice: str
    is_open: bool


def told_incidents() -> list[Told]:
    """Those that stand first, then those that ended lately."""
    standing = [_told(one, is_open=True) for one in incidents.standing()]
    return standing + [_told(one, is_open=False) for one in incidents.over()]


def _told(incident: Incident, *, is_open: bool) -> Told:
    what, instead, advice = _words(incident.kind, incident.subject)
    return Told(incident, what, instead, advice, is_open)


def _words(kind: str, subject: str) -> tuple[str, str, str]:
    match kind:
        case Incident.Kind.MODEL_SERVER if subject == settings.LLM_MODEL:
            return (
                f"The server of the reader {subject} fails.",
                "The passages, without an answer from them.",
                _see_server(settings.LLM_URL, "LLM_URL", "llm-server.log"),
            )
        case Incident.Kind.MODEL_SERVER:
            return (
                f"The server of the tuned model {subject} fails.",
                "An answer from the current passages.",
                f"{_see_server(settings.LLM_URL, 'LLM_URL', f'tuned-{subject}.log')} {_GO_BACK}",
            )
        case Incident.Kind.EMBEDDING_SERVER:
            return (
                f"The embedding server of {subject} fails.",
                "Passages that were found by their words alone.",
                _see_server(settings.EMBEDDINGS_URL, "EMBEDDINGS_URL", "embeddings-server.log"),
            )
        case Incident.Kind.INDEX:
            return (
                f"The index was not made by {subject}.",
                "Passages found by their words alone, until each is embedded anew.",
                "Wait: the worker does that when it starts. Or set EMBEDDINGS_MODEL back.",
            )
        case Incident.Kind.INDEX_DISK:
            return (
                f"The index in {subject} cannot be brought up to date.",
                "What it holds; of what was changed lately only what its meaning finds.",
                "Make room on its disk. It is tried again by itself.",
            )
        case Incident.Kind.TUNED_SERVER:
            return (
                f"The server of the tuned model {subject} does not stay up.",
                "An answer of the version before it, or from the current passages.",
                f"{_see_server('', '', f'tuned-{subject}.log')} {_GO_BACK}",
            )
        case _:
            return (
                f"Files of the tuned model {subject} are gone.",
                "An answer of the version before it, or from the current passages.",
                f"Restore TUNED_DIR from a backup. {_GO_BACK}",
            )


_GO_BACK = "Or roll back to the version before it, on the page Training."


def _see_server(url: str, setting: str, log: str) -> str:
    if url:
        return f"See that the server at {setting} runs, and that it knows the model by this name."
    return f"It is started again by itself. If that does not help, {log} in the logs says why."
