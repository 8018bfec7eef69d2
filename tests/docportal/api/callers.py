"""A program with a token, as the API meets it."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponseBase
from django.test import AsyncClient, Client

from docportal.models import ApiToken, User
from docportal.tokens import create_token

EVERYTHING = tuple(ApiToken.Scope.values)


def secret_of(user: User, *scopes: str) -> str:
    """Of a token of theirs with these scopes; all of them by default."""
    made = create_token(user=user, name="A test", scopes=scopes or EVERYTHING, days=1, by=None)
    return made.secret


class Caller:
    """Paths are below `/api/v1/`; bodies go and come as JSON."""

    def __init__(self, user: User, scopes: Sequence[str] = EVERYTHING) -> None:
        self.headers = {"Authorization": f"Bearer {secret_of(user, *scopes)}"}
        self.client = Client(headers=self.headers, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        return self.client.post(
            f"/api/v1/{path}", body or {}, content_type="application/json", query_params=query
        )

    def upload(self, **values: Any) -> Any:
        return self.client.post("/api/v1/documents", values)

    async def stream(self, body: dict[str, Any]) -> HttpResponseBase:
        return await AsyncClient().post(
            "/api/v1/ask?stream=true",
            body,
            content_type="application/json",
            headers=self.headers,
        )


def error_of(response: Any) -> tuple[int, str]:
    """Status and id."""
    body = response.json()
    assert set(body["error"]) == {"id", "message"}
    assert body["error"]["message"]
    return response.status_code, body["error"]["id"]
