"""Relations English questions ask about, and how English sentences state them.

Each relation has the words that ask for it and patterns that state it. A pattern of `after` is followed by the name
wanted ("directed by …"), one of `before` is preceded by it ("… directed"). This is ordinary English, no knowledge of
any collection; a language without an entry here is answered by the general way (see `chain`).
"""

from __future__ import annotations

import re

from ragkit.answer.relation import Relation, relation
from ragkit.answer.works import WORKS

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

_OF_PEOPLE: tuple[Relation, ...] = (
    relation(
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
    relation(
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
    relation(
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
    relation("parent", "name", r"parents?", *_PARENT_OF, r"parents(?:,| were| are)?\s", inverse="child"),
    relation(
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
    relation(
        "sibling",
        "name",
        r"siblings?|brothers?|sisters?|twin",
        r"(?:brother|sister|sibling|twin|half-brother"
        r"|half-sister) (?:and \w+ )?(?:of|to)\s" + _KIN,
        r"(?:his|her|their|[’']s) (?:\w+\s){0,2}(?:brother|sister|sibling|twin)s?(?:,| was| is)?(?: the)?\s",
        r"(?:brother|sister)s?,?\s",
        inverse="sibling",
    ),
    relation(
        "grandparent",
        "name",
        r"grand(?:father|mother|parents?)s?",
        r"(?:grandson|granddaughter|grandchild"
        r"|grandchildren) of\s" + _KIN,
        r"grand(?:father|mother),?\s(?:was\s|is\s)?",
    ),
    relation(
        "doctoral advisor",
        "name",
        r"doctoral advisor|phd supervisor|teacher|taught by|mentor|student of",
        r"(?:student|pupil|disciple|protégé) of\s",
        r"(?:under|with) (?:professor\s)?",
        r"taught by\s",
    ),
    relation("successor", "name", r"successors?|succeeded by", r"succeeded by\s", r"successor,?\s"),
    relation(
        "predecessor",
        "name",
        r"predecessors?|preceded by",
        r"(?:succeeded|replaced|replacing|succeeding"
        r"|preceded by|predecessor,?)\s",
    ),
    relation(
        "death place",
        "place",
        r"place of death|places? (?:\w+ ){0,3}died|death ?place|where (?:.{0,200}? "
        r")?(?:die|died|pass(?:ed)? away)|(?:city|town|country|place) (?:.{0,120} "
        r")?(?:die|died)(?: in)?",
        r"(?:died|passed away|dying|killed|executed|murdered|assassinated|beheaded|drowned|death|dead|perished"
        r"|succumbed|suicide)\b",
    ),
    relation(
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
    relation(
        "burial place",
        "place",
        r"place of burial|burial ?place|where (?:.{0,200}? )?buried|(?:city|cemetery"
        r"|church|place) (?:.{0,120} )?buried(?: in)?|resting place",
        r"(?:buried|interred|entombed|burial|laid to rest|remains)\b",
    ),
    relation(
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
    relation(
        "employer",
        "name",
        r"work(?:s|ed|ing)? (?:at|for)|employers?|employed by|works?(?= at)|teach(?:es)? "
        r"at|taught at",
        r"(?:professor|lecturer|teacher|faculty|fellow|chair|instructor|researcher|taught|teaches|teaching"
        r"|works|worked|working|employed|dean|member|director)\b[^.;]{0,70}?\b(?:at|for|of|by)\s(?:the\s)?",
        r"joined\s(?:the\s)?",
    ),
    relation(
        "award",
        "phrase",
        r"awards?|prizes?|medals?|honou?rs?",
        r"(?:won|received|awarded|earned|winning"
        r"|receiving|winner of|recipient of"
        r"|nominated for|honou?red "
        r"with)\b[^.;]{0,60}?(?=[A-Z])",
    ),
    relation(
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
    relation(
        "birth date",
        "date",
        r"date of birth|birth ?dates?|birthdays?|when (?:.{0,200}? )?born|(?:what"
        r"|which) (?:year|date|day|month) (?:.{0,200} )?born|born (?:in|on) (?:what"
        r"|which) \w+",
    ),
    relation(
        "death date",
        "date",
        r"date of death|death date|when (?:.{0,200}? )?(?:die|died|pass(?:ed)? away)"
        r"|(?:what|which) (?:year|date|day|month) (?:.{0,200} )?(?:die|died)|died (?:in"
        r"|on) (?:what|which) \w+",
    ),
    relation(
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
    relation(
        "release date",
        "date",
        r"when (?:.{0,200}? )?(?:released?|come out|came out|published|premiered?"
        r"|air(?:ed)?|debut(?:ed)?)|(?:what|which) (?:year|date) (?:.{0,200} "
        r")?(?:released?|come out|came out|published|premiered?)|released in (?:what"
        r"|which) \w+|release (?:date|year)|publication date",
        r"(?:released?|premiered|published|issued|aired|debuted|came out|launched|began)\b[^.;]{0,60}?\b(?:in"
        r"|on|from|since)\s",
    ),
    relation(
        "country",
        "country",
        r"nationalit(?:y|ies)|(?:which|what) country|countr(?:y|ies)(?: of (?:origin"
        r"|citizenship))?|citizenship|citizens? of",
    ),
)

RELATIONS: tuple[Relation, ...] = (*WORKS, *_OF_PEOPLE)

BY_NAME = {relation.name: relation for relation in RELATIONS}

# A word of kinship beyond one step, and the steps it is made of, each asked of the one before.
KINSHIP: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), steps)
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
