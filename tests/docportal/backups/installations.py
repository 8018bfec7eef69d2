"""Installations of their own: a home and, where the tests run on one, a PostgreSQL database."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[3]
SETUP = "import django; django.setup()\n"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    """Everything is done in it by processes, as its people do it."""

    home: Path
    common: Mapping[str, str]
    like: "Installation | None" = None
    """One that it is a copy of, in which no process runs."""
    database_url: str = ""
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        own = {"DOCPORTAL_HOME": str(self.home), "CELERY_BROKER_URL": "filesystem://"}
        if self.like:
            shutil.copytree(self.like.home, self.home, symlinks=True, dirs_exist_ok=True)
        if on_postgres():
            name = f"installation_{uuid.uuid4().hex[:8]}"
            self.database_url = urlsplit(os.environ["DATABASE_URL"])._replace(path=name).geturl()
            template = f' TEMPLATE "{self.like.database}"' if self.like else ""
            _maintain(f'CREATE DATABASE "{name}"{template}')
            own["DATABASE_URL"] = self.database_url
        settings = {"DJANGO_SETTINGS_MODULE": "docportal.settings"}
        self.environment = {**os.environ, **settings, **self.common, **own}

    @property
    def database(self) -> str:
        """The name of its database in PostgreSQL."""
        return urlsplit(self.database_url).path.lstrip("/")

    def manage(self, *arguments: str | Path) -> Ended:
        return self.ended(self.command(*arguments))

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "manage.py", *map(str, arguments)]

    def run(self, program: str, *arguments: str) -> Ended:
        """Run a piece of Python in it."""
        return self.ended(self.program(program, *arguments))

    def module(self, name: str, *arguments: str | Path) -> Ended:
        return self.ended([sys.executable, "-m", name, *map(str, arguments)])

    def program(self, program: str, *arguments: str) -> list[str]:
        return [sys.executable, "-c", SETUP + textwrap.dedent(program), *arguments]

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.program(program, *arguments),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ended(self, command: list[str]) -> Ended:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments: str | Path) -> Ended:
        """A command that has to work."""
        ended = self.manage(*arguments)
        assert ended.code == 0, ended.err
        return ended

    def problems(self) -> Any:
        return self.manage("check_integrity", "--json").json["problems"]

    def destroy(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        if self.database_url:
            _maintain(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')


def on_postgres() -> bool:
    return bool(os.environ.get("DATABASE_URL"))


def _maintain(statement: str) -> None:
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
