"""The people of a load, as locust runs them: they log in and use the portal as a browser does.

Read by locust in a process of its own (`benchmarks.swarm`), since gevent replaces sockets and
threads in all of a process. Each comes from an address of its own, as behind a proxy.
"""

import itertools
import random
import re
import time
from typing import Any

from locust import FastHttpUser, between, constant, constant_pacing, task

from benchmarks.web import PASSWORD

# None of them is the one whose answer `benchmarks.mixed_load` holds open.
QUESTIONS = (
    "When is a hold dropped?",
    "Who may approve a refund?",
    "Which environments are there?",
    "What do I do when a gate is offline?",
    "How long are bookings kept before they are deleted?",
    "What happened at midsummer?",
    "How do I deploy a service?",
    "Which port does the shop listen on?",
)
SEARCHES = (
    "hold kept",
    "gate offline",
    "refund rebooking",
    "on-call",
    "deploy rollback",
    "sailings",
)
DOCUMENT = re.compile(r'href="(/docs/[\w-]+-[\w-]+/)"')
PUSHED = "HX-Push-Url"
UPLOAD_SECONDS = 10.0
UPLOADED = 12
# What somebody waits who was turned away, though told to wait longer.
AGAIN_SECONDS = 1.0
ANSWERED_SECONDS = 120.0

_numbers = itertools.count()


class Person(FastHttpUser):
    abstract = True
    role = "reader"
    network_timeout = ANSWERED_SECONDS

    def __init__(self, environment: Any) -> None:
        self.number = next(_numbers)
        self.random = random.Random(self.number)
        self.default_headers = {"X-Forwarded-For": f"10.0.{self.number // 250}.{self.number % 250}"}
        super().__init__(environment)

    def on_start(self) -> None:
        self.page("/accounts/login/", "login page")
        name = "writer" if self.role == "writer" else f"reader-{self.number}"
        form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": self.token}
        self.client.post("/accounts/login/", data=form, name="login")
        if "sessionid" not in self.cookies:
            raise RuntimeError(f"{name} could not log in.")

    @property
    def cookies(self) -> dict[str, str | None]:
        return {cookie.name: cookie.value for cookie in self.client.cookiejar}

    @property
    def token(self) -> str:
        return self.cookies["csrftoken"] or ""

    def page(self, address: str, name: str) -> str:
        return self.client.get(address, name=name).text or ""

    def ask(self, question: str) -> bool:
        """Ask as the page does and read the answer to its end; whether one was let in."""
        started = time.time()
        headers = {"HX-Request": "true", "X-CSRFToken": self.token}
        with self.client.post(
            "/ask/", data={"q": question}, headers=headers, name="ask", catch_response=True
        ) as reply:
            if reply.status_code == 429:
                reply.request_meta["name"] = "turned away"
                reply.success()
                return False
        address = f"{(reply.headers or {}).get(PUSHED, '')}stream/"
        with self.client.get(address, name="stream", catch_response=True) as stream:
            if stream.status_code == 200 and "event: finished" not in (stream.text or ""):
                stream.failure("The answer was broken off.")
                return True
        self.environment.events.request.fire(
            request_type="ASK",
            name="answer",
            response_time=(time.time() - started) * 1000,
            response_length=0,
            exception=None,
            context={},
        )
        return True


class Reader(Person):
    """Searches, reads, and asks now and then: a page or a question every two seconds."""

    wait_time = between(1, 3)
    documents: list[str] = []

    @task(4)
    def search(self) -> None:
        self.page(f"/?q={self.random.choice(SEARCHES).replace(' ', '+')}", "page: search")

    @task(3)
    def library(self) -> None:
        self.documents = DOCUMENT.findall(self.page("/docs/", "page: library")) or self.documents

    @task(3)
    def document(self) -> None:
        if not self.documents:
            self.library()
        elif self.documents:
            self.page(self.random.choice(self.documents), "page: document")

    @task(1)
    def question(self) -> None:
        self.ask(self.random.choice(QUESTIONS))


class Writer(Person):
    """Uploads the next version of one of a dozen documents every ten seconds."""

    role = "writer"
    fixed_count = 1
    wait_time = constant_pacing(UPLOAD_SECONDS)
    uploaded = 0

    @task
    def upload(self) -> None:
        self.uploaded += 1
        number = self.uploaded % UPLOADED
        text = f"# Quay {number}\n\nQuay {number} takes {self.uploaded} ships a day.\n"
        self.client.post(
            "/docs/upload/",
            data={"collection": "bench", "csrfmiddlewaretoken": self.token},
            files={"uploads": (f"quay-{number}.md", text.encode(), "text/markdown")},
            name="upload",
        )


class Asker(Person):
    """Asks, and asks the next as soon as it is answered or turned away."""

    wait_time = constant(0)

    @task
    def question(self) -> None:
        if not self.ask(self.random.choice(QUESTIONS)):
            time.sleep(AGAIN_SECONDS)
