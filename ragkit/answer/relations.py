"""Relations English questions ask about, and how English sentences state them.

Each relation has the words that ask for it and patterns that state it. A pattern of `after` is followed by the name
wanted ("directed by …"), one of `before` is preceded by it ("… directed"). This is ordinary English, no knowledge of
any collection; a language without an entry here is answered by the general way (see `chain`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Value = Literal["name", "date", "place", "country", "phrase", "number"]

_F = re.IGNORECASE


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation. `asks` finds it in a question, `after` and `before` in a sentence.

    `gender`: the filler is a woman (True), a man (False) or either. `inverse` names the relation that leads back.
    """

    name: str
    value: Value
    asks: re.Pattern[str]
    after: tuple[re.Pattern[str], ...] = ()
    before: tuple[re.Pattern[str], ...] = ()
    gender: bool | None = None
    inverse: str = ""

    @property
    def final(self) -> bool:
        """Whether it ends a path: what it leads to has no relations questions go on to ask."""
        return self.value != "name" or self.name in ("education", "employer")


def _relation(
    name: str,
    value: Value,
    asks: str,
    *after: str,
    before: tuple[str, ...] = (),
    gender: bool | None = None,
    inverse: str = "",
) -> Relation:
    return Relation(
        name,
        value,
        re.compile(rf"\b(?:{asks})\b", _F),
        tuple(re.compile(rf"\b(?:{pattern})", _F) for pattern in after),
        tuple(re.compile(rf"(?:{pattern})\b", _F) for pattern in before),
        gender,
        inverse,
    )


# A verb of making with others beside it: "written, produced and directed by".
def _made(verb: str) -> str:
    beside = r"(?:\s*(?:,|and|&|/|,\s*and)\s*(?:co-)?[a-z]+ed|\s*(?:,|and|&|/|,\s*and)\s*(?:written|sung|shot|run))"
    return rf"{verb}{beside}{{0,3}}(?:\s+(?:in|on|at|around)\s+[\w ]{{1,24}}?)?\s+(?:and\s+\w+\s+)?by\s"


_KIN = (
    r"(?:(?:the|an?|his|her|only|first|second|third|fourth|eldest|oldest|younger|elder|youngest|future|late|former"
    r"|then|with)\s+){0,3}"
)
_PARENT_OF = (
    r"(?:son|daughter|child|children|sons|daughters|offspring|issue|bastard"
    r"|twins?)\s*(?:\([^)]*\)\s*)?(?:\w+\s+){0,2}?of\s",
    r"born to\s",
    r"born\b[^.;]{0,60}?\bto\s",
)

