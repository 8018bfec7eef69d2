"""Logs as JSON lines, and the ids by which what belongs together is found.

A line bears the id of the request that it was written for and, in a worker, of the job; a job that
a request asked for bears the ids of both. While traces are sent it bears the trace's as well. No
line holds a question: neither its text nor an address with it is ever logged.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ingestion import tracing

HEADER = "X-Request-ID"
REQUEST, JOB, TRACE = "request", "job", "trace_id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
# In the message of a job, from the request that asked for it.
_ASKED_BY = "docportal_request"

request_id: ContextVar[str] = ContextVar("request_id", default="")
job_id: ContextVar[str] = ContextVar("job_id", default="")

requests_log = logging.getLogger("docportal.requests")
jobs_log = logging.getLogger("docportal.jobs")


class JsonLines(logging.Formatter):
    """One JSON object a record, on one line: `time` in UTC, `level`, `logger`, `message`, and
    where there are any `request`, `job`, `trace_id`, `exception` and the fields given as
    `extra["fields"]`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        ids = {REQUEST: request_id.get(), JOB: job_id.get(), TRACE: tracing.trace_id()}
        line |= {name: value for name, value in ids.items() if value}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_configuration(form: str, level: str) -> dict[str, Any]:
    """For `logging.config`. `form` is json, an object a line, or text.

    Standard output of a command belongs to its result, so logs go to standard error.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
            "json": {"()": "docportal.logs.JsonLines"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "json" if form == "json" else "text",
            }
        },
        "loggers": {
            # The embedded broker has no host, of which kombu warns at every start.
            "kombu.connection": {"level": "ERROR"},
            # The server's own go the way of all; of requests ours tells, without their address.
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True},
            "uvicorn.access": {"handlers": [], "propagate": True, "level": "WARNING"},
            # At DEBUG these write statements with their values and, in some releases, prompts.
            "openai": {"level": "INFO"},
            "django.db.backends": {"level": "INFO"},
        },
        "root": {"handlers": ["stderr"], "level": level},
    }


# --- Requests ----------------------------------------------------------------------------------
Handler = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class RequestIdMiddleware:
    """Gives each request an id, its own if it is well-formed, and returns it as a header."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self._handle: Any = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self._asynchronously(request) if self._is_async else self._synchronously(request)

    def _synchronously(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        with request_named(request.headers.get(HEADER, "")):
            return _noted(request, self._handle(request), started)

    async def _asynchronously(self, request: HttpRequest) -> HttpResponseBase:
        # Never reset: the task ends with the request, and a stream is written after this.
        request_id.set(_id_of(request.headers.get(HEADER, "")))
        started = time.perf_counter()
        return _noted(request, await self._handle(request), started)


@contextmanager
def request_named(given: str) -> Iterator[str]:
    """The id of a request, the one given to it if that is well-formed, on all that is logged."""
    token = request_id.set(_id_of(given))
    try:
        yield request_id.get()
    finally:
        request_id.reset(token)


def _id_of(given: str) -> str:
    return given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex


def _noted(request: HttpRequest, response: HttpResponseBase, started: float) -> HttpResponseBase:
    """By the name of the view, since an address may hold a question or a title."""
    response[HEADER] = request_id.get()
    match = request.resolver_match
    note(request.method, match.view_name if match else "", response.status_code, started)
    return response


def note(method: str | None, view: str, status: int, started: float) -> None:
    """A request that was answered; `started` is a time of the performance counter."""
    ms = round((time.perf_counter() - started) * 1000, 1)
    fields = {"method": method, "view": view, "status": status, "ms": ms}
    requests_log.info("%(method)s %(view)s %(status)s", fields, extra={"fields": fields})


# --- Jobs --------------------------------------------------------------------------------------
def send_ids_along(headers: dict[str, Any], **_: object) -> None:
    if asked_by := request_id.get():
        headers[_ASKED_BY] = asked_by


def begin_job(task_id: str, task: Any, **_: object) -> None:
    job_id.set(task_id)
    request_id.set(str(task.request.get(_ASKED_BY) or ""))
    jobs_log.info("%s begins", task.name, extra={"fields": {"task": task.name}})


def end_job(task: Any, state: str, **_: object) -> None:
    fields = {"task": task.name, "state": state}
    jobs_log.info("%(task)s ends: %(state)s", fields, extra={"fields": fields})
    job_id.set("")
    request_id.set("")


def connect() -> None:
    before_task_publish.connect(send_ids_along)
    task_prerun.connect(begin_job)
    task_postrun.connect(end_job)
