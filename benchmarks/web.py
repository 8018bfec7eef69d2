"""The web process: how soon it answers, how many readers it carries, and what memory it takes."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.home import fresh_home
from benchmarks.tables import Row, print_table

READERS, REQUESTS_EACH = 20, 30
ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ROOT / "demo" / "documents" / "v1" / "handbook"
PASSWORD = "a benchmark's password"
PARTS = {"web": "uvicorn", "worker": "celery", "embeddings": "embedding_server", "llm": "serve"}


@contextmanager
def running(port: int, **settings: str) -> Iterator[psutil.Process]:
    """The whole product on `port`, as `make dev` runs it; with other settings, if given."""
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port)]
    process = subprocess.Popen(
        command,
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", process)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=10).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError("The product did not get ready; see the logs of its home.")


def first_response_seconds(port: int) -> float:
    """From the start of a web process to its first page."""
    listen = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "critical"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "docportal.asgi:application", *listen], cwd=ROOT
    )
    try:
        wait_until_answering(f"http://127.0.0.1:{port}/accounts/login/")
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def wait_until_answering(url: str) -> None:
    while True:
        try:
            httpx.get(url, timeout=10).raise_for_status()
        except httpx.ConnectError:
            time.sleep(0.005)
        else:
            return


def signed_in(base: str, name: str = "reader") -> httpx.Client:
    client = httpx.Client(base_url=base, timeout=30, follow_redirects=True)
    client.get("/accounts/login/")
    form = {
        "login": name,
        "password": PASSWORD,
        "csrfmiddlewaretoken": client.cookies["csrftoken"],
    }
    reply = client.post("/accounts/login/", data=form, headers={"Referer": base})
    if "sessionid" not in client.cookies:
        raise RuntimeError(f"The sign-in failed: {reply.status_code}")
    return client


def read_pages(
    base: str, pages: list[str], cookies: httpx.Cookies, requests: int = REQUESTS_EACH
) -> list[float]:
    seconds = []
    with httpx.Client(base_url=base, cookies=cookies, timeout=30) as client:
        for number in range(requests):
            started = time.perf_counter()
            client.get(pages[number % len(pages)]).raise_for_status()
            seconds.append(time.perf_counter() - started)
    return seconds


def load(base: str, pages: list[str], cookies: httpx.Cookies) -> tuple[float, float]:
    """Pages a second and the 95th percentile in ms, with `READERS` at once."""
    started = time.perf_counter()
    with ThreadPoolExecutor(READERS) as pool:
        runs = list(pool.map(lambda _: read_pages(base, pages, cookies), range(READERS)))
    seconds = [one for run in runs for one in run]
    rate = len(seconds) / (time.perf_counter() - started)
    return rate, statistics.quantiles(seconds, n=20)[-1] * 1000


def memory_rows(supervisor: psutil.Process) -> Iterator[Row]:
    for name, word in PARTS.items():
        found = [
            process.memory_info().rss
            for process in supervisor.children(recursive=True)
            if word in " ".join(process.cmdline()) and "model_server" not in process.cmdline()
        ]
        yield Row(f"memory of {name}", f"{sum(found) / 1024**2:.0f} MB")


def document_address() -> str:
    from ingestion.models import Document

    return f"/docs/{Document.objects.order_by('pk')[0].slug}/"


def rows(port: int) -> Iterator[Row]:
    from django.core.management import call_command

    name = ["reader", "--role", "engineer", "--password", PASSWORD]
    call_command("createuser", *name, stdout=sys.stderr)
    call_command("ingest", DOCUMENTS, collection="bench", stdout=sys.stderr)
    first_response_seconds(port)  # Compiles and reads the code into the page cache.
    yield Row("start to first page", f"{first_response_seconds(port):.2f} s", aim="≤ 1.5 s")
    base = f"http://127.0.0.1:{port}"
    with running(port) as supervisor:
        cookies = signed_in(base).cookies
        bare_rate, bare_p95 = load(base, ["/healthz"], cookies)
        for what, page in {
            "library": "/docs/",
            "document": document_address(),
            "search": "/?q=how+long+is+a+hold+kept",
        }.items():
            rate, p95 = load(base, [page], cookies)
            yield Row(
                f"{what}, {READERS} readers",
                f"{rate:.0f} pages/s, p95 {p95:.0f} ms",
                f"{bare_rate:.0f}/s, {bare_p95:.0f} ms (/healthz)",
                f"{rate / bare_rate:.2f}",
            )
        yield from memory_rows(supervisor)


def main() -> None:
    with fresh_home():
        os.environ.pop("DATABASE_URL", None)
        found = list(rows(port=8765))
    print_table("Web", found)


if __name__ == "__main__":
    main()
