"""The kinds of values: how people ask for each, and what it is. Pure.

A new kind is a row of `KINDS`. The first that fits counts.
"""

import re
from collections.abc import Iterable

from router.evidence.quantities import MONEY
from router.evidence.wanted import (
    AMOUNT,
    BARE,
    CLOCK,
    COUNT,
    DATE,
    DURATION,
    RATE,
    SCHEDULE,
    VERSION,
    YEAR,
    Wanted,
)
from router.text import stem

_MOMENT = frozenset({DATE, CLOCK, SCHEDULE})
_WORD = r"[^\W_](?:[^\W_]|[.'’-])*"
_NAME = rf"{_WORD}(?: {_WORD})*"
_DAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|\bday|daily|week)"
_SETTINGS_FILE = r"[\w.-]+\.(?:cfg|conf|env|ini|json|properties|toml|xml|ya?ml)$"
_FLAG = r"(?-i:--?[A-Za-z][\w-]*|[a-z0-9]+[._-]\w[\w.-]*)"
_REGION = r"[a-z][\w/-]*(?: [a-z][\w/-]*)?"
# With its country or a remark, and no number by itself, which a product has.
_REGIONS = r"[a-z][\w/-]*(?:,? \(?[a-z][\w/-]*\)?)*"
ROLES = "manager|head|director|architect|chief|officer|president|founder|lead|cto|ceo|cfo"


def quantity(*sorts: str, sure: Iterable[str] = (), noun: str = "", unlike: str = "") -> Wanted:
    named, other = (re.compile(stems) if stems else None for stems in (noun, unlike))
    return Wanted(frozenset({*sorts, *sure}), frozenset(sure), noun=named, unlike=other)


# `Night-bell port?` and `port of night-bell?`, which are typed as often as it is asked.
_NO_SENTENCE = (
    r"(?!(?:which|what|who|whom|whose|where|when|why|how|is|are|do|does|did|can|may|has)\b)"
)
# In *which flag sets memory* no memory is asked for.
_SETS = "caps?|changes?|controls?|enables?|gives?|has|holds?|keeps?|limits?|names?|sets?|stores?"
# In *what do I switch on* nothing is called a switch, and of *which host and port* a port is half.
_NO_NOUNS = "and|or|can|could|did|do|does|i|may|must|should|they|to|we|will|you"
# Of *settings path on host* the host is where it is.
_NO_PLACE = "".join(
    rf"(?<!\b{word} )" for word in ("at", "by", "for", "from", "in", "of", "on", "with")
)
_WORD_BETWEEN = rf"(?:(?!(?:{_SETS}|{_NO_NOUNS})\b)[\w'’-]+ )"


def _asked(nouns: str) -> str:
    return (
        rf"\b(?:which|what)(?:'?s| is| are)?(?: the)? {_WORD_BETWEEN}{{0,2}}?(?:{nouns})\b"
        rf"|(?:^|[,.;!?] ){_NO_SENTENCE}(?:\S+ ){{0,4}}{_NO_PLACE}(?:{nouns})"
        r"(?: (?:name|number)s?)?(?: pls| please)?\W*$"
        rf"|(?:^|, )(?:the )?(?:[\w-]+ )?(?:{nouns})(?: names?)? (?:of|for|per|it)\b"
    )


def _token(
    nouns: str, form: str, *sorts: str, stems: str = "", also: str = ""
) -> tuple[str, Wanted]:
    """A kind that is asked for by these nouns, or `also` otherwise, and written in a form."""
    return f"{_asked(nouns)}{also and '|'}{also}", Wanted(
        frozenset(sorts), form=re.compile(form, re.IGNORECASE), noun=re.compile(stems or nouns)
    )


