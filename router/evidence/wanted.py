"""Which kind of value a question asks for, where its wording leaves no doubt. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from router.evidence.quantities import CALENDAR, MONEY, UNITS, Kind, Quantity
from router.text import stem

# Sorts of quantity: the dimensions of units, and these.
_BARE, _COUNT, _RATE, _VERSION = "bare", "count", "rate", "version"
# A bare number that is no calendar year.
_AMOUNT = "amount"
_DATE, _CLOCK, _YEAR = "date", "clock", "calendar year"
DURATION = frozenset({"time", "working day", "month", "quarter", "year"})
_ANY_TIME = "time"
_MOMENT = frozenset({_DATE, _CLOCK})
# `2.9.5`, and not `4.5.2026`.
_DOTTED = re.compile(r"\d+(?:\.\d{1,3}){2,}")
_CALENDAR_YEAR = re.compile(r"(?:19|20)\d\d")
# What says how much or how long without a quantity.
_IN_WORDS = frozenset(
    {"until", "till", "while", "when", "whenever", "once", "forever", "indefinitely", "never"}
    | {"always", "immediately", "instantly", "overnight", "fortnight", "noon", "midnight"}
    | {"characters", "letters", "digits", "words", "lines", "pages"}
    | {"all", "both", "half", "several", "third", "twice", "unlimited"}
    | {"morning", "mornings", "afternoon", "afternoons", "evening", "evenings", "season", "shift"}
)
_WORD = r"[^\W_](?:[^\W_]|[.'’-])*"
_NAME = rf"{_WORD}(?: {_WORD})*"
_DAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|\bday|daily|week)"
_SETTINGS_FILE = r"[\w.-]+\.(?:cfg|conf|env|ini|json|properties|toml|xml|ya?ml)$"
_REGION = r"[a-z][\w/-]*(?: [a-z][\w/-]*)?"
_ROLES = "manager|head|director|architect|chief|officer|president|founder|lead|cto|ceo|cfo"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A kind of value: a quantity of one of the `sorts`, or a token of a `form`; where it
    `has_words`, the form is that of the whole answer.

    `sure` are the sorts by which a place shows that it holds such a value; the others may be
    anything. `noun` matches the stem of a word by which documents call such a value, whatever
    its form; without it, a value of another form is none.
    """

    sorts: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    form: re.Pattern[str] | None = None
    noun: re.Pattern[str] | None = None
    has_words: bool = False

    @property
    def is_measure(self) -> bool:
        """Whether only a quantity, or a clause such as `until noon`, can be the answer."""
        return not self.form and not self.noun

    @property
    def is_of_no_day(self) -> bool:
        """Whether a quantity is wanted of which no day of the week is one."""
        return bool(self.sorts) and not self.form and _DATE not in self.sorts

    @property
    def is_sure(self) -> bool:
        """Whether a place can show that it holds such a value: a command's words are any words."""
        return bool(self.sure or self.noun) and not self.has_words

    @property
    def is_strict(self) -> bool:
        """Whether a value of the form is written as no other word is: `#night`, `DESK_SECRET`."""
        return bool(self.noun and self.form) and not self.has_words and not self.has_token("word")

    def is_in_words(self, words: Collection[str], *, is_rate: bool = False) -> bool:
        """Whether a text without a quantity of the wanted sorts may tell how much it is. The unit
        of a rate, `40 per second`, is none of time."""
        return not _IN_WORDS.isdisjoint(words) or (not is_rate and self.has_unit(words))

    def is_no_day(self, folded: str) -> bool:
        """Whether a text is a day of the week or a month, where a quantity of no day is wanted."""
        return self.is_of_no_day and bool(CALENDAR.fullmatch(folded.strip(" .")))

    def has_quantity(self, quantity: Quantity) -> bool:
        return not self.sorts.isdisjoint(_sorts(quantity))

    def is_foreign(self, quantity: Quantity) -> bool:
        """Whether it is measured in a unit, where one of other units and no words are wanted,
        whatever it is called: `Charging: 26 MW` is no charge."""
        is_measured = bool(quantity.units) and not quantity.per
        is_measure_wanted = bool(self.sure) and not self.form
        return is_measured and is_measure_wanted and not self.has_quantity(quantity)

    def has_token(self, written: str) -> bool:
        return bool(self.form and self.form.fullmatch(written))

    def has_unit(self, words: Iterable[str]) -> bool:
        """Whether one of the words is the name of a unit of the wanted sorts."""
        units = (unit for word in words if len(word) > 1 for unit in UNITS.get(word, ()))
        return any(unit.dimension in self.sorts for unit in units)

    def is_shown(self, quantities: Iterable[Quantity], tokens: Iterable[str]) -> bool:
        """Whether a place with these quantities and tokens surely holds such a value."""
        if any(not self.sure.isdisjoint(_sorts(quantity)) for quantity in quantities):
            return True
        return bool(self.noun) and any(map(self.has_token, tokens))


