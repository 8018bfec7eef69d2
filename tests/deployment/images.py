"""What `images/Dockerfile` puts into the images: files, variables and steps."""

import fnmatch
import re
import shlex
import shutil
from pathlib import Path

from tests.deployment.compose import ROOT

RECIPE = ROOT / "images" / "Dockerfile"
LOCKS = ("web", "models", "trainer")
_STEP = re.compile(r"^(?P<word>[A-Z]+) (?P<rest>.+)$")


def steps(word: str, stage: str = "") -> list[str]:
    """The instructions of one kind, of one stage or of all, each as one line."""
    text = RECIPE.read_text(encoding="utf-8").replace("\\\n", " ")
    found, current = [], ""
    for line in text.splitlines():
        step = _STEP.match(line)
        if step is None:
            continue
        if step["word"] == "FROM":
            current = step["rest"].rpartition(" AS ")[2]
        if step["word"] == word and stage in ("", current):
            found.append(" ".join(step["rest"].split()))
    return found


def stages() -> dict[str, str]:
    """Of each stage, what it begins with."""
    return {rest.rpartition(" AS ")[2]: rest.split(" ")[0] for rest in steps("FROM")}


def variables(stage: str) -> dict[str, str]:
    """What the image of this stage sets, with what it builds upon."""
    there = stages()
    below = variables(there[stage]) if there.get(stage) in there else {}
    words = [word for step in steps("ENV", stage) for word in shlex.split(step)]
    return below | dict(word.split("=", 1) for word in words)


def copied() -> list[tuple[str, str]]:
    """What comes out of the checkout: each source, and where it lies under the working folder."""
    found = []
    for step in steps("COPY"):
        *sources, place = [word for word in step.split() if not word.startswith("--")]
        if "--from=" not in step:
            found += [(source, place) for source in sources]
    return found


def is_sent(path: str) -> bool:
    """Whether `.dockerignore` lets this file of the checkout through."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        forms = {pattern, f"{pattern}/*", pattern.removeprefix("**/")}
        if any(fnmatch.fnmatch(path, form) for form in forms):
            sent = line.startswith("!")
    return sent


def lay_out(app: Path) -> None:
    """Lay the files that the recipe copies into `app`, as they lie in `/app` of an image."""
    for source, place in copied():
        if source.startswith("images/"):
            continue
        if (ROOT / source).is_dir():
            shutil.copytree(
                ROOT / source, app / place, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / source, app / place)


def locked(lock: str) -> dict[str, str]:
    """The release of each package, by its normal name."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, flags=re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): release for name, release in found}
