"""What a service of the compose files is told, said for this machine instead of a container.

Folders, hosts and ports of containers become those of a test; nothing else is changed.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.deployment import images
from tests.deployment.compose import Node
from tests.ports import LOOPBACK

# Of the embedded model server, which listens where it is told to, and stands in for vLLM.
MODELS = "127.0.0.2"
_MODELS = re.compile(r"(?<=//)vllm(?=:)|\b127\.0\.0\.1(?=:8001\b)|\b(?:llm|tuned)-server\b")
_HOSTS = re.compile(r"(?<=//)embeddings(?=:)|\b0\.0\.0\.0\b")
# A service tells that it is well only when it is asked.
_BETWEEN_CHECKS = 0.5


@dataclass(frozen=True, slots=True)
class Machine:
    """`folders` by their paths in a container, `ports` by their numbers there."""

    app: Path
    folders: Mapping[str, Path]
    ports: Mapping[str, int]
    logs: Path

    def translated(self, text: str) -> str:
        text = _HOSTS.sub(LOOPBACK, _MODELS.sub(MODELS, text))
        text = re.sub(r"\b\d{4}\b", lambda port: str(self.ports.get(port[0], port[0])), text)
        # The longest first, as a folder may lie in another.
        inside = "|".join(sorted(self.folders, key=len, reverse=True))
        return re.sub(rf"(?<![\w/.])(?:{inside})\b", lambda path: str(self.folders[path[0]]), text)

    def environment(self, service: Node, stage: str) -> dict[str, str]:
        """What the image sets, what the service is given, and where programs lie here."""
        given = images.variables(stage) | service.get("environment", {})
        environment = {name: self.translated(str(value)) for name, value in given.items()}
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return environment | {"PATH": programs, "HOSTNAME": socket.gethostname()}


@dataclass(slots=True)
class Service:
    """One service of the compose files, run as a process of this machine."""

    name: str
    node: Node
    stage: str
    machine: Machine
    process: psutil.Popen | None = field(default=None)

    def run(self) -> str:
        """One that ends by itself, to its end: what it said."""
        done = subprocess.run(
            self._words("command"),
            capture_output=True,
            text=True,
            cwd=self.machine.app,
            env=self._environment(),
        )
        assert done.returncode == 0, f"{self.name}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def manage(self, *arguments: str) -> str:
        """A command of the product, as by `docker compose exec`."""
        command = ["python", "manage.py", *arguments]
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=self.machine.app,
            env=self._environment(),
        ).stdout

    def start(self) -> None:
        with (self.machine.logs / f"{self.name}.log").open("ab") as log:
            self.process = psutil.Popen(
                self._words("command"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.machine.app,
                env=self._environment(),
            )

    def is_healthy(self) -> bool:
        kind, *words = self.node["healthcheck"]["test"]
        command = words if kind == "CMD" else ["sh", "-c", *words]
        checked = subprocess.run(
            [self.machine.translated(word) for word in command],
            capture_output=True,
            cwd=self.machine.app,
            env=self._environment(),
        )
        return checked.returncode == 0

    def becomes_healthy(self) -> None:
        """A process that has ended never will."""
        assert self.process is not None
        while not self.is_healthy():
            with contextlib.suppress(psutil.TimeoutExpired):
                code = self.process.wait(_BETWEEN_CHECKS)
                raise AssertionError(f"{self.name} ended with {code}: {self.log()}")

    def stop(self) -> int | None:
        """As a container is stopped: asked, and killed once its time is over; how it ended."""
        if self.process is None:
            return None
        children = self.process.children(recursive=True)
        self.process.terminate()
        try:
            return int(self.process.wait(float(self.node["stop_grace_period"].removesuffix("s"))))
        finally:
            for one in (self.process, *children):
                if one.is_running():
                    one.kill()
            self.process = None

    def log(self) -> str:
        return (self.machine.logs / f"{self.name}.log").read_text(errors="replace")[-4000:]

    def _words(self, key: str) -> list[str]:
        return [self.machine.translated(word) for word in self.node[key]]

    def _environment(self) -> dict[str, str]:
        return self.machine.environment(self.node, self.stage)


@contextmanager
def stopped_at_the_end(*services: Service) -> Iterator[None]:
    try:
        yield
    finally:
        for service in services:
            if service.process is not None:
                service.process.kill()
            service.stop()


def step(machine: Machine, instruction: str, stage: str) -> None:
    """Do what a RUN of the recipe does, in the folder of the code."""
    environment = machine.environment({}, stage)
    command = ["sh", "-c", machine.translated(instruction)]
    subprocess.run(command, cwd=machine.app, env=environment, check=True, capture_output=True)
