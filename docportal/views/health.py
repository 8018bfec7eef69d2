"""For load balancers: is this process up, and can it do its work?"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ingestion.connections import release_connection
from router.processes import completes
from router.retrieval import search
from router.serving import llm_url

MODEL_SECONDS = 5.0


@login_not_required
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "up"})


@login_not_required
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when the database, the search and the model each did one small thing; else 503."""
    checks = {name: check() for name, check in CHECKS.items()}
    ready = all(result == "ok" for result in checks.values())
    status = "ready" if ready else "not ready"
    return JsonResponse({"status": status, **checks}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _index() -> str:
    try:
        found = search("ready", user=None, limit=1)
    except DatabaseError:
        return "cannot be read"
    if found.behind:
        return "cannot be brought up to date: its disk takes no more"
    return "embeddings do not answer: words only" if found.degraded else "ok"


def _model() -> str:
    """A completion of one token: a server may be up while its engine is dead."""
    # Such a server may keep one waiting, but no connection of the pool.
    release_connection()
    url = llm_url()
    if url is None or not completes(url, settings.LLM_MODEL, timeout=MODEL_SECONDS):
        return "does not answer: search works, answers are refused"
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "index": _index,
    "model": _model,
}
