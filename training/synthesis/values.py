"""What an answer looks like: numbers with units, times, money, identifiers, names. Pure.

Every pattern is bounded or possessive, so that no text makes it slow.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD_NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|"
    r"forty|fifty|sixty|ninety|a hundred)"
)
_DIGITS = r"(?<![\w.,:#/-])\d[\d,.]{0,14}(?<![.,])(?!\d)"
_NUMBER = rf"(?:{_DIGITS}|\b{_WORD_NUMBER}\b)"
_RANGE = rf"{_NUMBER}(?:\s?(?:to|–|-|or)\s?{_NUMBER})?"
_BELOW_ZERO = r"(?<![\w.,:#/-])[−-]\d[\d,.]{0,14}(?<![.,])(?!\d)"
_SIGNED = rf"(?:{_BELOW_ZERO}(?:\s?(?:to|–)\s?(?:{_BELOW_ZERO}|{_NUMBER}))?|(?:[−-]\s?)?{_RANGE})"
_TIME_UNIT = (
    r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|min|hours?|hrs?|h|(?:working |business |"
    r"calendar |school |full )?days?|weeks?|months?|quarters?|years?|nights?|semesters?)"
)
_SIZE_UNIT = r"(?:bytes?|[kKMGT]i?[bB]|[kMGT]bit)"
_MEASURE_UNIT = (
    r"(?:(?:kilograms?|grams?|milligrams?|micrograms?|mg|g|kg|litres?|liters?|millilitres?)"
    r" per (?:square |cubic )?(?:litre|liter|metre|meter|kilogram|hectare)|"
    r"kilograms?|grams?|milligrams?|decibels?|volts?|kilovolts?|watts?|kilowatts?|megawatts?|"
    r"amps?|amperes?|hertz|kilohertz|hectares?|millimetres?|millimeters?|centimeters?|"
    r"millilitres?|percentage points|"
    r"kg|g|mg|µg|mcg|tonnes?|t|km|m|cm|mm|µm|metres?|meters?|kilometres?|centimetres?|litres?|"
    r"liters?|l|ml|cl|°\s?C|°\s?F|degrees(?: (?:Celsius|Fahrenheit))?|C|K|V|kV|W|kW|kWh|MWh|GWh|Wh|"
    r"MW|GW|kVA|MVA|A|mA|mHz|"
    r"Hz|kHz|MHz|GHz|dB|bar|mbar|psi|Pa|kPa|mmHg|rpm|N|Nm|m/s|km/h|mph|m²|m2|m³|ppm|pixels|px|"
    r"[kMG]bit/s|[kMG]bps|[KMG]B/s|units|square metres|pages|words|characters|points|lines)"
)
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
)
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_CLOCK = (
    r"(?:\b\d{1,2}:\d{2}(?:\s?(?:(?:[ap]m|[ap]\.m\.)|o'clock))?|"
    r"\b\d{1,2}(?:\.\d{2})?\s?(?:(?:[ap]m|[ap]\.m\.)|o'clock)|\bnoon|"
    r"midnight)(?:\s(?:UTC|GMT|CET|CEST|BST|EST|PST|local time|local))?"
)
_SPAN = (
    rf"(?:(?:from |between )?{_CLOCK} ?(?:to|until|till|and|–|-) ?{_CLOCK}|"
    rf"{_DAY} (?:to|until|–) {_DAY}(?:,? (?:from )?{_CLOCK} ?(?:to|until|–|-) ?{_CLOCK})?)"
)
_DATE = (
    rf"(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{_MONTH}(?:,? \d{{4}})?|"
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|{_MONTH} \d{{4}})"
)
_ORDINAL = (
    r"(?:first|second|third|fourth|last|second and fourth|first and third|\d{1,2}(?:st|nd|rd|th))"
)
_WEEKLY = (
    rf"(?:the )?(?:(?:every )?{_ORDINAL} |every |each |every second )?{_DAY}"
    rf"(?: of (?:the|each|every) (?:month|quarter|year))?"
    rf"(?:,? (?:(?:at|from|by) )?{_CLOCK}(?: ?(?:to|until|till|–|-) ?{_CLOCK})?|"
    rf",? between {_CLOCK} and {_CLOCK})?"
)
_MOMENT = (
    rf"(?:{_DATE}(?:,? (?:at )?{_CLOCK})?|{_WEEKLY}|"
    rf"{_CLOCK}(?: (?:on|every|each) (?:{_DAY}|day|night|morning))?)"
)
_NAME_WORD = r"[A-Z][\w'’-]{1,30}"
_IDENTIFIER = (
    r"[A-Za-z][\w-]{0,40}(?:[_.:][\w-]{1,40}){1,8}|[a-z]{2,20}(?:-[a-z0-9]{1,20}){1,5}|"
    r"[A-Z]{2,10}-\d{1,8}|[a-z]{1,20}(?:[A-Z][a-z0-9]{1,20}){1,5}|(?:[A-Z][a-z0-9]{1,20}){2,5}|"
    r"[A-Z][A-Z0-9]{1,20}(?:_[A-Z0-9]{1,20}){1,6}"
)
_PRODUCT = (
    r"(?:[A-Z][\w.+#/-]{0,30}|C|R|Go)(?: (?:[A-Z][\w.+-]{1,20}|v?\d[\w.]{0,8})){0,2}(?<![.,])"
)
_OFFICE = (
    r"(?:manager|director|lead|head|officer|owner|supervisor|board|committee|team|principal|"
    r"doctor|steward)"
)
_RHYTHM = (
    rf"(?:(?:weekly|fortnightly|monthly)(?: on {_DAY})?|daily|nightly|"
    rf"(?:on )?(?:every|each) (?:{_DAY}|day|night|morning|afternoon|evening|"
    rf"weekday|working day|hour)|on (?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days|weekdays)|"
    rf"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days)"
)
# A word of a command goes on until one of these, which belong to the sentence again.
_ENDS_COMMAND = (
    r"(?:from|on|and|in|into|to|at|with|followed|as|before|after|until|till|when|if|for|by|or|then|"
    r"which|while|once|twice|again|first|instead|the|an?|is|are|so|because|unless|whenever|where|"
    r"only|just|now|here|daily|nightly|weekly|during|within|under|against|per)"
)
_ARGUMENT = rf"(?!{_ENDS_COMMAND}\b)[\w./:=@{{}}<>*+%-]{{1,60}}(?<![.,:])"
_SHELL_TOOL = (
    r"(?:[a-z][a-z0-9]{0,20}ctl|docker|podman|helm|sudo|psql|curl|ssh|npm|pip|terraform|git|make|"
    r"ansible-playbook)"
)
_WORDS = r"[\w'’-]{1,30}"
_ENDS_THING = (
    r"(?:until|till|instead|and|or|for|as|while|when|if|but|so|because|since|to|in|on|at|by|with|"
    r"which|that|who|from|after|before|again|is|are)"
)

PATTERNS = {
    "subject": "SUBJECT",
    "part": rf"{_WORDS}(?: {_WORDS}){{0,6}}",
    "thing": (
        rf"(?:(?:the|an?|our|its|last \w{{1,20}}['’]s|\w{{1,20}}['’]s) )?(?!{_ENDS_THING}\b)"
        rf"{_WORDS}(?: (?!{_ENDS_THING}\b){_WORDS}){{0,4}}"
    ),
    "failed": (
        r"(?:down|dark|away|dead|lost|missing|silent|gone|off|offline|unavailable|unreachable|"
        r"unreadable|broken|out of (?:order|service|action|reach)|empty|full|overloaded|stuck|"
        r"quiet|fails?|failed|breaks? down|drops? out|goes? (?:dark|down|dead|silent|quiet)|"
        r"go (?:dark|down)|stops?|(?:is|are|be) not \w+|not (?:answering|available|responding)|"
        r"can(?:not|'t) be \w+|(?:does|do) not \w+|(?:does|do)n't \w+)"
    ),
    "crew": (
        r"(?:team|squad|group|crew|department|guild|unit|desk|office|people|division|section|"
        r"committee)"
    ),
    # Of a known tool, or with an option: `stockctl recount --all`.
    "command": (
        rf"(?:{_SHELL_TOOL}(?: {_ARGUMENT}){{1,6}}|"
        rf"(?!{_ENDS_COMMAND}\b)[a-z./][\w./-]{{1,40}}(?: (?!-){_ARGUMENT}){{0,3}}"
        rf" --?[a-zA-Z][\w-]{{0,40}}(?:=\S{{1,40}})?(?: {_ARGUMENT}){{0,5}})(?<![.,])(?! ['\"(])"
    ),
    "toggle": (
        r"[a-z][a-z0-9]{0,30}(?:-[a-z0-9]{1,20}){0,3}(?:[._:][a-z0-9][a-z0-9-]{0,40}){1,5}(?![\w/])"
    ),
    "log_path": r"`?(?:~|\.{1,2})?(?:/[\w.{}-]{1,60}){1,10}\.log\b`?",
    # Of a repository, which has no slash in front: `payments/ledger-svc`.
    "code_path": r"(?:[a-z0-9][\w.-]{1,40}/){1,5}[\w.-]{1,60}(?<![.,])",
    "level": (
        rf"(?:{_SIGNED}\s?(?:%|percent\b|per cent\b|{_SIZE_UNIT}\b|"
        rf"{_MEASURE_UNIT}(?![\w/])))"
    ),
    "timed": rf"{_RHYTHM},? (?:at|from|around) {_CLOCK}(?! ?(?:to|until|till|–|-) ?\d)",
    "schedule": rf"(?:{_RHYTHM}(?:,? (?:at|from|around) {_CLOCK})?|{_CLOCK},? {_RHYTHM})",
    "run_time": (
        rf"(?:{_RHYTHM}(?:,? (?:at|from|around) {_CLOCK})?|{_CLOCK},? {_RHYTHM}|"
        rf"{_CLOCK}(?: on {_DAY})?)"
    ),
    "number": _DIGITS,
    "count": _NUMBER,
    "duration": (
        rf"(?:{_RANGE}\s?{_TIME_UNIT}\b(?:(?:,| and)? {_NUMBER}\s?{_TIME_UNIT}\b)?|"
        r"\b(?:half an hour|an hour and a half|(?:a|three) quarters? of an hour)\b)"
    ),
    "rate": (
        rf"{_RANGE} (?:(?!(?:in|of|for|on|at|to|and|or|by)\b)[a-z]{{2,20}} ){{0,2}}?"
        rf"(?:per|an?|each|every) (?:{_NUMBER} )?{_TIME_UNIT}\b|"
        rf"{_NUMBER}\s?(?:[a-z]{{1,12}}/(?:s|sec|min|h|hour|minute|day)|rps|qps|rpm)\b"
    ),
    "percent": rf"{_RANGE}\s?(?:%|percent\b|per cent\b)",
    "money": (
        rf"(?:(?:[€$£¥]|\b(?:EUR|USD|GBP|CHF|SEK|NOK|DKK))\s?\d[\d,.]{{0,14}}(?<![.,])|"
        rf"{_NUMBER}\s?(?:€|EUR|USD|GBP|CHF|SEK|NOK|DKK|kr|euros?|dollars?|pounds?|cents?|francs?)"
        rf"(?!\w))"
    ),
    "size": rf"{_RANGE}\s?{_SIZE_UNIT}\b(?!/)",
    "measure": rf"{_SIGNED}\s?{_MEASURE_UNIT}(?![\w/])",
    "moment": _MOMENT,
    "date": _DATE,
    "span": _SPAN,
    "channel": r"(?<![\w#&])#[a-z][\w-]{1,60}\b",
    "email": r"\b[\w.+-]{1,60}@[\w-]{1,60}(?:\.[\w-]{1,30}){1,4}\b",
    "url": r"\b(?:https?|ftp|ssh|git|postgres|redis|amqp)://[^\s<>\"')\]]{2,200}(?<![.,;:])",
    "path": (
        r"(?<![\w/.:<>-])(?:(?:~|\.{1,2})?/[\w.{}<>*@+-]{1,60}(?:/[\w.{}<>*@+-]{1,60}){0,10}/?|"
        r"[\w.-]{1,40}(?:/[\w.{}<>*-]{1,60}){0,8}/(?:[\w-]{1,60}\.\w{1,8}\b)?)(?<![.,])(?![\w/])"
    ),
    "env": r"\b[A-Z][A-Z0-9]{1,30}(?:_[A-Z0-9]{1,30}){1,8}\b",
    "flag": r"(?<![\w-])--?[a-zA-Z][\w-]{0,40}\b",
    "version": r"\bv?\d{1,4}(?:\.\d{1,6}){1,3}(?:[-.]?(?:rc|beta|alpha|LTS)\d{0,2})?\b",
    "id": rf"`?(?:{_IDENTIFIER})`?",
    "region": (
        r"(?:[a-z]{2,12}(?:-[a-z]{2,12}){0,2}-?\d{1,2}[a-z]?|"
        r"[A-Z][a-z]{2,20}(?: [A-Z][a-z]{2,20})?)\b(?! [A-Z])"
    ),
    "product": _PRODUCT,
    "name": rf"{_NAME_WORD}(?:(?: (?:and|&|of|for|de|van|von))? {_NAME_WORD}){{0,3}}",
    "person": r"[A-Z][\w'’-]{1,20}(?: [A-Z][\w'’.-]{0,20}){1,2}(?<!\.)",
    "role_or_person": (
        rf"(?:[a-z-]{{3,20}} ){{0,3}}(?:{_NAME_WORD}(?: {_NAME_WORD}){{0,2}}|{_OFFICE})"
    ),
    "phone": r"\+?\d[\d ()/-]{2,20}\d",
    "term": r"[A-Za-z0-9][\w-]{0,20}(?: [\w-]{1,20}){0,2}",
    "duration_or_days": (
        rf"{_RANGE} (?:[a-z]{{3,12}} )?(?:days?|weeks?|months?|hours?)"
        r"(?: (?:a|per) (?:week|month|year))?"
    ),
    "day_of_month": (
        rf"(?:the )?(?:{_ORDINAL}|\d{{1,2}}(?:st|nd|rd|th)?)(?: (?:working |business )?day)?"
        r"(?: of (?:the|each|every) month)?"
    ),
}
"""Name of a form → its pattern."""

_SLOT = re.compile(r"\{(" + "|".join(PATTERNS) + r")\}")


_NO_VALUES = ("subject", "part", "failed", "crew")


def compiled(says: str) -> re.Pattern[str]:
    """A pattern of the lexicon with each `{duration}` replaced; that of a value is the group `v`,
    unless the pattern has it already."""

    def form(found: re.Match[str]) -> str:
        is_value = "(?P<v>" not in says and found[1] not in _NO_VALUES
        return f"({'?P<v>' if is_value else '?:'}{PATTERNS[found[1]]})"

    return re.compile(_SLOT.sub(form, says))


@dataclass(frozen=True, slots=True)
class Value:
    kind: str
    start: int
    end: int
    text: str


_SEARCHED = (
    "url", "email", "channel", "timed", "span", "rate", "money", "percent", "duration", "size",
    "measure", "moment", "env", "flag", "path", "number",
)  # fmt: skip
_ANY = re.compile("|".join(f"(?P<{kind}>{PATTERNS[kind]})" for kind in _SEARCHED))


def values_of(sentence: str) -> Iterator[Value]:
    """Everything in a sentence that may be an answer by its form, from left to right."""
    for found in _ANY.finditer(sentence):
        yield Value(str(found.lastgroup), found.start(), found.end(), found[0])
