"""Sizes in the tokens of the embedding model, so that a passage never outgrows it."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from tokenizers import Tokenizer


def count_tokens(text: str) -> int:
    """Word pieces of `text`, without the special tokens around it."""
    path = Path(settings.MODELS_DIR) / "all-minilm-l6-v2" / "tokenizer.json"
    return len(_tokenizer(path).encode(text, add_special_tokens=False))


@cache
def _tokenizer(path: Path) -> Tokenizer:
    if not path.exists():
        raise ImproperlyConfigured(f"{path} is missing. Run `make setup`.")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