def are_of_one_sort(one: Iterable[Quantity], other: Iterable[Quantity]) -> bool:
    """Whether both have a quantity of the same sort, where every length of time is one, and a
    number such as 2048 is no date for being what a year may be."""
    sorts = [
        {_ANY_TIME if sort in DURATION else sort for each in every for sort in _sorts(each)}
        - {_YEAR}
        for every in (one, other)
    ]
    return not sorts[0].isdisjoint(sorts[1])


def _sorts(quantity: Quantity) -> set[str]:
    if quantity.kind is Kind.TIME:
        return {_CLOCK}
    if quantity.kind is Kind.DATE:
        return {_DATE} if quantity.value.startswith("*") else {_DATE, _YEAR}
    if quantity.units:
        return {unit.dimension for unit in quantity.units}
    if quantity.per:
        return {_RATE}
    if _CALENDAR_YEAR.fullmatch(quantity.value):
        return {_BARE, _COUNT, _YEAR}
    if _DOTTED.fullmatch(quantity.value):
        return {_VERSION}
    return {_BARE, _AMOUNT, _COUNT} if quantity.value.isdigit() else {_BARE, _AMOUNT}


def _quantity(*sorts: str, sure: Iterable[str] = (), noun: str = "") -> Wanted:
    named = re.compile(noun) if noun else None
    return Wanted(frozenset({*sorts, *sure}), frozenset(sure), noun=named)


# `Night-bell port?` and `port of night-bell?`, which are typed as often as it is asked.
_NO_SENTENCE = r"(?!(?:who|whom|whose|where|when|why|how|is|are|do|does|did|can|may|has)\b)"
# In *which flag sets memory* no memory is asked for.
_SETS = "caps?|changes?|controls?|enables?|gives?|has|holds?|keeps?|limits?|names?|sets?|stores?"
# In *what do I switch on* nothing is called a switch, and of *which host and port* a port is half.
_NO_NOUNS = "and|or|can|could|did|do|does|i|may|must|should|they|to|we|will|you"
_WORD_BETWEEN = rf"(?:(?!(?:{_SETS}|{_NO_NOUNS})\b)[\w'’-]+ )"


def _asked(nouns: str) -> str:
    return (
        rf"\b(?:which|what)(?:'?s| is| are)?(?: the)? {_WORD_BETWEEN}{{0,2}}?(?:{nouns})\b"
        rf"|(?:^|, ){_NO_SENTENCE}(?:\S+ ){{0,4}}(?:{nouns})(?: names?)?(?: pls| please)?\W*$"
        rf"|(?:^|, )(?:the )?(?:[\w-]+ )?(?:{nouns})(?: names?)? (?:of|for|per|it)\b"
    )


def _token(nouns: str, form: str, *sorts: str, stems: str = "") -> tuple[str, Wanted]:
    return _asked(nouns), Wanted(
        frozenset(sorts), form=re.compile(form, re.IGNORECASE), noun=re.compile(stems or nouns)
    )


