"""What the embedded servers share, where a client behaves as none should."""

import pytest
from pydantic import BaseModel
from starlette.requests import Request

from router.local_http import Refused, read_form


class Form(BaseModel):
    model: str


async def test_client_that_leaves_before_it_has_asked_is_no_fault_of_the_server() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    with pytest.raises(Refused, match="left"):
        await read_form(Request({"type": "http"}, receive), Form)
