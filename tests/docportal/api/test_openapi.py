"""The API describes itself, from this host alone."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_description_lists_every_operation_with_its_way_in() -> None:
    told = Client().get("/api/v1/openapi.json").json()
    assert set(told["components"]["securitySchemes"]) == {"Token", "Session"}
    operations = [
        (path, method, operation)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) >= 26
    for path, method, operation in operations:
        assert operation["security"] == [{"Token": []}, {"Session": []}], (path, method)


def test_page_loads_nothing_from_elsewhere() -> None:
    client = Client()
    page = client.get("/api/v1/docs")
    html = page.content.decode()
    assets = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(assets) >= 4
    for asset in assets:
        assert asset.startswith("/static/"), asset
        assert client.get(asset).status_code == 200, asset
    assert '"validatorUrl": null' in html
    policy = page["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in html


def test_page_lets_a_session_try_what_changes_something() -> None:
    assert 'data-api-csrf="true"' in Client().get("/api/v1/docs").content.decode()
