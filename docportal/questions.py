"""What `search` and `ask` share: who asks, the lines of a batch, and the servers they need."""

import contextlib
import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from docportal.models import User
from router.processes import ServerFailed
from router.serving import embedded_servers


@dataclass(frozen=True, slots=True)
class Line:
    """A question of a batch, with the `id` that its writer gave it, or what is wrong with it.

    `number` counts the lines of the file from 1; 0 is a question that stands alone.
    """

    number: int
    id: Any = None
    query: str = ""
    error: str = ""

    @property
    def named(self) -> dict[str, Any]:
        """What a result begins with, so that its question is known again."""
        return {"id": self.id} if self.number else {}

    def failure(self, error: str) -> dict[str, Any]:
        """What is printed instead of a result."""
        where = {"line": self.number} if self.number else {}
        return self.named | {"query": self.query, "error": error} | where


def add_question_arguments(parser: ArgumentParser) -> None:
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("text", nargs="?", metavar="TEXT")
    asked.add_argument(
        "--batch", type=Path, metavar="FILE.jsonl", help='Lines {"id": …, "query": …}.'
    )
    parser.add_argument("--user", metavar="NAME", help="Whose rights. Default: in no group.")
    parser.add_argument("--json", action="store_true")


def user_named(name: str | None) -> User | None:
    """The account whose rights a command reads with; wrong use if there is none of that name, or
    if it is closed."""
    if name is None:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(
            f"There is no user {name!r}. Create one with `createuser`, or leave --user out.",
            returncode=2,
        )
    if not user.is_active:
        raise CommandError(
            f"The account {name!r} is closed. Open it with `createuser`, or leave --user out.",
            returncode=2,
        )
    return user


def read_batch(path: Path) -> list[Line]:
    """The lines of a file, blank ones left out, in order."""
    try:
        content = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", returncode=2) from error
    lines = enumerate(content.split("\n"), start=1)
    return [_line(number, text) for number, text in lines if text.strip()]


def _line(number: int, text: str) -> Line:
    try:
        given = json.loads(text)
        # Half of a surrogate pair, which JSON can escape, could not be printed again.
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return Line(number, error=f"Not JSON: {error}.")
    if not isinstance(given, dict):
        return Line(number, error='Not an object. Write {"id": …, "query": …}.')
    query = given.get("query")
    if not isinstance(query, str):
        return Line(number, id=given.get("id"), error='"query" is not a text.')
    return Line(number, id=given.get("id"), query=query)


@contextlib.contextmanager
def servers_at_hand(
    *, llm: bool = False, tuned: Sequence[str] = (), say: Callable[[str], Any]
) -> Iterator[None]:
    """The model servers, started if none answers; a command goes on without one that cannot be.

    `tuned` are names of model versions.
    """

    def go_on(error: ServerFailed) -> None:
        say(f"Going on without a model server: {error}")

    with embedded_servers(llm=llm, embeddings=True, tuned=tuned, failed=go_on):
        yield
