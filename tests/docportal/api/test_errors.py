"""Whatever goes wrong: a program is told in JSON, in the form of the door that it knocked at."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.docportal.api.callers import Caller, error_of
from training.models import Benchmark

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

LONG = "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def openai_error_of(response: Any) -> tuple[int, str, str]:
    """Status, type and code."""
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return response.status_code, error["type"], error["code"]


@pytest.mark.parametrize("address", ["/api/v1/ask", "/mcp"])
def test_body_that_is_too_large(engineer: Caller, address: str) -> None:
    response = engineer.client.post(address, {"question": LONG}, content_type="application/json")
    assert error_of(response) == (413, "too-large")
    assert "2 MB" in response.json()["error"]["message"]


def test_body_that_is_too_large_for_a_completion(engineer: Caller) -> None:
    asked = {"model": "docportal", "messages": [{"role": "user", "content": LONG}]}
    response = engineer.client.post("/v1/chat/completions", asked, content_type="application/json")
    assert openai_error_of(response) == (413, "invalid_request_error", "too-large")


def test_form_that_is_broken(writer: Caller) -> None:
    kind = "multipart/form-data; boundary=\N{SNOWMAN}"
    response = writer.client.post("/api/v1/documents", b"--", content_type=kind)
    assert error_of(response) == (400, "bad-request")


def test_wrong_method(engineer: Caller) -> None:
    response = engineer.client.delete("/api/v1/collections")
    assert error_of(response) == (405, "wrong-method")
    assert response["Allow"] == "GET"
    assert error_of(engineer.client.get("/mcp")) == (405, "wrong-method")
    response = engineer.client.post("/v1/models")
    assert openai_error_of(response) == (405, "invalid_request_error", "wrong-method")


@pytest.mark.parametrize("address", ["/api/v1/", "/api/v2/ask", "/mcp/"])
def test_address_that_is_not_there(engineer: Caller, address: str) -> None:
    assert error_of(engineer.client.get(address)) == (404, "not-found")


@pytest.mark.parametrize("address", ["/v1/", "/v1/embeddings"])
def test_address_that_is_not_there_for_clients_of_openai(engineer: Caller, address: str) -> None:
    response = engineer.client.post(address, {}, content_type="application/json")
    assert openai_error_of(response) == (404, "invalid_request_error", "not-found")


def test_failure_of_ours(engineer: Caller) -> None:
    Benchmark.objects.create(name="Without what every report has", report={})
    assert error_of(engineer.get("benchmarks")) == (500, "broken")


def test_wrong_host() -> None:
    response = Client(headers={"Host": "evil.example"}).get("/api/v1/collections")
    assert error_of(response) == (400, "bad-request")