_WHAT_IS = r"^(?:what(?:'s| is| are)? )?(?:the )?(?:[\w-]+ ){0,2}?"
_MEMORY = "memory|ram|heap|disk|storag"
_LONG_TIMES = frozenset({"year", "quarter", "month"})
_LENGTHS = ("length", "inch", "ft", "mile")
_DEGREES = frozenset({"°", "°c", "°f"})
_SPEEDS = ("mph", "knot", "rpm", "length", "size", _RATE)
# `Recovery time`, and not the time of an event.
_SPANS_OF_TIME = (
    "cooling|delivery|grace|hold|holding|idle|lead|processing|reaction|recovery|response|retention"
    "|start-?up|turnaround|waiting|warm-?up"
)
_DATABASES = (
    r"\w*(?:sql|db)\w*|postgres\w*|postgis|redis\w*|valkey|memcached?|oracle|cassandra"
    r"|(?:elastic|open)search|clickhouse|influx\w*|timescale\w*|mongo\w*|dynamo\w*|couch\w*|bigquery"
    r"|snowflake|spanner|neo4j|hbase|etcd|aurora|redshift|solr|firebird|h2|prometheus|victoriametrics"
)
_LANGUAGES = (
    r"python|java|(?:java|type|coffee|action)script|go|golang|rust|c|c\+\+|c#|f#|objective-c|kotlin"
    r"|scala|ruby|php|perl|swift|elixir|erlang|haskell|clojure|dart|lua|r|julia|fortran|cobol|ada"
    r"|bash|shell|powershell|sql|pl/sql|delphi|pascal|ocaml|groovy|zig|nim|crystal|matlab|lisp|scheme"
)
# What is measured in units of its own, by the stems of the words for it.
_MEASURED = (
    ("memory|ram|heap", ("size",)),
    ("voltage", ("volt", "kv")),
    ("temperature", _DEGREES),
    ("speed|velocity", _SPEEDS),
    ("weight|mass", ("weight",)),
    ("pressure", ("pressure",)),
    ("diameter|width|height|thickness", _LENGTHS),
)


def _measured(nouns: str, dimensions: Iterable[str]) -> tuple[str, Wanted]:
    stems = "|".join(map(stem, nouns.split("|")))
    asked = _asked(rf"(?:{nouns})(?: (?:ceiling|limit|maximum|minimum|threshold))?")
    return asked, _quantity(sure=dimensions, noun=stems)


