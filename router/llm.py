"""The chat model that answers, as LangChain's interface, and its one way to fail."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings

from router.serving import llm_url

if TYPE_CHECKING:
    from langchain_core.outputs import ChatGenerationChunk
    from langchain_openai import ChatOpenAI


class ModelUnavailable(RuntimeError):
    """The model server refused, took too long, failed, or broke off in the middle.

    `brief` says so in no words of the server, which may repeat the prompt.
    """

    def __init__(self, message: str, *, brief: str = "") -> None:
        super().__init__(message)
        self.brief = brief or message


# What LangChain raises for bytes that are no text, for text that is no JSON, and for JSON of
# another form than the protocol's.
_GARBAGE = (ValueError, TypeError, LookupError, AttributeError)


class ModelUnknown(ModelUnavailable):
    """The model server is well, but has no model of that name."""


def chat_model(**overrides: Any) -> ChatOpenAI:
    """The model that the settings name: deterministic, with token counts while it streams.

    `overrides` are parameters of `ChatOpenAI`, such as `max_tokens`; with `base_url` and `model`
    it is another one. Closing a stream closes the connection, which stops the server's work.
    Raises `ModelUnavailable` when no server runs.
    """
    url = overrides.get("base_url") or llm_url()
    if url is None:
        raise ModelUnavailable("No model server runs.")
    # LangChain takes over a second to import, which a process that only searches does not need.
    from langchain_openai import ChatOpenAI

    parameters: dict[str, Any] = {
        "base_url": url,
        "model": settings.LLM_MODEL,
        "api_key": settings.LLM_API_KEY,
        "temperature": 0,
        "timeout": settings.LLM_TIMEOUT,
        "max_retries": 0,
        "stream_usage": True,
    }
    return ChatOpenAI(**(parameters | overrides))


def pieces(
    model: ChatOpenAI, messages: Sequence[dict[str, str]]
) -> AsyncIterator[ChatGenerationChunk]:
    """What the model writes, piece by piece, each with what the server tells beside it.

    The public `astream` keeps every piece until the last one has come, for callbacks that nobody
    has here.
    """
    from langchain_core.messages import convert_to_messages

    return model._astream(convert_to_messages(messages))  # noqa: SLF001


@contextlib.contextmanager
def model_errors() -> Iterator[None]:
    """Turn whatever a call to `chat_model()` raises for the server's sake into `ModelUnavailable`.

    Use it around the call or around the whole loop over a stream.
    """
    import httpx
    from openai import APIStatusError, NotFoundError, OpenAIError

    try:
        yield
    except NotFoundError as error:
        raise ModelUnknown(str(error), brief="It does not know the model (404).") from error
    except APIStatusError as error:
        brief = f"It answered with status {error.status_code}."
        raise ModelUnavailable(str(error), brief=brief) from error
    except (OpenAIError, httpx.HTTPError) as error:
        brief = f"No answer came through ({type(error).__name__})."
        raise ModelUnavailable(str(error), brief=brief) from error
    except _GARBAGE as error:
        brief = f"It sent something else than an answer ({type(error).__name__})."
        raise ModelUnavailable(f"{brief} {error}", brief=brief) from error
