"""The vocabulary of the embedding model: sizes in its tokens, so that no passage outgrows it, and
whether it knows a word."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from tokenizers import Tokenizer


def count_tokens(text: str) -> int:
    """Word pieces of `text`, without the special tokens around it."""
    return len(_tokenizer(_path()).encode(text, add_special_tokens=False))


def is_everyday_word(word: str) -> bool:
    """Whether the model, which has 30,000 of the commonest words, needs no pieces for it."""
    return _tokenizer(_path()).token_to_id(word.lower()) is not None


def _path() -> Path:
    return Path(settings.MODELS_DIR) / "all-minilm-l6-v2" / "tokenizer.json"


@cache
def _tokenizer(path: Path) -> Tokenizer:
    if not path.exists():
        raise ImproperlyConfigured(f"{path} is missing. Run `make setup`.")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
