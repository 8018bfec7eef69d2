"""Which kind of value a question asks for, where its wording leaves no doubt. Pure."""

import re

from router.evidence.kinds import DEGREES, KINDS, LONG_TIMES, ROLES, quantity
from router.evidence.quantities import UNITS
from router.evidence.wanted import BARE, DURATION, Wanted
from router.text import stem

# A deputy is another than the one of whom the document tells without that word.
_DEPUTIES = "acting|assistant|deputy|former|interim|previous|vice"
_OTHER_POST = re.compile(rf"(?:^who(?:'s| is)|\bname of) the (?P<of>{_DEPUTIES})\b")
# A technical lead is no product manager, but may be called the technical manager; the current one
# is any.
_ANY_POST = "actual|current|main|named|new|overall|present|responsible"
_POST = re.compile(
    rf"(?:^who(?:'s| is)|\bname of) the (?!(?:{_ANY_POST}) )(?P<of>[\w-]+) (?P<post>{ROLES})\b"
)
_WORDINGS = [(re.compile(wording), wanted) for wording, wanted in KINDS]
# `When dough leaves the bowl, how warm is it?` asks for no time.
_ASIDE = re.compile(
    r"^(?:after|as|before|for|if|in|on|once|since|to|when|whenever|while|with)\b[^,?]*,"
    r" (?=(?:how|what|which|who|whom|whose|where|when)\b)"
)
# `The build is broken; what do I type to undo it?` asks for no build. A shorter one leans on it.
_BEFORE_THAT = re.compile(
    r"^.*[;.!] (?=(?:\S+ ){3})"
    r"(?=(?:\S+ ){0,3}?(?:how|what|which|who|whom|whose|where|when)\b)",
    re.DOTALL,
)
# Where these ask, what is counted or measured in the question is not what it asks for.
_FOR_NO_MEASURE = re.compile(r"^(?:\S+: )?(?:who|whom|whose|where|why)\b")
_NAMED_UNIT = re.compile(
    r"\b(?:how many|how much|number of|in(?= \w{3}))"
    # `How many idle minutes`.
    r"(?: (?!business |working )[\w-]+(?= (?:milliseconds|seconds|minutes|hours|days|weeks)\b))?"
    r" ((?:(?:business|cubic|square|working) )?[^\W\d_]+)\b(?! \d)|\(([^\W\d_]{1,12}|%)\)"
)


def wanted_value(folded: str) -> Wanted | None:
    """The kind of value that a folded question asks for; None if it may be any."""
    folded = _ASIDE.sub("", _BEFORE_THAT.sub("", folded))
    is_for_none = bool(_FOR_NO_MEASURE.match(folded))
    named = () if is_for_none else _NAMED_UNIT.findall(folded)
    sorts = {unit.dimension for pair in named for unit in UNITS.get(pair[0] or pair[1], ())}
    if sorts:
        # Who names the unit takes a bare number for one of that unit; years are not told in days.
        times = LONG_TIMES if sorts == {"year"} else DURATION
        kinds = [kind for kind in (times, DEGREES) if sorts & kind]
        return quantity(BARE, sure=sorts.union(*kinds))
    if other := _OTHER_POST.search(folded):
        return Wanted(noun=re.compile(re.escape(stem(other["of"]))))
    if post := _POST.search(folded):
        either = "|".join(re.escape(stem(post[part])) for part in ("of", "post"))
        return Wanted(noun=re.compile(either))
    told = (wanted for wording, wanted in _WORDINGS if wording.search(folded))
    return next((one for one in told if not (is_for_none and one.sorts and not one.form)), None)
