"""What every response says to a browser, and that production settings leave nothing to complain."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from tests.people import People, logged_in

pytestmark = pytest.mark.django_db

PAGES = ("/", "/docs/", "/accounts/tokens/", "/no/such/page", "/api/v1/docs", "/insights/")
OTHERS = (
    "/api/v1/documents",
    "/healthz",
    "/v1/models",
    "/static/docportal.css",
    "/static/icon.svg",
)
PRODUCTION = {
    "HTTPS": "true",
    "TRUSTED_PROXIES": "1",
    "ALLOWED_HOSTS": "docs.example.com",
    "SECRET_KEY": "a key that has more than 50 letters and comes from no default of any kind",
    "DATABASE_URL": "postgres://docportal@db.example.com/docportal",
    "CELERY_BROKER_URL": "redis://redis.example.com:6379/0",
    "LLM_URL": "http://vllm.example.com:8000/v1",
}


@pytest.fixture
def client(people: People) -> Client:
    return logged_in(people.admin)


@pytest.mark.parametrize("address", [*PAGES, *OTHERS])
def test_every_response_is_closed_to_other_sites(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code in (200, 401, 404)
    policy = dict(
        part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["form-action"] == policy["connect-src"] == "'self'"
    assert not re.search(r"unsafe|\*|https?:", response["Content-Security-Policy"])
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("address", ["/?q=ferry", "/docs/?text=ferry"])
def test_fragment_is_kept_by_no_browser_in_place_of_the_page(client: Client, address: str) -> None:
    """Both have one address, to which one may come back."""
    fragment = client.get(address, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    assert fragment["Cache-Control"] == "no-store"
    page = client.get(address)
    assert "<html" in page.content.decode()
    assert "Cache-Control" not in page


def test_templates_hold_no_script_style_or_handler_of_their_own() -> None:
    for path in (Path(django_settings.BASE_DIR) / "templates").rglob("*.html"):
        if path.name == "benchmark_report.html":
            continue  # a file to be sent around, which is shown by no page
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", text), path.name


def test_cookies_are_kept_from_scripts_and_other_sites(people: People, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    client = Client()
    client.get("/accounts/login/")
    client.force_login(people.engineer)
    client.get("/")
    client.post("/theme/", {"theme": "dark"})
    for name in ("csrftoken", "theme"):
        cookie = client.cookies[name]
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"


def checked(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    given = inherited | PRODUCTION | {"DOCPORTAL_HOME": str(tmp_path)} | environment
    return subprocess.run(
        command,
        cwd=django_settings.BASE_DIR,
        env=given,
        check=False,
        capture_output=True,
        text=True,
    )


def test_production_settings_leave_nothing_to_complain(tmp_path: Path) -> None:
    done = checked(tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_proxy_that_is_not_counted_is_told(tmp_path: Path) -> None:
    done = checked(tmp_path, TRUSTED_PROXIES="0")
    assert done.returncode == 1
    assert "docportal.W002" in done.stderr


def test_https_makes_cookies_secure_for_a_year(tmp_path: Path) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
    code = f"from docportal import settings; print(*(getattr(settings, n) for n in {names}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=django_settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **PRODUCTION, "DOCPORTAL_HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["True", "True", "31536000"]
