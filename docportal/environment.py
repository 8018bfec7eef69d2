"""The environment, in which a value may instead stand in a file, as secrets of containers do."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_WORDS = {
    **dict.fromkeys(("true", "on", "ok", "y", "yes", "1"), True),
    **dict.fromkeys(("false", "off", "n", "no", "0"), False),
}
# As deployment files write it. A list may be empty.
_EMPTY_IS_UNSET = (bool, int, float, str)


class Environment(environ.Env):  # type: ignore[misc]  # It has no types.
    """What the settings are read from. Raises `ImproperlyConfigured` for a value of the wrong form,
    where `environ.Env` takes each word that it does not know for no. Empty is the default; where it
    says something, `get_value` is asked."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        self.ENVIRON, self.escape_proxy = ValuesOrFiles(environment), True

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **more: Any
    ) -> Any:
        has_default = default is not environ.Env.NOTSET
        if has_default and cast in _EMPTY_IS_UNSET and not self.ENVIRON.get(var):
            return default
        try:
            return super().get_value(var, cast=cast, default=default, **more)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is of the wrong form: {error}") from error

    @classmethod
    def parse_value(cls, value: Any, cast: Any) -> Any:
        if cast is bool:
            word = str(value).strip().lower()
            if word not in _WORDS:
                raise ValueError(f"{value!r} is neither true nor false")
            return _WORDS[word]
        if cast is list:
            return [one for one in map(str.strip, value.split(",")) if one]
        return super().parse_value(value, cast)


class ValuesOrFiles(Mapping[str, str]):
    """`X` of an environment, or what stands in the file that its `X_FILE` names.

    For an `Environment`. Raises `ImproperlyConfigured` when both are set, and
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
