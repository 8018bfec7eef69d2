"""The program `git`, run so that no repository and no server can have it do anything else."""

import contextlib
import logging
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

from ingestion.commits import plain
from ingestion.errors import UserError

logger = logging.getLogger(__name__)

SECONDS = 600
_KEPT = ("PATH", "TMPDIR", "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
_ALWAYS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.askPass="),
    *("-c", "http.followRedirects=false", "-c", "transfer.bundleURI=false"),
    *("-c", "fetch.recurseSubmodules=false", "-c", "gc.auto=2000", "-c", "core.quotePath=false"),
)
_OF_THE_MIRROR = re.compile(r"\.lock': File exists|shallow file has changed|bad object|corrupt")
_NO_PATH = re.compile(r"Not a valid object name|not a tree object|does not exist in")
_REASONS = (
    (r"couldn't find remote ref", "There is no branch {branch}in the repository."),
    (
        r"Authentication failed|could not read (Username|Password)|Permission denied|error: 40[13]",
        "The server does not let the portal in. An admin of the machine looks at the credentials.",
    ),
    (
        r"Could not resolve|Failed to connect|timed out|Connection (refused|reset)|unable to access"
        r"|Host key verification failed|Network is unreachable",
        "The server of the repository does not answer, or cannot be trusted.",
    ),
    (
        r"not appear to be a git repository|not found|does not exist",
        "There is no git repository at this place.",
    ),
)


class GitFailed(Exception):
    """What git said on standard error, which names no secret: addresses have none."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(plain(said, 2000))
        self.code = code
        self.is_of_the_mirror = bool(_OF_THE_MIRROR.search(said))
        self.names_no_path = bool(_NO_PATH.search(said))

    def told(self, branch: str) -> UserError:
        """In words for whoever looks after the source."""
        said = str(self)
        for pattern, reason in _REASONS:
            if re.search(pattern, said):
                return UserError("git", reason.format(branch=f"{branch} " if branch else ""))
        logger.warning("git failed: %s", said)
        return UserError("git", "git could not read the repository; the worker's log says why.")


class GitStopped(UserError):
    """It was killed, which says nothing of the repository: who stops a worker may stop its group,
    and the kernel ends what takes too much memory."""

    def __init__(self) -> None:
        super().__init__("git-stopped", "git was ended before it was done; the next sync goes on.")


def run_git(
    arguments: Sequence[str],
    config: Path,
    mirror: Path | None = None,
    *,
    protocol: str = "none",
    into: BinaryIO | None = None,
) -> bytes:
    """Standard output, unless it goes `into` a file. `protocol` is the only one that may be used.

    Raises `GitFailed`, `GitStopped`, and `UserError` when git is not installed or takes too long.
    """
    at = [f"--git-dir={mirror}"] if mirror else []
    try:
        process = subprocess.Popen(
            ["git", "--no-replace-objects", "--literal-pathspecs", *at, *_ALWAYS, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(config, protocol),
            cwd=config.parent,
        )
    except FileNotFoundError:
        raise UserError(
            "no-git", "The program git is not installed on the worker's machine. Install it."
        ) from None
    said, error = _ended(process)
    if process.returncode < 0:
        raise GitStopped
    if process.returncode:
        raise GitFailed(error.decode("utf-8", "replace"), process.returncode)
    return said or b""


def _ended(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    try:
        return process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(
            "git-slow", f"The repository did not come within {SECONDS // 60} minutes."
        ) from None
    finally:
        if process.poll() is None:
            # Its helpers hold its pipes open.
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()
            process.communicate()


def _environment(config: Path, protocol: str) -> dict[str, str]:
    """None of the settings, secrets and programs that this process has."""
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "en",
        "HOME": str(config.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