_KINDS = (
    *(_measured(*each) for each in _MEASURED),
    (r"\b(?:which|what) year\b(?! of\b)", _quantity(sure=(_YEAR,))),
    (
        r"\b(?:at|by|from|until|till|before) (?:which|what) hour\b"
        r"|(?<!within )(?<!in )(?<!after )(?<!over )\b(?:which|what) time (?:of (?:the )?day"
        r"|do|does|did|is|are|was|can|may|must|will)\b(?!.*\b(?:last|spend|take)s?\b)",
        _quantity(sure=(_CLOCK,)),
    ),
    (r"\b(?:within|in|over) (?:which|what) time\b", _quantity(sure=DURATION)),
    (r"\bhow quickly\b", _quantity(_RATE, "m3", "litre", sure=DURATION)),
    (
        r"\bhow (?:soon|old|far back|much (?:longer|time))\b|\bafter how long\b",
        _quantity(sure=DURATION),
    ),
    (r"^when\b.*\btime(?:s|d)? out\b", _quantity(sure=DURATION)),
    (r"\bhow much (?:memory|ram|heap|disk|storage)\b", _quantity(sure=("size",), noun=_MEMORY)),
    (
        r"\bhow heavy\b|\bhow much (?:do|does|did|will|would) .*\bweigh\b",
        _quantity(sure=("weight",), noun="weigh|weight|mass|heavy"),
    ),
    # A window of time is wide as well.
    (
        r"\bhow (?:wide|tall|thick)\b(?!.*\b(?:window|range)\b)",
        _quantity(sure=_LENGTHS, noun="wide|width|tall|height|thick|thickness"),
    ),
    (r"\bhow powerful\b", _quantity(sure=("power",), noun="power|output|capacity|rating|rat")),
    (
        r"\bhow (?:big|large) (?:a|is the) (?:part|portion|share|fraction|proportion)\b",
        _quantity(sure="%", noun="part|portion|shar|fraction|proportion"),
    ),
    (
        r"\bhow (?:big|large)\b",
        _quantity(_BARE, "%", "length", "size", "litre", "m3", "weight", "power", "energy", *MONEY),
    ),
    (
        r"\bhow much (?:money|(?:do|does|did|is|are|was|were) .*\b(?:cost|pay|paid|charged?))\b"
        r"|\bwhat (?:do|does|did|would|will) .*\bcost\b|" + _asked("price|fee|fare|rent"),
        _quantity(
            _AMOUNT, _RATE, "%", sure=MONEY, noun="pric|cost|budget|fee|fare|rent|charg|pay|paid"
        ),
    ),
    (
        _asked("(?:(?:tele)?phone|fax|hotline)(?: (?:number|extension|line))?"),
        Wanted(
            form=re.compile(r"\+?\(?\d[\d ()/.-]{5,}"),
            noun=re.compile("phon|telephon|fax|hotlin|extension"),
            has_words=True,
        ),
    ),
    (
        r"\b(?:which|what) (?:[\w-]+ )?numbers? .*\b(?:call|dial|phone|ring)\b",
        Wanted(
            form=re.compile(r"(?:ext(?:ension|\.)? )?\+?\(?\d[\d ()/.-]{2,}"),
            noun=re.compile("phon|telephon|hotlin|extension|dial|call|ring|number"),
            has_words=True,
        ),
    ),
    _token(
        r"e-?mail address(?:es)?|(?:e-?mail|mailbox)(?= (?:of|for)\b|\W*$)",
        r".+@.+",
        stems="mail|email|mailbox",
    ),
    (
        r"\bhow long (?:(?:before|after|until|till)\b"
        r"|(?:can|do|does|did|has|have|may|must|should|will)\b"
        r"(?!.*\b(?:be|become|get|grow|measure|reach)\b))",
        _quantity(sure=DURATION),
    ),
    (r"\bhow long\b|\b(?:which|what) length of\b", _quantity("length", "size", sure=DURATION)),
    (
        r"\bhow many\b|\bnumber of\b|\b(?:instance|node|pod|replica|worker) count\b"
        r"|^(?:instances|pods|replicas) (?:of|for|in|it)\b|^it (?:instances|pods|replicas)\W*$",
        _quantity(_COUNT, _RATE, "%"),
    ),
    (rf"{_WHAT_IS}deadline\b", _quantity(*_MOMENT, sure=DURATION, noun="deadlin")),
    (
        rf"{_WHAT_IS}(?:delay|duration|lifetime|timeout|ttl|idle (?:limit|time))\b",
        _quantity(sure=DURATION, noun="delay|duration|lifetim|timeout|ttl|idl"),
    ),
    (rf"{_WHAT_IS}(?:{_SPANS_OF_TIME}) times?\b", _quantity(_BARE, sure=DURATION, noun="tim")),
    (
        _asked(
            "(?:rate|request|throttle|throttling)[ -]limits?(?! (?:error|header|policy|window))"
        ),
        _quantity("%", "frequency", sure=(_BARE, _RATE), noun="rate|request|throttl"),
    ),
    (
        r"\bhow available\b|\bhow much (?:availability|uptime)\b"
        r"|\b(?:which|what)(?:'?s| is)?(?: the)? (?:[\w-]+ )?(?:percent(?:age)?|share|fraction)\b",
        _quantity(sure="%", noun=r"availab\w*|percent\w*|share|fraction"),
    ),
    (
        # An availability zone is a place.
        _asked(
            r"(?:availability(?! zone)|uptime)(?: (?:figure|goal|level|objective|sla|slo|target))?"
        ),
        _quantity(_BARE, sure="%", noun=r"availab\w*|uptim"),
    ),
    (
        _asked("port"),
        _quantity(sure=(_BARE,), noun="port"),
    ),
    _token(
        r"channel|chat ?room|chat(?= (?:of|for)\b|\W*$)", r"#[a-z][\w-]+", stems="channel|chat|room"
    ),
    _token(
        "version|release|build",
        r"v\d+|v?\d+[.-]\d\S*",
        _BARE,
        _VERSION,
        stems="version|releas|build",
    ),
    # In small letters it may as well be the name of a database.
    _token("variable|var", r"(?-i:[A-Z0-9]+_[A-Z0-9_]+)", stems="variabl|env|environment"),
    _token("region|zone", _REGION, stems="region|zon"),
    # What is not called one is known by its name.
    _token(
        "database|db",
        rf"(?!{_SETTINGS_FILE})(?:(?:[a-z]+ )?(?:{_DATABASES})(?: [\w.+-]+){{0,2}}|\w+_\w+)",
        stems="databas|db|data|stor|storag|persist|sql",
    ),
    _token(
        "(?:jump ?)?host(?: ?name)?",
        r"(?=.*[\d.-])[a-z][\w-]*(?:\.[\w-]+)*",
        stems="host|hostnam|jumphost|server|machin",
    ),
    # A path is none.
    _token("protocol", r"[a-z][\w.+-]*(?:/[\d.]+)?(?: [\w.+-]+)?", stems="protocol"),
    (
        r"^where(?:'?s| is| are)\b.* (?:hosted|deployed|running)\b",
        Wanted(
            form=re.compile(rf"{_REGION}|\w+://.+", re.IGNORECASE),
            noun=re.compile("deploy|host|locat|region|sit|zon"),
        ),
    ),
    (
        _asked("(?:repository|repo)"),
        Wanted(
            # A path that begins with a slash is on a disk.
            form=re.compile(r"\w+(?:://|@).+|[\w.-]+(?:/[\w.-]+)+"),
            noun=re.compile("repo|repository|sourc|git|github|gitlab"),
            has_words=True,
        ),
    ),
    (
        _asked("dashboard") + r"|\b(?:address|link|url) (?:for|of|to) the (?:[\w-]+ )?dashboard\b",
        Wanted(form=re.compile(r"\w+://.+"), noun=re.compile("dashboard|grafana|panel")),
    ),
    _token("bucket", r"(?:\w+://)?[a-z0-9][a-z0-9.-]+", stems="bucket"),
    (
        _asked("command|cmd")
        + r"|\bwhat (?:to|do|does|should|must|can) (?:[\w'-]+ ){0,4}"
        + r"(?:type|enter|execute|invoke|run(?! (?:on|in|as|at|under|with)\b))\b",
        Wanted(
            form=re.compile(r"[\w./~-]+ .+|[\w./~-]+/[\w.-]+"),
            noun=re.compile("command|cmd|run|execut|invok|typ|enter"),
            has_words=True,
        ),
    ),
    (
        r"\bcpus? (?:limit|quota|request|reservation|share|ceiling|cap)s?\b|\bhow much cpu\b",
        _quantity(sure=(_BARE, "%"), noun="cpus?|vcpus?|cor|millicor"),
    ),
    (
        r"\b(?:which|what) language\b.*\b(?:built|coded|implemented|programmed|written)\b"
        r"|\bprogramming language\b",
        Wanted(
            form=re.compile(rf"(?:{_LANGUAGES})(?: \d[\w.]*)?", re.IGNORECASE),
            noun=re.compile("languag|writ|program|cod"),
        ),
    ),
    _token("language", rf"(?!{_SETTINGS_FILE})[a-z][\w+#.-]*(?: \d[\w.]*)?", stems="languag"),
    # In capitals it is a variable.
    _token("flag|option|switch|toggle", r"(?-i:--?[A-Za-z][\w-]*|[a-z0-9]+[._-]\w[\w.-]*)"),
    _token(
        "(?:path|file|directory|folder)(?: location)?",
        r"[~.]{0,2}/[\w./-]+|\w+/[\w./-]+|[\w-]+\.[a-z]{2,5}",
        stems="path|fil|directory|folder",
    ),
    _token(
        "url|address|endpoint",
        r"\w+://.+|/[\w./{}-]+|[\w.-]+\.[a-z]{2,}(?:[:/].*)?|.+@.+",
    ),
    # A team leads, and is nobody's head.
    (
        rf"^who(?:'s| is) the (?:[\w-]+ )?(?:{_ROLES})\b|\bname of the (?:[\w-]+ )?(?:{_ROLES})\b",
        Wanted(noun=re.compile(_ROLES)),
    ),
    (
        r"\b(?:escalation|emergency|on-?call) (?:contact|name|person)\b"
        r"|\bname of the (?:contact|person)\b",
        Wanted(form=re.compile(rf"{_NAME}|.+@.+")),
    ),
    (
        r"^(?:who|whom|whose)\b|\b(?:which|what) (?:[\w-]+ )?(?:team|crew|squad|department)\b|"
        + _asked(r"(?:team|crew|squad|department|owners?|maintainers?)(?= (?:of|for)\b|\W*$)"),
        Wanted(form=re.compile(rf"{_NAME}|[#@].+|.+@.+")),
    ),
    # A tool is called by a name.
    (
        r"^what (?:do|did|should) (?:i|we|you|they) .* with\W*$|^with (?:which|what)\b",
        Wanted(form=re.compile(r"[^\W\d_].*", re.DOTALL)),
    ),
    (r"^where\b", Wanted(frozenset({_BARE, "length"}), form=re.compile(r".+"))),
    (
        r"\b(?:which|what) (?:[\w-]+ )?(?:days?|weekdays?|date)\b",
        Wanted(frozenset({_DATE, _BARE}), form=re.compile(rf".*{_DAY}.*", re.IGNORECASE)),
    ),
    (
        r"\bhow (?:often|frequently)\b",
        Wanted(DURATION | _MOMENT | {_BARE, _RATE, "frequency", "length"}, form=re.compile(_NAME)),
    ),
    (r"^when\b", Wanted(DURATION | _MOMENT | {_BARE}, _MOMENT, form=re.compile(_NAME))),
)
# A deputy is another than the one of whom the document tells without that word.
_DEPUTIES = "acting|assistant|deputy|former|interim|previous|vice"
_OTHER_POST = re.compile(rf"(?:^who(?:'s| is)|\bname of) the (?P<of>{_DEPUTIES})\b")
# A technical lead is no product manager, but may be called the technical manager; the current one
# is any.
_ANY_POST = "actual|current|main|named|new|overall|present|responsible"
_POST = re.compile(
    rf"(?:^who(?:'s| is)|\bname of) the (?!(?:{_ANY_POST}) )(?P<of>[\w-]+) (?P<post>{_ROLES})\b"
)
_WORDINGS = [(re.compile(wording), wanted) for wording, wanted in _KINDS]
# Where these ask, what is counted or measured in the question is not what it asks for.
_FOR_NO_MEASURE = re.compile(r"^(?:\S+: )?(?:who|whom|whose|where|why)\b")
_NAMED_UNIT = re.compile(
    r"\b(?:how many|how much|number of|in(?= \w{3})) ([^\W\d_]+)\b(?! \d)|\(([^\W\d_]{1,12}|%)\)"
)


def wanted_value(folded: str) -> Wanted | None:
    """The kind of value that a folded question asks for; None if it may be any."""
    is_for_none = bool(_FOR_NO_MEASURE.match(folded))
    named = () if is_for_none else _NAMED_UNIT.findall(folded)
    sorts = {unit.dimension for pair in named for unit in UNITS.get(pair[0] or pair[1], ())}
    if sorts:
        # Who names the unit takes a bare number for one of that unit; years are not told in days.
        times = _LONG_TIMES if sorts == {"year"} else DURATION
        kinds = [kind for kind in (times, _DEGREES) if sorts & kind]
        return _quantity(_BARE, sure=sorts.union(*kinds))
    if other := _OTHER_POST.search(folded):
        return Wanted(noun=re.compile(re.escape(stem(other["of"]))))
    if post := _POST.search(folded):
        either = "|".join(re.escape(stem(post[part])) for part in ("of", "post"))
        return Wanted(noun=re.compile(either))
    told = (wanted for wording, wanted in _WORDINGS if wording.search(folded))
    return next((one for one in told if not (is_for_none and one.sorts and not one.form)), None)