RELATIONS: tuple[Relation, ...] = (
    _relation(
        "director",
        "name",
        r"directors?|directed(?:\s+by)?|filmmakers?",
        _made("directed"),
        r"direction (?:by|of)\s",
        r"directed\s*[:(]\s*",
        r"directors?,?\s(?:(?:was|is|are)\s)?",
        r"directorial debut (?:of|by|for)\s",
        r"(?:film|movie|short|drama|comedy|documentary|western|thriller|feature|series|serial"
        r"|musical)\s+(?:\w+\s+){0,2}?(?:by|of|from)\s",
        before=(
            r"\b(?:directed|wrote and directed|'s?\s+directorial)",
            r"(?:\s+is|\s+was)? the director",
            r"[’']s?\s+(?:\w+\s+){0,3}(?:film|movie|documentary)",
        ),
    ),
    _relation(
        "performer",
        "name",
        r"performers?|performed(?:\s+by)?|singers?|sang|sung by|sings|recording artist"
        r"|recorded by",
        _made(r"(?:performed|recorded|sung|released|covered)"),
        r"(?:song|single|track|album|hit|record|ballad|recording|ep|mixtape)\s+(?:(?:written|recorded|released"
        r"|performed|produced|co-written)\s+(?:and\s+\w+\s+)?)?(?:by|from|of)\s",
        r"by (?:the\s)?(?:\w+[ -]){0,4}(?:singer|rapper|band|group|artist|duo|musician|vocalist|dj|songwriter"
        r"|producer|girl group|boy band)(?:[ -]?(?:and|/|&)\s?\w+)?\s",
        before=(r"\b(?:performed|recorded|sang|sings)", r"[’']s?\s+(?:\w+\s+){0,4}(?:song|single|album|track)"),
    ),
    _relation(
        "composer",
        "name",
        r"composers?|composed(?:\s+by)?|scored by|wrote the music",
        _made(r"(?:composed|scored)"),
        r"(?:music|score|soundtrack|songs?|theme"
        r"|tunes)\s+(?:\w+\s+){0,3}?(?:composed |written |scored |done "
        r"|provided )?(?:by|of)\s",
        r"(?:music|score)\s*(?:was|is|:)\s*(?:by\s)?",
        r"music director\s",
        r"composers?,?\s",
        _made("written"),
        r"songs?\s+by\s",
        before=(
            r"\b(?:composed|scored|wrote|was (?:the|its) music director|has (?:composed|scored)|did the "
            r"music|provided (?:the )?(?:music|score))",
        ),
    ),
    _relation(
        "screenwriter",
        "name",
        r"screenwriters?|scriptwriters?|wrote the (?:script|screenplay)",
        r"(?:screenplay|script|story)\s+(?:\w+\s+){0,2}?by\s",
        _made("written"),
        before=(r"\bwrote(?: the (?:script|screenplay))?",),
    ),
    _relation(
        "producer",
        "name",
        r"producers?|produced(?:\s+by)?",
        _made("produced"),
        r"production (?:by|of)\s",
        r"producers?,?\s(?:was\s|is\s)?",
        before=(r"\bproduced",),
    ),
    _relation(
        "editor",
        "name",
        r"editors?|edited(?:\s+by)?",
        _made("edited"),
        r"editors?(?:-in-chief)?,?\s(?:was\s"
        r"|is\s)?",
        r"under the editorship of\s",
        before=(r"\bedited", r"(?:\s+is|\s+was)? the editor"),
    ),
    _relation(
        "author",
        "name",
        r"authors?|writers?|written by|wrote|penned",
        _made(
            r"(?:written|authored|penned"
            r"|co-written)"
        ),
        r"(?:novel|book|story|play|poem|memoir|manga|comic|series|essay|novella|work)\s+(?:\w+\s+){0,2}?(?:by"
        r"|of)\s",
        r"authors?,?\s",
        before=(r"\b(?:wrote|penned|authored|published)",),
    ),
    _relation(
        "creator",
        "name",
        r"creators?|created(?:\s+by)?|designers?|designed(?:\s+by)?|architect|inventor"
        r"|invented(?:\s+by)?",
        _made(r"(?:created|designed|invented|conceived|built)"),
        r"creators?,?\s",
        before=(r"\b(?:created|designed|invented)",),
    ),
    _relation(
        "publisher",
        "name",
        r"publishers?|published(?:\s+by)?|record label|released by",
        _made("(?:published|released|issued)"),
        r"publishers?,?\s",
    ),
    _relation(
        "founder",
        "name",
        r"founders?|founded by|who (?:\w+\s)?(?:founded|established|started)|co-?founders?",
        _made(r"(?:founded|established|started|co-founded|formed)"),
        r"founders?,?\s",
        before=(r"\b(?:co-)?(?:founded|established|started)",),
    ),
    _relation(
        "owner",
        "name",
        r"owners?|owned by|owns|parent company",
        _made(r"owned"),
        r"(?:subsidiary|division|property|part) of\s",
        r"owners?,?\s",
        before=(r"\bowns",),
    ),
    _relation(
        "developer",
        "name",
        r"developers?|developed by",
        _made("developed"),
        r"developers?,?\s",
        before=(r"\bdeveloped",),
    ),
    _relation(
        "cast",
        "name",
        r"stars? in|starring|starred|actors?|actress(?:es)?|played by|portrayed by|who "
        r"(?:plays|played|portrays|portrayed)",
        r"starr(?:ing|ed)\s",
        r"(?:film |movie |series |it )stars\s",
        r"(?:played|portrayed) by\s",
        before=(r"\b(?:starred|stars|plays|played|portrays|portrayed)",),
    ),
    _relation(
        "spouse",
        "name",
        r"husbands?|wife|wives|spouses?|married(?: to)?|consort|partner",
        r"(?:was\s|is\s|were\s|been\s|being\s)?(?:re)?married (?:to\s)?" + _KIN,
        r"(?:wife|husband|spouse|widow|widower|consort|ex-wife|ex-husband|fiancée?|partner|mistress) "
        r"(?:and \w+ )?of\s",
        r"marriage\s(?:(?:in\s)?\d+\s)?(?:to|with)\s",
        r"(?:his|her) (?:\w+\s){0,2}(?:husband|wife|spouse"
        r"|marriage|partner)(?:,| was| is| to)?\s",
        r"wedded\s",
        r"wed\s",
        r"(?:husband|wife)[:,]?\s",
        r"(?:queen|consort|empress|concubine)(?: consort)? (?:of|to)\s",
        before=(r"[’']s?\s+(?:\w+\s){0,2}(?:wife|husband|widow|consort)", r"\s(?:(?:re)?married|wed)\s(?:him|her)"),
        inverse="spouse",
    ),
    _relation(
        "father",
        "name",
        r"fathers?|dad",
        r"(?:his|her|their|[’']s) (?:\w+\s){0,2}father(?:,| was| is| being"
        r"| of)?(?: the)?\s",
        *_PARENT_OF,
        r"father,?\s(?!(?:of|to)\b)",
        r"fathered by\s",
        r"sired by\s",
        before=(r"\b(?:was|is|and|,)? (?:his|her|their|the) father",),
        gender=False,
        inverse="child",
    ),
    _relation(
        "mother",
        "name",
        r"mothers?|mom|mum",
        r"(?:his|her|their|[’']s) (?:\w+\s){0,2}mother(?:,| was| is| "
        r"being)?(?: the)?\s",
        *_PARENT_OF,
        r"mother,?\s(?!(?:of|to)\b)",
        before=(r"\b(?:was|is|and|,)? (?:his|her|their|the) mother",),
        gender=True,
        inverse="child",
    ),
    _relation("parent", "name", r"parents?", *_PARENT_OF, r"parents(?:,| were| are)?\s", inverse="child"),
    _relation(
        "child",
        "name",
        r"child|children|sons?|daughters?|kids?|heirs?",
        r"(?:father|mother|parents?) (?:and "
        r"\w+ )?(?:of|to)\s" + _KIN,
        r"(?:his|her|their|one|a|two|three|four|eldest|the|[’']s) (?:\w+\s){0,2}(?:son|daughter|child|children"
        r"|sons|daughters|kids)(?:,| was| is|:| named| called| included?)?(?: the)?\s",
        r"(?:son|daughter|child|children)[:,]?\s(?!(?:of|to)\b)",
        r"gave birth to\s" + _KIN,
        r"begat\s",
        r"issue:\s",
        inverse="parent",
    ),
    _relation(
        "sibling",
        "name",
        r"siblings?|brothers?|sisters?|twin",
        r"(?:brother|sister|sibling|twin|half-brother"
        r"|half-sister) (?:and \w+ )?(?:of|to)\s" + _KIN,
        r"(?:his|her|their|[’']s) (?:\w+\s){0,2}(?:brother|sister|sibling|twin)s?(?:,| was| is)?(?: the)?\s",
        r"(?:brother|sister)s?,?\s",
        inverse="sibling",
    ),
    _relation(
        "grandparent",
        "name",
        r"grand(?:father|mother|parents?)s?",
        r"(?:grandson|granddaughter|grandchild"
        r"|grandchildren) of\s" + _KIN,
        r"grand(?:father|mother),?\s(?:was\s|is\s)?",
    ),
    _relation(
        "doctoral advisor",
        "name",
        r"doctoral advisor|phd supervisor|teacher|taught by|mentor|student of",
        r"(?:student|pupil|disciple|protégé) of\s",
        r"(?:under|with) (?:professor\s)?",
        r"taught by\s",
    ),
    _relation("successor", "name", r"successors?|succeeded by", r"succeeded by\s", r"successor,?\s"),
    _relation(
        "predecessor",
        "name",
        r"predecessors?|preceded by",
        r"(?:succeeded|replaced|replacing|succeeding"
        r"|preceded by|predecessor,?)\s",
    ),
    _relation(
        "death place",
        "place",
        r"place of death|places? (?:\w+ ){0,3}died|death ?place|where (?:.{0,200}? "
        r")?(?:die|died|pass(?:ed)? away)|(?:city|town|country|place) (?:.{0,120} "
        r")?(?:die|died)(?: in)?",
        r"(?:died|passed away|dying|killed|executed|murdered|assassinated|beheaded|drowned|death|dead|perished"
        r"|succumbed|suicide)\b",
    ),
    _relation(
        "birth place",
        "place",
        r"place of birth|birth ?place|where (?:.{0,200}? )?born|(?:city|town|country"
        r"|place|state|county|village) (?:.{0,120} )?born(?: in)?|hometown|native of"
        r"|birth city",
        r"born\b",
        r"birthplace\b",
        r"(?:native|resident)(?= of\b)",
        r"(?:hails?|comes?|came|originally"
        r"|originates)(?= from\b)",
    ),
    _relation(
        "burial place",
        "place",
        r"place of burial|burial ?place|where (?:.{0,200}? )?buried|(?:city|cemetery"
        r"|church|place) (?:.{0,120} )?buried(?: in)?|resting place",
        r"(?:buried|interred|entombed|burial|laid to rest|remains)\b",
    ),
    _relation(
        "education",
        "name",
        r"graduated?(?: from)?|alma mater|educated(?: at)?|stud(?:y|ied) at|(?:university"
        r"|college|school) (?:.{0,120} )?attend(?:ed)?|where (?:.{0,200}? )?(?:stud(?:y"
        r"|ied)|educated)|degree from",
        r"graduat(?:ed|e|ing|ion)\b[^.;]{0,60}?\b(?:from|of|at)\s(?:the\s)?",
        r"(?:attended|attending)\s(?:the\s)?",
        r"(?:studied|educated|trained|enrolled|educat\w+)\b[^.;]{0,60}?\b(?:at|from|in)\s(?:the\s)?",
        r"(?:degree|diploma|doctorate|Ph\.?D\.?|BA|MA|M\.?F\.?A\.?|B\.?A\.?)\b[^.;]{0,60}?\b(?:from"
        r"|at)\s(?:the\s)?",
        r"(?:alumnus|alumna|graduate|student) (?:of|at)\s(?:the\s)?",
    ),
    _relation(
        "employer",
        "name",
        r"work(?:s|ed|ing)? (?:at|for)|employers?|employed by|works?(?= at)|teach(?:es)? "
        r"at|taught at",
        r"(?:professor|lecturer|teacher|faculty|fellow|chair|instructor|researcher|taught|teaches|teaching"
        r"|works|worked|working|employed|dean|member|director)\b[^.;]{0,70}?\b(?:at|for|of|by)\s(?:the\s)?",
        r"joined\s(?:the\s)?",
    ),
    _relation(
        "award",
        "phrase",
        r"awards?|prizes?|medals?|honou?rs?",
        r"(?:won|received|awarded|earned|winning"
        r"|receiving|winner of|recipient of"
        r"|nominated for|honou?red "
        r"with)\b[^.;]{0,60}?(?=[A-Z])",
    ),
    _relation(
        "death cause",
        "phrase",
        r"why (?:.{0,200}? )?(?:die|died)|cause of death|how (?:.{0,200}? )?(?:die"
        r"|died)(?!\s+(?:in|at))",
        r"(?:died|dead|dying)\b[^.;]{0,80}?\b(?:of|from"
        r"|due to|as a result of|because of)\s(?:an?\s"
        r"|the\s)?",
        r"(?:cause of death|death)\b[^.;]{0,40}?\b(?:was|from|caused by|due to|by)\s(?:an?\s|the\s)?",
        r"(?:killed|murdered|executed"
        r"|shot)\b[^.;]{0,40}?\b(?:in|by)\s(?:an?\s"
        r"|the\s)?",
    ),
    _relation(
        "birth date",
        "date",
        r"date of birth|birth ?dates?|birthdays?|when (?:.{0,200}? )?born|(?:what"
        r"|which) (?:year|date|day|month) (?:.{0,200} )?born|born (?:in|on) (?:what"
        r"|which) \w+",
    ),
    _relation(
        "death date",
        "date",
        r"date of death|death date|when (?:.{0,200}? )?(?:die|died|pass(?:ed)? away)"
        r"|(?:what|which) (?:year|date|day|month) (?:.{0,200} )?(?:die|died)|died (?:in"
        r"|on) (?:what|which) \w+",
    ),
    _relation(
        "founding date",
        "date",
        r"when (?:.{0,200}? )?(?:founded|established|formed|started|created|opened"
        r"|built|incorporated|launched)|(?:what|which) (?:year|date) (?:.{0,200} "
        r")?(?:founded|established|formed|started|created|opened|built|launched)"
        r"|(?:founded|established|formed|opened|built) (?:in|on) (?:what|which) \w+"
        r"|founding (?:date|year)",
        r"(?:founded|established|formed|started|created|opened|built|incorporated|launched|began|dates?"
        r"|inaugurated|constructed|completed|chartered|organi[sz]ed|founding)\b[^.;]{0,60}?\b(?:in|on|from"
        r"|since|to)\s",
    ),
    _relation(
        "release date",
        "date",
        r"when (?:.{0,200}? )?(?:released?|come out|came out|published|premiered?"
        r"|air(?:ed)?|debut(?:ed)?)|(?:what|which) (?:year|date) (?:.{0,200} "
        r")?(?:released?|come out|came out|published|premiered?)|released in (?:what"
        r"|which) \w+|release (?:date|year)|publication date",
        r"(?:released?|premiered|published|issued|aired|debuted|came out|launched|began)\b[^.;]{0,60}?\b(?:in"
        r"|on|from|since)\s",
    ),
    _relation(
        "country",
        "country",
        r"nationalit(?:y|ies)|(?:which|what) country|countr(?:y|ies)(?: of (?:origin"
        r"|citizenship))?|citizenship|citizens? of",
    ),
)

BY_NAME = {relation.name: relation for relation in RELATIONS}

# A word of kinship beyond one step, and the steps it is made of, each asked of the one before.
KINSHIP: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", _F), steps)
    for words, steps in (
        (r"paternal grand-?father", ("father", "father")),
        (r"paternal grand-?mother", ("father", "mother")),
        (r"maternal grand-?father", ("mother", "father")),
        (r"maternal grand-?mother", ("mother", "mother")),
        (r"father[- ]in[- ]law", ("spouse", "father")),
        (r"mother[- ]in[- ]law", ("spouse", "mother")),
        (r"(?:sibling|brother|sister)[- ]in[- ]law", ("spouse", "sibling")),
        (r"(?:child|son|daughter)[- ]in[- ]law", ("child", "spouse")),
        (r"uncle|aunt", ("parent", "sibling")),
        (r"grand-?(?:child|son|daughter)(?:ren)?s?", ("child", "child")),
        (r"step-?(?:mother|father)", ("father", "spouse")),
        (r"grand-?father", ("parent", "father")),
        (r"grand-?mother", ("parent", "mother")),
    )
)
