"""The embedded broker: kombu's transport of files, in which no reader meets a half-written one.

kombu opens a message under its name and then writes it, so a worker that looks in between takes an
empty message and ends. It makes and shortens the tables of queues in place as well. Here whatever
is read was written under another name before.
"""

import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from filelock import FileLock
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.transport.filesystem import exchange_queue_t
from kombu.utils.json import dumps

Table = list[exchange_queue_t]


class Channel(filesystem.Channel):
    # kombu's two base classes name what is put in two ways.
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        _write(Path(self.data_folder_out) / name, dumps(payload))

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str
    ) -> None:
        bound = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change(exchange, lambda table: table if bound in table else [bound, *table])

    def _delete(
        self, queue: str, exchange: str, routing_key: str, pattern: str, *args: Any, **kwargs: Any
    ) -> None:
        # Past kombu's own, which changes the table in place.
        super(filesystem.Channel, self)._delete(
            queue, exchange, routing_key, pattern, *args, **kwargs
        )
        gone = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change(exchange, lambda table: [one for one in table if one != gone])

    def _change(self, exchange: str, change: Callable[[Table], Table]) -> None:
        file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]  # Not in its stubs.
        with FileLock(f"{file}.lock"):
            before = self.get_table(exchange)
            after = change(before)
            if after != before:
                _write(file, dumps(after))


def _write(file: Path, text: str) -> None:
    # No reader looks for such a name.
    draft = file.with_name(f".{uuid.uuid4()}.new")
    draft.write_text(text)
    draft.replace(file)


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """Have `filesystem://` mean this one."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
