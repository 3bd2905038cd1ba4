"""The words of dates and times: names, numbers, and the patterns `ragkit.memory.times` gives a meaning to.

Every repetition is bounded, so that scanning takes time proportional to the text.
"""

from __future__ import annotations

import re

MONTHS = (
    "january february march april may june july august september october november december".split()
)  # fmt: skip
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()  # noqa: E501
NUMBERS = {word: value for value, word in enumerate(_ONES)} | {"thirty": 30, "forty": 40, "fifty": 50, "a": 1, "an": 1}

FEW = re.compile(r"(?:a\s)?(?:few|several)", re.I)
COUPLE = re.compile(r"(?:a\s)?couple(?:\sof)?", re.I)


def month_number(word: str) -> int:
    """1 to 12 of a month's name or abbreviation."""
    return next(number for number, name in enumerate(MONTHS, 1) if name.startswith(word.lower().rstrip(".")[:3]))


def weekday_number(word: str) -> int:
    """0 (Monday) to 6 of a weekday's name or abbreviation."""
    return next(number for number, name in enumerate(DAYS) if name.startswith(word.lower().rstrip(".")[:3]))


MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
WEEKDAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
SHORT_DAY = r"(?:Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun)\b\.?"
SEASON = r"(?:spring|summer|autumn|fall|winter)"
COUNT = (
    r"(?:\d{1,4}|(?:a\s)?(?:few|several)|(?:a\s)?couple(?:\sof)?|an?|"
    + "|".join(sorted((word for word in NUMBERS if len(word) > 2), key=lambda word: -len(word)))
    + r")"
)
UNIT = r"(?:minute|min|hour|day|night|week|weekend|month|year|decade)s?"
DAY_PART = r"(?:morning|afternoon|evening|night)"
DAY_NUMBER = r"(?:3[01]|[12]\d|0?[1-9])"
DAY_RANGE = rf"{DAY_NUMBER}(?:st|nd|rd|th)?(?:\s?(?:-|–|to|and|&)\s?{DAY_NUMBER}(?:st|nd|rd|th)?)?"
YEAR = r"(?:1[89]|20)\d\d"
CLOCK = (
    r"(?:(?P<hour12>1[0-2]|0?[1-9])(?:[:.](?P<minute12>[0-5]\d))?\s?(?P<half>[ap]\.?m\b\.?)"
    r"|(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)(?::[0-5]\d)?"
    r"|(?P<oclock>1[0-2]|[1-9])\s?o['’]clock|(?P<name>noon|midnight))"
)
PART = r"(?:beginning|start|middle|end|early|late|mid)"
ORDINAL_WORDS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1,
}  # fmt: skip

DAY_WORDS = {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third "
        "twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth "
        "thirty-first".split(),
        1,
    )
}

_COUNTS = frozenset(word for word in NUMBERS) | {"few", "several", "couple"}
_MONTHS = frozenset(MONTHS) | {"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"}
_SHORT_DAYS = frozenset({"mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun"})
_DAYS = frozenset(DAYS)
_SEASONS = frozenset({"spring", "summer", "autumn", "fall", "winter"})
_PERIODS = frozenset({"week", "weekend", "month", "year"})
_ORDINALS = frozenset(ORDINAL_WORDS)
DIGIT = "0"  # stands for every word that begins with a digit