# A radio has channels as well, which are numbers.
_ON_THE_AIR = r"^(?!.*\b(?:radio|vhf|uhf|walkie[- ]?talkies?|intercom|tv|television)\b).*?"
_ASKED_CHANNEL, _CHAT = _token(
    r"chan(?:nel)?|(?:chat|discord|irc|slack) ?room|(?:chat|slack)(?= (?:of|for)\b|\W*$)",
    r"#[a-z][\w-]+",
    stems="channel|chat|room|slack|discord|irc",
    also=r"\bwhere (?:in|on) (?:our |the )?(?:chat|discord|irc|mattermost|messenger|slack|teams)\b"
    r"|\b(?:which|what) room (?:can|do|does|must|should)\b.*\b(?:ask|join|post|write)\b",
)
_CHANNEL = (rf"{_ON_THE_AIR}(?:{_ASKED_CHANNEL})", _CHAT)
_PATH = _token(
    "(?:path|file|directory|folder)(?: location)?",
    r"[~.]{0,2}/[\w./-]+|\w+/[\w./-]+|[\w-]+\.[a-z]{2,5}|\w+://\S+",
    stems="path|fil|directory|folder",
    also=r"\bwhere on (?:the )?disk\b",
)
_MAC = r"[\da-f]{2}(?:[:-][\da-f]{2}){5}"
# Of either version; the width of its network or a port may follow.
_IP = (
    r"\d{1,3}(?:\.\d{1,3}){3}(?:[/:]\d+)?"
    rf"|(?!{_MAC}$)(?=\S*(?:::|(?::[\da-f]+){{4}}))[\da-f:]+(?:/\d+)?"
)
_WHAT_IS = r"^(?:what(?:'s| is| are)? )?(?:the )?(?:[\w-]+ ){0,2}?"
_MEMORY = "memory|ram|heap"
# What is sent or stored is as large as memory.
_SENT = "siz|largest|biggest|upload|attachment|payload|body"
LONG_TIMES = frozenset({"year", "quarter", "month"})
_LENGTHS = ("length", "inch", "ft", "mile")
DEGREES = frozenset({"°", "°c", "°f"})
_SIZES = (
    "%", "length", "size", "litre", "m2", "m3", "weight", "power", "energy", "frequency", "volt",
    "ampere", "pressure", "°", "°c", "°f",
)  # fmt: skip
_SPEEDS = ("mph", "knot", "rpm", "length", "size", RATE)
# `Recovery time`, and not the time of an event.
_SPANS_OF_TIME = (
    "cooling|delivery|grace|hold|holding|idle|lead|processing|reaction|recovery|response|retention"
    "|start-?up|turnaround|waiting|warm-?up"
)
# The number of a build is its name, and counts nothing.
_NUMBERED = (
    "account|article|bug|build|contract|customer|extension|fax|invoice|issue|job|line|model|order"
    "|part|phone|port|release|room|serial|telephone|ticket|version"
)
_COUNTED = rf"(?:^|[^\w\s] ?|\b(?!(?:{_NUMBERED}) )\w+ )number of\b"
# A charge may be one of a battery, and a rate one of anything.
_PRICES = (
    "price|fee|fare|rent|surcharge|(?:call-?out|cancellation|cleaning|delivery|entr(?:y|ance)|late"
    "|parking|service|storage) charge|(?:daily|hourly|labou?r|pay) rate"
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
_COLOURS = (
    "amber|azure|beige|black|blue|bronze|brown|copper|cream|crimson|cyan|gold|gr[ae]y|green|indigo"
    "|ivory|lilac|magenta|maroon|mauve|navy|ochre|olive|orange|pink|purple|red|rose|scarlet|silver"
    "|teal|transparent|turquoise|violet|white|yellow"
)
_ALARMS = (
    r"(?:alarm|alert|beep|complain|escalate|notif(?:y|ie)|page|scream|shout|trigger|trip|warn)s?"
    r"|critical|too [a-z]+"
)
_EXTREMES = "ceiling|limit|maximum|minimum|threshold"
# What is measured in units of its own, by the stems of the words for it.
_MEASURED = (
    ("voltage", ("volt",)),
    ("temperature", DEGREES),
    ("speed|velocity", _SPEEDS),
    ("weight|mass", ("weight",)),
    ("pressure", ("pressure",)),
    ("diameter|width|height|thickness", _LENGTHS),
)


def _measured(nouns: str, dimensions: Iterable[str]) -> tuple[str, Wanted]:
    stems = "|".join(map(stem, nouns.split("|")))
    asked = _asked(rf"(?:{nouns})(?: (?:{_EXTREMES}))?")
    return asked, quantity(sure=dimensions, noun=stems)


KINDS = (
    (
        rf"\bhow much (?:{_MEMORY})\b|"
        + _asked(rf"(?:{_MEMORY})(?: (?:{_EXTREMES}|footprint|usage))?"),
        quantity(sure=("size",), noun=_MEMORY, unlike=_SENT),
    ),
    *(_measured(*each) for each in _MEASURED),
    # Also where it is said in other words first: *how long, that is, since which date*.
    (r"\bsince (?:when|which|what)\b", quantity(BARE, VERSION, YEAR, sure=_MOMENT)),
    (r"\b(?:which|what) year\b(?! of\b)", quantity(sure=(YEAR,))),
    (
        r"\b(?:at|by|from|until|till|before) (?:which|what) hour\b"
        r"|(?<!within )(?<!in )(?<!after )(?<!over )\b(?:which|what) time (?:of (?:the )?day"
        r"|do|does|did|is|are|was|can|may|must|will)\b(?!.*\b(?:last|spend|take)s?\b)",
        quantity(SCHEDULE, sure=(CLOCK,)),
    ),
    (
        _asked("cron(?: ?tab)?(?: (?:entry|expression|line|schedule|spec|string))?"),
        quantity(sure=(SCHEDULE,), noun="cron|crontab|schedul"),
    ),
    (
        r"\b(?:which|what) (?:date|day) (?:did|was|were)\b",
        quantity(BARE, YEAR, sure=(DATE,)),
    ),
    (r"\bhow much of (?:the|its) (?:time|day|week|month|year)\b", quantity(sure="%")),
    (
        r"\bhow long (?:is|are|was) (?:an?|its|our|the) (?:[\w-]+ )?"
        r"(?:backlog|list|menu|shortlist)\b",
        quantity(COUNT),
    ),
    (r"\b(?:within|in|over) (?:which|what) time\b", quantity(sure=DURATION)),
    (
        r"\bhow fast (?:can|may) .*\b(?:call|hit|poll|query|request|send)\b",
        quantity(BARE, "frequency", sure=(RATE,)),
    ),
    (r"\bhow quickly\b", quantity(RATE, "m3", "litre", sure=DURATION)),
    (
        r"\bhow (?:soon|old|far back|much (?:longer|time))\b|\bafter how long\b"
        r"|\bat (?:which|what) age\b",
        quantity(sure=DURATION),
    ),
    (r"^when\b.*\btime(?:s|d)? out\b", quantity(sure=DURATION)),
    (r"\bhow much (?:disk|storage)\b", quantity(sure=("size",), noun="disk|storag")),
    (
        r"\bhow heavy\b|\bhow much (?:do|does|did|will|would) .*\bweigh\b",
        quantity(sure=("weight",), noun="weigh|weight|mass|heavy"),
    ),
    # A window of time is wide as well.
    (
        r"\bhow (?:wide|tall|thick)\b(?!.*\b(?:window|range)\b)",
        quantity(sure=_LENGTHS, noun="wide|width|tall|height|thick|thickness"),
    ),
    (
        r"\bhow (?:warm|hot|cold|cool)\b",
        quantity(sure=DEGREES, noun="temperatur|warm|hot|cold|cool"),
    ),
    (r"\bhow powerful\b", quantity(sure=("power",), noun="power|output|capacity|rating|rat")),
    (
        r"\bhow (?:big|large) (?:a|is the) (?:part|portion|share|fraction|proportion)\b",
        quantity(sure="%", noun="part|portion|shar|fraction|proportion"),
    ),
    (
        r"\bhow (?:big|large)\b",
        quantity(BARE, *_SIZES, *MONEY),
    ),
    (
        r"\bhow much (?:money|(?:do|does|did|is|are|was|were) .*\b(?:cost|pay|paid|charged?))\b"
        r"|\bwhat (?:do|does|did|would|will) .*\bcost\b|"
        rf"^(?:the )?(?:[\w-]+ )?(?:{_PRICES}) (?:after|at|before|if|in|on|to|when)\b|"
        + _asked(_PRICES),
        quantity(
            AMOUNT, RATE, "%", sure=MONEY, noun="pric|cost|budget|fee|fare|rent|charg|pay|paid"
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
        quantity(sure=DURATION),
    ),
    (
        r"\bhow long\b|\b(?:which|what) length of\b"
        r"|\b(?:longest|shortest) (?:allowed|permitted|possible|tolerated)\b",
        quantity("length", "size", sure=DURATION),
    ),
    (
        rf"\bhow many\b|{_COUNTED}|\b(?:instance|node|pod|replica|worker) count\b"
        r"|^(?:instances|pods|replicas) (?:of|for|in|it)\b|^it (?:instances|pods|replicas)\W*$",
        quantity(COUNT, RATE, "%"),
    ),
    (rf"{_WHAT_IS}deadline\b", quantity(*_MOMENT, sure=DURATION, noun="deadlin")),
    (
        rf"{_WHAT_IS}(?:delay|duration|lifetime|timeout|ttl|idle (?:limit|time))\b",
        quantity(sure=DURATION, noun="delay|duration|lifetim|timeout|ttl|idl"),
    ),
    (
        rf"(?:{_WHAT_IS}|^it )(?:cache|data|log|max(?:imum)?|purge|record) age\b"
        r"|\bwhat(?:'s| is) the (?:longest|shortest) (?:it|we|they|one|an?|the) .*\b(?:last|run"
        r"|stay|take|wait)s?\b",
        quantity(sure=DURATION),
    ),
    (rf"{_WHAT_IS}(?:{_SPANS_OF_TIME}) times?\b", quantity(BARE, sure=DURATION, noun="tim")),
    (
        _asked(
            "(?:rate|request|throttle|throttling)[ -]limits?(?! (?:error|header|policy|window))"
        ),
        quantity("%", "frequency", sure=(BARE, RATE), noun="rate|request|throttl"),
    ),
    (
        r"\bhow available\b|\bhow much (?:availability|uptime)\b"
        r"|\b(?:which|what)(?:'?s| is)?(?: the)? (?:[\w-]+ )?(?:percent(?:age)?|share|fraction)\b",
        quantity(sure="%", noun=r"availab\w*|percent\w*|share|fraction"),
    ),
    (
        # An availability zone is a place.
        _asked(
            r"(?:availability(?! zone)|uptime)(?: (?:figure|goal|level|objective|sla|slo|target))?"
        ),
        quantity(BARE, sure="%", noun=r"availab\w*|uptim"),
    ),
    (
        _asked("port") + r"|\b(?:tcp|udp)\b(?: [\w-]+)? number\b",
        quantity(sure=(BARE,), noun="port"),
    ),
    _CHANNEL,
    _token(
        "version|release|build",
        r"v\d+|v?\d+[.-]\d\S*",
        BARE,
        VERSION,
        stems="version|releas|build",
        also=r"\b(?:version|release|build) number\b",
    ),
    # In small letters it may as well be the name of a database.
    _token("variable|var", r"(?-i:[A-Z0-9]+_[A-Z0-9_]+)", stems="variabl|env|environment"),
    (
        _asked(r"region|zone(?! \d)"),
        Wanted(
            form=re.compile(_REGIONS, re.IGNORECASE),
            noun=re.compile("region|zon"),
            has_words=True,
        ),
    ),
    # What is not called one is known by its name.
    _token(
        "database|db",
        rf"(?!{_SETTINGS_FILE})(?:(?:[a-z]+ )?(?:{_DATABASES})(?: [\w.+-]+){{0,2}}|\w+_\w+)",
        stems="databas|db|data|stor|storag|persist|sql",
        also=r"\b(?:which|what) (?:engine|product|software|system|technology)\b.*"
        r"\b(?:keep|persist|save|store)\b",
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
        _asked("(?:repository|repo|git (?:address|location|path|project|url))")
        + r"|^where in (?:our )?(?:git|github|gitlab|version control)\b",
        Wanted(
            # A path that begins with a slash is on a disk, and an address may be a dashboard's.
            form=re.compile(
                r"\w+://\S*(?:bitbucket|code|git|repo|source|src|svn)\S*|\w+@.+|[\w.-]+(?:/[\w.-]+)+"
            ),
            noun=re.compile("repo|repository|sourc|git|github|gitlab"),
            has_words=True,
        ),
    ),
    (
        _asked("dashboard") + r"|\b(?:address|link|url) (?:for|of|to) the (?:[\w-]+ )?dashboard\b",
        Wanted(form=re.compile(r"\w+://.+"), noun=re.compile("dashboard|grafana|panel")),
    ),
    # A model of what was bought; `400 V` is none.
    (
        rf"{_WHAT_IS}(?:make|manufacturer) (?:and|or|&|\+) model\b|" + _asked("model(?: name)?"),
        Wanted(
            form=re.compile(r"(?!\d[\d.,]*(?: ?[^\W\d_]{1,3})?$)(?=.*[^\W\d_]).+"), has_words=True
        ),
    ),
    # No host, path or person's address is a company.
    (
        _asked("company|firm|vendor|supplier|manufacturer|carrier|product|brand"),
        Wanted(
            form=re.compile(r"(?![\w-]+(?:\.[\w-]+){2,}$)(?=.*[^\W\d_])[^@#/:]+"), has_words=True
        ),
    ),
    _token("colou?r", rf"(?:[\w-]+ ){{0,2}}(?:{_COLOURS})(?: .+)?|ral .+", stems="colour|color"),
    _token("bucket", r"\w+://\S+|[a-z0-9][a-z0-9.-]+", stems="bucket"),
    (
        _asked("command(?![- ]line)|cmd")
        + r"|\bwhat (?:exactly |precisely )?(?:to|do|does|should|must|can) (?:[\w'-]+ ){0,4}"
        + r"(?:type|enter|execute|invoke|run(?! (?:on|in|as|at|under|with)\b))\b"
        + r"|\b(?:which|what) line\b.*\b(?:enter|type)s?\b",
        Wanted(
            form=re.compile(r"(?!\d)[\w./~-]+ .+|[\w./~-]+/[\w.-]+"),
            noun=re.compile("command|cmd|run|execut|invok|typ|enter"),
            has_words=True,
        ),
    ),
    (
        r"\bcpus? (?:limit|quota|request|reservation|share|ceiling|cap)s?\b|\bhow much cpu\b",
        quantity(sure=(BARE, "%"), noun="cpus?|vcpus?|cor|millicor"),
    ),
    (
        r"\b(?:which|what) language\b.*\b(?:built|coded|implemented|programmed|written)\b"
        r"|\bprogramming language\b"
        r"|\bwhat (?:is|was) .*\b(?:coded|implemented|programmed|written) in\W*$",
        Wanted(
            form=re.compile(rf"(?:{_LANGUAGES})(?: \d[\w.]*)?(?:, .+)?", re.IGNORECASE),
            noun=re.compile("languag|writ|program|cod"),
        ),
    ),
    _token("language", rf"(?!{_SETTINGS_FILE})[a-z][\w+#.-]*(?: \d[\w.]*)?", stems="languag"),
    # In capitals it is a variable, by which things may be switched off but which is no flag.
    _token("flag|option|toggle", _FLAG),
    _token("switch", rf"{_FLAG}|(?-i:[A-Z0-9]+_[A-Z0-9_]+)"),
    _PATH,
    _token("mac(?: address(?:es)?)?", _MAC, stems="mac"),
    # An IP rating says how much water it bears.
    _token(
        r"ip(?:v[46])?"
        r"(?: ad{1,2}res{1,2}(?:es)?|(?= (?:can|did|do|does|for|has|is|of|will)\b|\W*$))",
        _IP,
        stems="ip|ipv4|ipv6",
    ),
    _token(
        "url|address|endpoint(?! number)",
        rf"\w+://.+|/[\w./{{}}-]+|[\w.-]+\.[a-z]{{2,}}(?:[:/].*)?|.+@.+|0x[\da-f]+|{_IP}|{_MAC}",
    ),
    # A team leads, and is nobody's head.
    (
        rf"^who(?:'s| is) the (?:[\w-]+ )?(?:{ROLES})\b|\bname of the (?:[\w-]+ )?(?:{ROLES})\b",
        Wanted(noun=re.compile(ROLES)),
    ),
    (
        r"\b(?:escalation|emergency|on-?call) (?:contact|name|person)\b"
        r"|\bname of the (?:contact|person)\b",
        Wanted(form=re.compile(rf"{_NAME}|.+@.+")),
    ),
    (
        r"^(?:who|whom|whose)\b|\b(?:which|what) (?:[\w-]+ )?(?:team|crew|squad|department)\b|"
        + _asked(r"(?:team|crew|squad|department|owners?|maintainers?)(?= (?:of|for)\b|\W*$)"),
        # `SOP-1666` is a paper, and nobody.
        Wanted(form=re.compile(rf"(?![A-Z]+-\d+$){_NAME}|[#@].+|.+@.+")),
    ),
    (
        r"\bhow (?:often|frequently)\b"
        r"|\b(?:at|in|with) (?:which|what) (?:cadence|frequency|intervals?|rhythm)\b",
        Wanted(DURATION | _MOMENT | {BARE, RATE, "frequency", "length"}, form=re.compile(_NAME)),
    ),
    # A tool is called by a name.
    (
        r"^what (?:do|did|should) (?:i|we|you|they) .* with\W*$|^with (?:which|what)\b",
        Wanted(form=re.compile(r"[^\W\d_].*", re.DOTALL)),
    ),
    (r"^where\b", Wanted(frozenset({BARE, "length"}), form=re.compile(r".+"))),
    (
        r"\b(?:which|what) (?:[\w-]+ )?(?:days?|weekdays?|date)\b"
        r"|(?:^|, )(?:the )?(?:[\w-]+ )?date (?:of|for)\b",
        Wanted(frozenset({DATE, BARE}), form=re.compile(rf".*{_DAY}.*", re.IGNORECASE)),
    ),
    # What raises an alarm may be anything.
    (
        rf"^when\b(?!.*\b(?:{_ALARMS})\b)|\b(?:is|are|was|were) .*\bwhen\W*$",
        Wanted(DURATION | _MOMENT | {BARE}, _MOMENT, form=re.compile(_NAME)),
    ),
)
