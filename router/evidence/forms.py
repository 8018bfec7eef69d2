"""How values are written: durations, paths, names. What a question asks for has one of a few such
forms, whatever it is called (`router.asked_forms`). Pure."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from router.evidence.quantities import MONEY, Kind, Quantity, quantities
from router.evidence.wanted import DURATION
from router.text import fold


class Form(StrEnum):
    """Their order is that of the weights in `router/asked_forms.npz`."""

    DURATION = "duration"
    MOMENT = "moment"
    SHARE = "share"
    MONEY = "money"
    SIZE = "size"
    MEASURE = "measure"
    RATE = "rate"
    COUNT = "count"
    NUMBER = "number"
    VERSION = "version"
    PHONE = "phone"
    PATH = "path"
    URL = "url"
    EMAIL = "email"
    DOTTED = "dotted"
    CHANNEL = "channel"
    IDENTIFIER = "identifier"
    PRODUCT = "product"
    NAME = "name"
    WORDS = "words"


_ENDINGS = (
    "cfg|conf|csv|docx?|env|hcl|html?|ini|jsonl?|log|md|pdf|properties|py|rst|sh|sql|toml|txt|xml"
    "|ya?ml|zip"
)
# Of one word. The first that fits counts.
_TOKENS = {
    Form.CHANNEL: r"#[a-z][\w-]*",
    Form.URL: r"\w+://\S+",
    Form.EMAIL: r"[\w.+-]+@[\w.-]+",
    Form.PATH: (
        rf"(?:~|\.\.?)?/\S*|[a-z]:\\\S*|(?=.*[\d._-])[a-z][\w.-]*(?:/[\w.{{}}-]+)+"
        rf"|[\w-]+\.(?:{_ENDINGS})"
    ),
    Form.VERSION: r"v?\d+(?:\.\d+){2,}[\w-]*|v\d+(?:\.\d+)*|20\d\d\.\d{1,2}",
    Form.DOTTED: r"(?!(?:e\.g|i\.e)$)[a-z][\w-]*(?:\.[\w-]+)+",
    Form.IDENTIFIER: (
        r"--?[a-z][\w-]*|_*[^\W_]+(?:_+[^\W_]+)+_*|(?=.*\d)(?=.*[a-z])(?=.*-)[\w-]+"
        r"|(?-i:[A-Z]+\d[A-Z\d]*|[A-Z]{2,}(?:-[A-Z]{2,})+)"
    ),
}
_TOKEN_FORMS = {form: re.compile(says, re.IGNORECASE) for form, says in _TOKENS.items()}
_WORD = re.compile(r"[^\s,;=()\[\]{}\"'`“”‘’]*[^\s,;=.:!?()\[\]{}\"'`“”‘’]")
_PHONE = re.compile(r"\+?\(?\d[\d ()/-]{6,}\d")
_PRODUCT = re.compile(r"[A-Z][\w.+#-]*(?: [A-Z][\w.+#-]*){0,2} v?\d[\w.]*")
_NAME = re.compile(
    r"(?<=[a-z,;:)] )[A-Z][\w'’&-]*|[A-Z][\w'’&-]*(?: (?:and |of |& )?[A-Z][\w'’&-]*)+"
)
_DAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b")
_BY_DIMENSION = (
    (DURATION, Form.DURATION),
    (frozenset({"%"}), Form.SHARE),
    (frozenset({"size"}), Form.SIZE),
)
# A number of so many digits counts nothing: a port, a year, a code.
_LONG = 4
# Of a value. Longer answers tell how something is done.
_MOST_WORDS = 8


def is_value(answer: str) -> bool:
    """Whether an answer is a value, and no statement with one in it, nor yes or no."""
    own = answer.lower().split()
    return 0 < len(own) <= _MOST_WORDS and own[0].strip(",.") not in ("yes", "no")


def form_of(value: str) -> Form:
    """The form of a value; of several, of the first."""
    bare = value.strip(" \t\n\"'`“”‘’.")
    if form := _of_token(bare):
        return form
    if _PRODUCT.fullmatch(bare):
        return Form.PRODUCT
    form = next(_of_quantities(fold(bare).text), None)
    if form in (None, Form.COUNT, Form.NUMBER) and _PHONE.fullmatch(bare):
        return Form.PHONE
    if form:
        return form
    own = bare.split()
    is_name = 2 * sum(word[:1].isupper() for word in own) >= max(len(own), 1)
    return Form.NAME if is_name else Form.WORDS


@lru_cache(maxsize=20_000)
def forms_in(text: str) -> frozenset[Form]:
    """The forms of all values in a sentence; an answer may always be some of its words."""
    tokens = (form for word in _WORD.findall(text) if (form := _of_token(word)))
    found = {Form.WORDS, *tokens, *_of_quantities(fold(text).text)}
    patterns = ((Form.PHONE, _PHONE), (Form.PRODUCT, _PRODUCT), (Form.NAME, _NAME))
    return frozenset(found.union(form for form, says in patterns if says.search(text)))


def _of_token(word: str) -> Form | None:
    return next((form for form, says in _TOKEN_FORMS.items() if says.fullmatch(word)), None)


def _of_quantities(folded: str) -> Iterator[Form]:
    """Of each quantity, from left to right, and of the days of the week."""
    yield from (_of_quantity(one) for one in quantities(folded))
    if _DAY.search(folded):
        yield Form.MOMENT


def _of_quantity(quantity: Quantity) -> Form:
    if quantity.kind is not Kind.NUMBER:
        return Form.MOMENT
    dimensions = {unit.dimension for unit in quantity.units}
    if dimensions & MONEY:
        return Form.MONEY
    if quantity.per:
        return Form.RATE
    if dimensions:
        known = (form for own, form in _BY_DIMENSION if dimensions & own)
        return next(known, Form.MEASURE)
    is_code = len(quantity.value) >= _LONG and quantity.value.isdigit()
    return Form.NUMBER if is_code else Form.COUNT