# Name of a rule -> the words it may begin with, and its pattern. Where several fit at one place the first whose meaning
# is accepted wins.
PATTERNS: dict[str, tuple[frozenset[str], str]] = {
    "iso": (
        frozenset({DIGIT}),
        r"(?P<y>\d{4})-(?P<m>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])"
        r"(?:[T ](?P<hh>[01]\d|2[0-3]):(?P<mm>[0-5]\d)(?::[0-5]\d(?:\.\d{1,9})?)?"
        r"(?P<zone>Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?)?(?![\w-])",
    ),
    "iso_week": (frozenset({DIGIT}), r"(?P<y>\d{4})-?W(?P<w>[0-5]\d)(?![\w-])"),
    "iso_month": (frozenset({DIGIT}), rf"(?P<y>{YEAR})-(?P<m>0[1-9]|1[0-2])(?![\w-])"),
    "numeric": (
        frozenset({DIGIT}),
        rf"(?P<a>\d{{1,2}})(?P<sep>[/.])(?P<b>\d{{1,2}})(?P=sep)(?P<y>{YEAR})(?![\w/]|\.\d)",
    ),
    "day_month": (
        _DAYS | _SHORT_DAYS | {DIGIT},
        rf"(?:(?P<wd>{WEEKDAY}|{SHORT_DAY}),?\s(?:the\s)?)?(?P<d>{DAY_RANGE})\s?(?:of\s)?(?P<m>{MONTH})"
        rf"(?:,?\s(?:of\s)?(?P<y>{YEAR}))?(?!\w)",
    ),
    "month_day": (
        _DAYS | _SHORT_DAYS | _MONTHS,
        rf"(?:(?P<wd>{WEEKDAY}|{SHORT_DAY}),?\s)?(?P<m>{MONTH})\s(?:the\s)?(?P<d>{DAY_RANGE})"
        rf"(?![\d:]|\s?[ap]\.?m\b)(?:,?\s(?:of\s)?(?P<y>{YEAR}))?(?!\w)",
    ),
    "spelled_day": (
        frozenset({*DAY_WORDS, "twenty", "thirty"}),
        rf"(?P<d>{'|'.join(sorted(DAY_WORDS, key=len, reverse=True))})\sof\s(?P<m>{MONTH})"
        rf"(?:,?\s(?:of\s)?(?P<y>{YEAR}))?(?!\w)",
    ),
    "month_year": (_MONTHS, rf"(?P<m>{MONTH}),?\s(?:of\s)?(?P<y>{YEAR})(?!\w)"),
    "nth_day": (
        _ORDINALS,
        rf"(?P<n>first|second|third|fourth|last)\s(?P<d>{WEEKDAY})\s(?:of|in)\s(?P<m>{MONTH})"
        rf"(?:,?\s(?:of\s)?(?P<y>{YEAR}))?(?!\w)",
    ),
    "nth_week": (
        _ORDINALS,
        rf"(?P<n>first|second|third|fourth|last)\s(?P<u>weekend|week)\s(?:of|in)\s(?P<m>{MONTH})"
        rf"(?:,?\s(?:of\s)?(?P<y>{YEAR}))?(?!\w)",
    ),
    "before_last": (
        _PERIODS | _DAYS | _SEASONS,
        rf"(?P<u>weekend|week|month|year|{WEEKDAY}|{SEASON})\s(?P<w>before\slast|after\snext)(?!\w)",
    ),
    "day_before": (frozenset({"day"}), r"day\s(?P<w>before\syesterday|after\stomorrow)(?!\w)"),
    "weekday_of_week": (
        _DAYS | {"last", "next"},
        rf"(?:(?P<d>{WEEKDAY})\s(?:of\s)?(?P<w>last|this|next)\sweek"
        rf"|(?P<w2>last|next)\sweek(?:['’]s|\son)?\s(?P<d2>{WEEKDAY}))(?!\w)",
    ),
    "ago": (
        _COUNTS | {DIGIT},
        rf"(?P<n>{COUNT})(?P<andhalf>\sand\s(?:a|one)\shalf)?\s(?P<u>{UNIT})(?P<andhalf2>\sand\sa\shalf)?"
        r"\s(?:ago|back)(?!\w)",
    ),
    "half_ago": (frozenset({"half"}), r"half\san?\s(?P<u>hour|day|year|decade)\sago(?!\w)"),
    "weekdays_ago": (_COUNTS | {DIGIT}, rf"(?P<n>{COUNT})\s(?P<d>{WEEKDAY}s?)\sago(?!\w)"),
    "from_now": (
        _COUNTS | {DIGIT, "in"},
        rf"(?:in\s(?P<n>{COUNT})\s(?P<u>{UNIT})(?:['’]\stime)?"
        rf"|(?P<n2>{COUNT})\s(?P<u2>{UNIT})\sfrom\s(?:now|today))(?!\w)",
    ),
    "last_n": (
        frozenset({"last", "past", "next", "coming"}),
        rf"(?P<w>last|past|next|coming)\s(?P<n>{COUNT})\s(?P<u>{UNIT})(?!\w)",
    ),
    "part_of": (
        frozenset({"beginning", "start", "middle", "end"}),
        rf"(?P<p>beginning|start|middle|end)\sof\s(?:the|this)\s(?P<u>week|month|year|decade|{SEASON})(?!\w)",
    ),
    "within": (frozenset({"earlier", "later"}), r"(?P<w>earlier|later)\sthis\s(?P<u>week|month|year)(?!\w)"),
    "season_year": (_SEASONS, rf"(?P<s>{SEASON})(?:\sof)?,?\s(?P<y>{YEAR})(?!\w)"),
    "shifted": (
        frozenset({"last", "this", "next", "previous", "past", "coming", "upcoming"}),
        r"(?P<w>last|this\spast|this\scoming|this|next|previous|past|coming|upcoming)\s"
        rf"(?P<u>weekend|week|month|year|decade|{SEASON}|{WEEKDAY}|{SHORT_DAY}|{MONTH})(?![\w-])",
    ),
    "day_word": (
        frozenset({"yesterday", "today", "tonight", "tomorrow", "last", "this"}),
        r"(?:(?P<y>yesterday)|(?P<t>today)|(?P<n>tonight)|(?P<o>tomorrow)|(?P<l>last\s(?:night|evening))"
        rf"|(?P<m>this\s(?:morning|afternoon|evening)))(?:\s{DAY_PART})?(?!\w)",
    ),
    "decade": (frozenset({DIGIT}), r"(?P<y>(?:1[89]|20)\d0|[2-9]0)s(?!\w)"),
    "clock": (frozenset({DIGIT, "noon", "midnight"}), rf"{CLOCK}(?![\w:])"),
    "season": (_SEASONS, rf"(?P<s>{SEASON})(?!\w)"),
    "month": (_MONTHS, rf"(?P<m>{MONTH})(?![\w-])"),
    "weekday": (_DAYS | _SHORT_DAYS, rf"(?P<d>{WEEKDAY}|{SHORT_DAY})(?:\s{DAY_PART})?(?![\w-])"),
    "nth": (
        frozenset({DIGIT}),
        rf"(?P<d>{DAY_NUMBER})(?:st|nd|rd|th)(?=\s?(?:[.,;:!?)]|$|at\b|we\b|I\b|and\b|because\b|for\b))",
    ),
    "years": (frozenset({DIGIT}), rf"(?P<y>{YEAR})\s?[-–]\s?(?P<z>{YEAR})(?![\w-])"),
    "year": (frozenset({DIGIT}), rf"(?P<y>{YEAR})(?![\w%°]|[.,:/-]\d|-\w)"),
}


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern in any case, at the start of a word, with up to three white-space characters for each blank."""
    spaced = re.sub(r"\\s(\??)(?!\{)", lambda blank: r"\s{0,3}" if blank[1] else r"\s{1,3}", pattern)
    return re.compile(r"(?<!\w)(?<!\d[./-])" + spaced, re.I)


def _by_first_word() -> dict[str, tuple[tuple[str, re.Pattern[str]], ...]]:
    rules = [(name, first, compiled(pattern)) for name, (first, pattern) in PATTERNS.items()]
    keys = sorted(frozenset().union(*(first for _, first, _ in rules)))
    return {key: tuple((name, pattern) for name, first, pattern in rules if key in first) for key in keys}


RULES = _by_first_word()
WORD = re.compile(r"[^\W_]{1,16}")

# What stands before a time, and the tense of the clause around it.
FUTURE = frozenset("will won't shall gonna tomorrow upcoming let's".split())
GOING = frozenset("going coming leaving flying visiting meeting seeing having moving starting planning looking".split())
IS = frozenset("am are is i'm you're we're they're he's she's it's".split())
PAST = frozenset(
    "was were had did didn't went got saw made came took met found said told gave left bought began felt ran won lost "
    "ate drove wrote read heard thought taught built held spent became broke caught chose fell flew knew sang sold "
    "sent slept spoke swam wore since just hit put quit".split()
)
NOT_PAST = frozenset("need feed seed speed breed red bed indeed hundred wed ted fred sacred naked embed exceed".split())
CLAUSE_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]{1,2})?|[.!?;\n](?=\s|$)")
SEASON_LEAD = re.compile(r"\b(?:in|during|over|by|since|until)\s{1,3}(?:the\s{1,3})?$", re.I)
CLOCK_LEAD = re.compile(r"(?:\b(?:at|by|until|till|around|about|from|before|after)\s{1,3}|@\s{0,2})$", re.I)
NTH_LEAD = re.compile(r"\bon\s{1,3}the\s{1,3}$", re.I)
MONTH_LEAD = re.compile(
    r"(?:\b(?:in|since|until|till|by|during|from|of|through|between|and|or|to|around|about|before|after|early|late|mid"
    r"|every|for|starting|back\sin|our|the)\s{1,3}|mid-)$",
    re.I,
)
SURE_LEAD = re.compile(
    r"(?:\b(?:in|since|until|till|during|early|late|mid)\s{1,3}|\b(?:end|beginning|start|middle)\sof\s{1,3}|mid-)$",
    re.I,
)
DAY_LEAD = re.compile(r"\b(?:on|by|until|till|since|from|before|after)\s{1,3}$", re.I)
AHEAD_LEAD = re.compile(
    r"(?:(?:\b(?:is|are|isn['’]t|aren['’]t|starts?|begins?|opens?|ends?|closes|expires?|due|leaves|departs)|['’](?:s|re))"
    r"\s{1,3}(?:on|in|at|by|from)|\b(?:until|till))\s{1,3}(?:the\s{1,3})?"
    r"(?:(?:(?:beginning|start|middle|end)\sof|early|late)\s{1,3}(?:the\s{1,3})?|mid[\s-])?$",
    re.I,
)
HABIT_LEAD = re.compile(r"\b(?:every|each|most|some|any|usually|always|on\sa|a)\s{1,3}(?:other\s{1,3})?$", re.I)
YEAR_LEAD = re.compile(
    r"(?:\b(?:in|since|until|till|by|during|from|of|through|between|and|to|around|about|before|after|early|late|mid|year"
    r"|circa|ca\.?|back\sin)\s{1,3}|mid-|\()$",
    re.I,
)
NOT_A_YEAR = re.compile(
    r"\s{0,2}(?:people|persons|dollars|euros|pounds|bucks|usd|eur|km|kilomet|miles?\b|m\b|met(?:er|re)s?|kg|kilos?|g\b|grams"
    r"|words|steps|times|pieces|pages|points|calories|kcal|hours|minutes|days|weeks|years|meters|feet|ft\b|square|copies"
    r"|followers|items|units|volts|watts|mb\b|gb\b|lines|of\b)",
    re.I,
)
PART_LEAD = re.compile(
    r"(?:(?:\bthe\s{1,2})?\b(?P<of>beginning|start|middle|end)\sof\s{1,2}(?:the\s{1,2})?|\b(?P<adj>early|late|mid)(?:\s{1,2}|-)(?:in\s{1,2})?)$",
    re.I,
)
JOIN = re.compile(r"(?:,?\s{1,2}(?:at|around|about|by)?\s{0,2}|,\s?|\s?@\s?)", re.I)
JOIN_BACK = re.compile(r"(?:,?\s{1,2}(?:on|of)?\s{0,2})", re.I)
