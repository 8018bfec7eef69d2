"""What a program is told when something is refused: always `{"error": {"id", "message"}}`; a client
of OpenAI in the form that it knows."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from docportal.admission import BUSY, RETRY_SECONDS, Overloaded
from docportal.api.access import MissingScope, TooOften
from ingestion.errors import UserError


class Refusal(NamedTuple):
    status: int
    id: str
    message: str
    headers: Mapping[str, str] = {}


BROKEN = Refusal(500, "broken", "Something broke on our side. Try again.")

_API = ("/api/", "/v1/", "/mcp")
_OPENAI = "/v1/"
_OPENAI_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
# Those that are told in the same words whatever happened.
_ALWAYS: Mapping[type[Exception], Refusal] = {
    AuthenticationError: Refusal(
        *(401, "not-authenticated"),
        "Send a valid token (Authorization: Bearer …), or log in.",
        {"WWW-Authenticate": "Bearer"},
    ),
    PermissionDenied: Refusal(403, "not-allowed", "Your role does not allow this."),
    # The same for what is not there and for what the caller may not know of.
    Http404: Refusal(404, "not-found", "There is nothing here that you may read."),
    Overloaded: Refusal(429, "busy", BUSY, {"Retry-After": str(RETRY_SECONDS)}),
}


def refusal(error: Exception) -> Refusal:
    """Of an error that is the caller's to put right; any other is raised again."""
    for kind, always in _ALWAYS.items():
        if isinstance(error, kind):
            return always
    match error:
        case UserError():
            return Refusal(400, error.id, str(error))
        case ValidationError():
            return Refusal(400, "bad-request", _said(error))
        case MissingScope():
            return Refusal(403, "missing-scope", str(error))
        case TooOften():
            seconds = str(math.ceil(error.seconds))
            return Refusal(429, "too-often", str(error), {"Retry-After": seconds})
        case HttpError(status_code=403):
            message = "A browser's session needs the header X-CSRFToken; a program sends a token."
            return Refusal(403, "csrf", message)
        case HttpError():
            return Refusal(error.status_code, "bad-request", str(error))
    raise error


REFUSED: tuple[type[Exception], ...] = (
    *_ALWAYS,
    UserError,
    ValidationError,
    MissingScope,
    TooOften,
    HttpError,
)


def _said(error: ValidationError) -> str:
    """`body.question: Field required`, one after the other."""
    return "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors
    )


def as_body(told: Refusal) -> dict[str, Any]:
    return {"error": {"id": told.id, "message": told.message}}


def as_openai_body(told: Refusal) -> dict[str, Any]:
    """In the form of OpenAI's API."""
    otherwise = "server_error" if told.status >= 500 else "invalid_request_error"
    kind = _OPENAI_KINDS.get(told.status, otherwise)
    return {"error": {"message": told.message, "type": kind, "param": None, "code": told.id}}


def is_api(path: str) -> bool:
    """Whether it is programs that ask there."""
    return path.startswith(_API)


def body_at(path: str, told: Refusal) -> dict[str, Any]:
    """In the form of the door that is at this path."""
    return as_openai_body(told) if path.startswith(_OPENAI) else as_body(told)


def refuse(request: HttpRequest, told: Refusal) -> HttpResponse:
    """In the form of the door that the request came by."""
    body = body_at(request.path_info, told)
    return JsonResponse(body, status=told.status, headers=dict(told.headers))


def tell(api: NinjaAPI) -> None:
    """Have `api` answer so."""

    def handle(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        return refuse(request, refusal(error if isinstance(error, Exception) else error()))

    for kind in REFUSED:
        api.add_exception_handler(kind, handle)
