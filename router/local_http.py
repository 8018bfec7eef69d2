"""What the embedded model servers share of HTTP: requests of a form, refusals in OpenAI's words,
and how they tell that they are ready."""

import argparse
import json
import os
import socket
from pathlib import Path
from typing import TypeVar

import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

Form = TypeVar("Form", bound=BaseModel)


class Refused(Exception):
    """A request that cannot be served: the HTTP status, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_form(request: Request, form: type[Form]) -> Form:
    """Raises `Refused`."""
    try:
        return form.model_validate_json(await request.body())
    except ClientDisconnect as error:
        raise Refused(400, "The client left before it had asked.") from error
    except ValidationError as error:
        told = str(error.errors(include_url=False, include_input=False))
        raise Refused(400, told) from error


def refusal(_: Request, refused: Exception) -> JSONResponse:
    """The handler of `Refused`."""
    error = {
        "message": str(refused),
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    return JSONResponse({"error": error}, refused.status if isinstance(refused, Refused) else 500)


def add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--ready-file", type=Path, help='receives {"url", "pid"} when ready')


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A bound socket, and its address, which ends in `/v1`."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener, f"http://{host}:{listener.getsockname()[1]}/v1"


def tell_ready(file: Path | None, url: str) -> None:
    """Write down where this process answers, whole or not at all."""
    if file is not None:
        written = file.with_name(f"{file.name}.{os.getpid()}")
        written.write_text(json.dumps({"url": url, "pid": os.getpid()}))
        written.replace(file)


def run(application: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(application, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
