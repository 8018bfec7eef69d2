"""What can be wrong with a file or a request, told so that its sender can mend it.

Two families: a `UserError` is expected, has a stable id and says what to do; it is shown and
counted, never logged as a failure. Everything else is ours: logged with its trace.
"""


class UserError(Exception):
    """Something that the person who asked can put right.

    `id` is stable and machine-readable; `str(error)` is one plain sentence or two that say what
    is wrong and what to do.
    """

    def __init__(self, id: str, message: str) -> None:
        super().__init__(message)
        self.id = id


class ParseError(UserError):
    """A file that cannot become text. Ids: `empty`, `encrypted`, `damaged`, `scanned`,
    `wrong-type`, `too-large`, `too-deep`, `bomb`, `no-text`, `too-slow`, `too-much-memory`."""


class UploadError(UserError):
    """A request to keep a file that is refused before anything is stored."""
