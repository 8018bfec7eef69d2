"""Real git repositories, made commit by commit with the program itself."""

import os
import shutil
import subprocess
from pathlib import Path

AUTHOR = "Jane Doe"
IDENTITY = {
    "GIT_AUTHOR_NAME": AUTHOR,
    "GIT_AUTHOR_EMAIL": "jane@example.com",
    "GIT_COMMITTER_NAME": "The Server",
    "GIT_COMMITTER_EMAIL": "server@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class Repository:
    """With a working tree at `path`, on the branch `main`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=os.environ | IDENTITY | environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, content: str | bytes) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str, author: str = AUTHOR, at: str = "2026-03-01T10:00:00Z") -> str:
        """All that is in the working tree; returns the commit's id."""
        self.git("add", "--all")
        self.git(
            *("commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", message),
            GIT_AUTHOR_NAME=author,
            GIT_AUTHOR_DATE=at,
        )
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


def guide(name: str, *lines: str) -> str:
    """A text long enough for git to see that it is the same after an edit."""
    body = "\n\n".join(lines or (f"The {name} is open from 8 to 18.",))
    rules = "\n".join(f"* Rule {number} of the {name} holds." for number in range(20))
    return f"# The {name}\n\n{body}\n\n{rules}\n"


def instead(folder: Path, step: str, does: str) -> Path:
    """A folder of programs with a git that does something else at a step, such as `fetch`."""
    programs = folder / f"at-{step}"
    programs.mkdir()
    program, real = programs / "git", shutil.which("git")
    step_is_met = f'case " $* " in *" {step} "*) {does} ;; esac'
    program.write_text(f'#!/bin/sh\n{step_is_met}\nexec {real} "$@"\n')
    program.chmod(0o755)
    return programs
