"""Settings that cannot work together, each with an id and what to do about it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from docportal.backups import unfinished
from ingestion.errors import UserError
from ingestion.sources.places import split_address
from training.devices import DEVICE
from training.mixture import Mixture
from training.models import QAPair, TrainingRun


def connect() -> None:
    register(check_restored, Tags.compatibility)
    register(check_logs, Tags.compatibility)
    register(check_traces, Tags.compatibility)
    register(check_services, Tags.compatibility)
    register(check_sources, Tags.compatibility)
    register(check_limits, Tags.compatibility)
    register(check_mixture, Tags.compatibility)
    register(check_training, Tags.compatibility)
    register(check_exposure, Tags.security, deploy=True)


def check_restored(**_: Any) -> Sequence[CheckMessage]:
    if not unfinished().exists():
        return []
    return [
        Error(
            "A restore of this home has not ended: some of it is old, some of it new.",
            hint="If none is under way, run `manage.py restore` with the same backup again.",
            id="docportal.E015",
        )
    ]


def require_restored() -> None:
    """End this process with what `check_restored` finds: Django checks its commands alone."""
    for error in check_restored():
        raise SystemExit(f"SystemCheckError: {error}")


def check_logs(**_: Any) -> Sequence[CheckMessage]:
    if settings.LOG_FORMAT in ("text", "json"):
        return []
    return [
        Error(
            f"LOG_FORMAT is {settings.LOG_FORMAT!r}, which is not known.",
            hint="Set it to text or json.",
            id="docportal.E013",
        )
    ]


def check_traces(**_: Any) -> Sequence[CheckMessage]:
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    if not endpoint or urlsplit(endpoint).scheme in ("http", "https"):
        return []
    return [
        Error(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is {endpoint!r}, which is not an HTTP address.",
            hint="Give the collector's base for OTLP over HTTP, such as http://collector:4318, "
            "or leave it empty.",
            id="docportal.E020",
        )
    ]


def check_services(**_: Any) -> Sequence[CheckMessage]:
    found: list[CheckMessage] = []
    for number, name in ((1, "LLM_URL"), (2, "EMBEDDINGS_URL")):
        url = getattr(settings, name)
        if url and urlsplit(url).scheme not in ("http", "https"):
            found.append(
                Error(
                    f"{name} is {url!r}, which is not an HTTP address.",
                    hint=f"Give the base of an OpenAI-compatible API, such as http://vllm:8000/v1, "
                    f"or leave {name} empty for the embedded server.",
                    id=f"docportal.E00{number}",
                )
            )
    found += _check_teacher()
    login = settings.OIDC_SERVER_URL
    if login and urlsplit(login).scheme not in ("http", "https"):
        found.append(
            Error(
                f"OIDC_SERVER_URL is {login!r}, which is not an HTTP address.",
                hint="Give that of the identity provider, such as https://login.example.com.",
                id="docportal.E029",
            )
        )
    scheme = urlsplit(settings.CELERY_BROKER_URL).scheme
    if scheme not in ("filesystem", "redis", "rediss"):
        found.append(
            Error(
                f"CELERY_BROKER_URL has the scheme {scheme!r}, which is not supported.",
                hint="Use redis://host:6379/0, or leave it empty for the embedded broker.",
                id="docportal.E003",
            )
        )
    return found


def _check_teacher() -> list[CheckMessage]:
    if not settings.TEACHER_URL:
        return []
    if urlsplit(settings.TEACHER_URL).scheme not in ("http", "https"):
        return [
            Error(
                f"TEACHER_URL is {settings.TEACHER_URL!r}, which is not an HTTP address.",
                hint="Give the base of an OpenAI-compatible API, or leave TEACHER_URL empty for "
                "pairs without a teacher.",
                id="docportal.E007",
            )
        ]
    if not settings.TEACHER_MODEL:
        return [
            Error(
                "TEACHER_URL is set, but TEACHER_MODEL is empty.",
                hint="Give the name that the teacher has on that server.",
                id="docportal.E008",
            )
        ]
    return []


def check_sources(**_: Any) -> Sequence[CheckMessage]:
    found: list[CheckMessage] = [
        Error(
            f"SOURCE_ROOTS names {root!r}, which is no whole path.",
            hint="Write each folder from the slash on, with commas between them.",
            id="docportal.E021",
        )
        for root in settings.SOURCE_ROOTS
        if not Path(root).is_absolute()
    ]
    for prefix in settings.SOURCE_URLS:
        try:
            split_address(prefix)
        except UserError:
            found.append(
                Error(
                    f"SOURCE_URLS names {prefix!r}, which is not the beginning of an address.",
                    hint="Write them as https://host/path/ or ssh://git@host/path/.",
                    id="docportal.E022",
                )
            )
    if settings.SOURCE_CREDENTIALS and not Path(settings.SOURCE_CREDENTIALS).is_file():
        found.append(
            Error(
                f"SOURCE_CREDENTIALS names {settings.SOURCE_CREDENTIALS!r}, where no file is.",
                hint="Make it, in the form of git-credential-store(1), or leave it empty.",
                id="docportal.E023",
            )
        )
    return found


# The setting, the least that makes sense, what to set it to, and the id of the error.
_LEAST = (
    (
        "EMBEDDINGS_DIMENSION",
        1,
        "Give the length of the vectors of EMBEDDINGS_MODEL, such as 384.",
        "docportal.E004",
    ),
    (
        "TUNED_VERSIONS_KEPT",
        0,
        "Set it to how many tuned models keep their files beside those that serve.",
        "docportal.E010",
    ),
    (
        "TRUSTED_PROXIES",
        0,
        "Set it to how many proxies of your own stand before the portal.",
        "docportal.E014",
    ),
    (
        "ANSWERS_AT_ONCE",
        1,
        "Set it to how many questions a web process answers at the same time, such as 8.",
        "docportal.E024",
    ),
    (
        "ANSWERS_WAITING",
        0,
        "Set it to how many questions may wait for their turn beside those, such as 24.",
        "docportal.E025",
    ),
    (
        "STREAMS_A_PERSON",
        0,
        "Set it to how many live pages one person may have open at a time, such as 32.",
        "docportal.E031",
    ),
    (
        "LLM_TIMEOUT",
        0.1,
        "Set it to how many seconds an answer may take, such as 30.",
        "docportal.E026",
    ),
    (
        "PARSE_CPU_SECONDS",
        1,
        "Set it to how many seconds of a processor one file may take, such as 60.",
        "docportal.E016",
    ),
    (
        "TEACHER_TIMEOUT",
        0.1,
        "Set it to how many seconds one passage may take, such as 120.",
        "docportal.E017",
    ),
    (
        "EVALUATION_RAG_QUESTIONS",
        0,
        "Set it to how many questions are also answered from passages, such as 80.",
        "docportal.E018",
    ),
)
_SHARES = (
    *("GATE_EXACT_MATCH", "GATE_HALLUCINATION", "GATE_OVER_REFUSAL"),
    *("GATE_LOSS", "GATE_DOMAIN_LOSS", "ROUTER_TARGET_ERROR"),
)


def check_limits(**_: Any) -> Sequence[CheckMessage]:
    found: list[CheckMessage] = [
        Error(f"{name} is below {least}.", hint=hint, id=number)
        for name, least, hint, number in _LEAST
        if getattr(settings, name) < least
    ]
    if settings.PARSE_MEMORY_BYTES < 1024**3:
        found.append(
            Error(
                "PARSE_MEMORY_MB is below 1024; the parser itself needs most of that.",
                hint="Set PARSE_MEMORY_MB to 1536, or unset it.",
                id="docportal.E005",
            )
        )
    if settings.UPLOAD_MAX_BYTES > settings.UPLOAD_MAX_EXPANDED_BYTES:
        found.append(
            Error(
                "UPLOAD_MAX_MB is above the 200 MB that an archive may expand to.",
                hint="Set UPLOAD_MAX_MB to 200 or less.",
                id="docportal.E006",
            )
        )
    if settings.UPLOAD_MAX_BYTES < 1024**2:
        found.append(
            Error(
                "UPLOAD_MAX_MB is below 1, so no file is accepted.",
                hint="Set UPLOAD_MAX_MB to 50, or unset it.",
                id="docportal.E019",
            )
        )
    if settings.UPLOAD_MAX_TOTAL_BYTES < settings.UPLOAD_MAX_BYTES:
        found.append(
            Error(
                "UPLOAD_MAX_TOTAL_MB is below UPLOAD_MAX_MB, so no file of that size can be sent.",
                hint="Set UPLOAD_MAX_TOTAL_MB to 200, or unset it.",
                id="docportal.E030",
            )
        )
    return found + _check_shares()


def _check_shares() -> list[CheckMessage]:
    """One that was meant as a percentage would let everything pass, or nothing."""
    return [
        Error(
            f"{name} is {getattr(settings, name):g}, which is no share.",
            hint="Write a number from 0 to 1: 0.05 is 5 %.",
            id="docportal.E027",
        )
        for name in _SHARES
        if not 0 <= getattr(settings, name) <= 1
    ]


def check_mixture(**_: Any) -> Sequence[CheckMessage]:
    try:
        Mixture.parse(settings.DATASET_MIXTURE)
    except UserError as error:
        return [
            Error(
                str(error),
                hint="Leave DATASET_MIXTURE empty for the defaults.",
                id="docportal.E009",
            )
        ]
    return []


def check_training(**_: Any) -> Sequence[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.TRAINER not in TrainingRun.Trainer.values:
        found.append(
            Error(
                f"TRAINER is {settings.TRAINER!r}, which is not known.",
                hint="Set it to peft, or to unsloth on a machine with a GPU.",
                id="docportal.E011",
            )
        )
    if unknown := set(settings.PAIRS_APPROVED_ON_ARRIVAL) - set(QAPair.Origin.values):
        found.append(
            Error(
                f"PAIRS_APPROVED_ON_ARRIVAL names {', '.join(sorted(unknown))}, which is none.",
                hint=f"Name some of {', '.join(QAPair.Origin.values)}, or none.",
                id="docportal.E028",
            )
        )
    if any(not DEVICE.fullmatch(device) for device in settings.TRAINING_DEVICES):
        found.append(
            Error(
                f"TRAINING_DEVICES is {','.join(settings.TRAINING_DEVICES)!r}.",
                hint="Name devices such as cpu, or cuda:0,cuda:1; or leave it empty.",
                id="docportal.E012",
            )
        )
    return found


def check_exposure(**_: Any) -> Sequence[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.HTTPS and "sqlite3" in settings.DATABASES["default"]["ENGINE"]:
        found.append(
            checks.Warning(
                "HTTPS is on, but the database is the embedded SQLite.",
                hint="Set DATABASE_URL to a PostgreSQL server before several people use this.",
                id="docportal.W001",
            )
        )
    if settings.HTTPS and settings.TRUSTED_PROXIES == 0:
        found.append(
            checks.Warning(
                "HTTPS is on, but TRUSTED_PROXIES is 0: everybody seems to come from the proxy, so "
                "who guesses the password of a name locks out all who have that name.",
                hint="Set TRUSTED_PROXIES to how many proxies of your own add to X-Forwarded-For.",
                id="docportal.W002",
            )
        )
    return found
