"""The environment, in which a value may instead stand in a file, as secrets of containers do."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


class ValuesOrFiles(Mapping[str, str]):
    """`X` of an environment, or what stands in the file that its `X_FILE` names.

    For an `environ.Env` with `escape_proxy`. Raises `ImproperlyConfigured` when both are set, and
    when the file is not one line. Empty is the same as not set, as deployment files write it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        file = self._environment.get(f"{name}_FILE")
        if not file:
            return self._environment[name]
        if self._environment.get(name):
            raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Unset one of them.")
        return _value(name, Path(file))

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def _value(name: str, file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}_FILE is {str(file)!r}, which cannot be read ({error}). Name a text file that "
            f"this process may read, or unset {name}_FILE."
        ) from error
    if len(lines) != 1 or not lines[0].strip():
        raise ImproperlyConfigured(
            f"{name}_FILE is {str(file)!r}, which does not hold one line. Write the value of "
            f"{name} into it and nothing else."
        )
    # As it stands: `env` takes a value that begins with $ for the name of another variable.
    return lines[0].replace("$", r"\$")
