"""The relations of works and things made: who directed, wrote, sang, designed, founded or owns them."""

from __future__ import annotations

from ragkit.answer.relation import Relation, relation


# A verb of making with others beside it: "written, produced and directed by".
def _made(verb: str) -> str:
    beside = r"(?:\s*(?:,|and|&|/|,\s*and)\s*(?:co-)?[a-z]+ed|\s*(?:,|and|&|/|,\s*and)\s*(?:written|sung|shot|run))"
    return rf"{verb}{beside}{{0,3}}(?:\s+(?:in|on|at|around)\s+[\w ]{{1,24}}?)?\s+(?:and\s+\w+\s+)?by\s"


WORKS: tuple[Relation, ...] = (
    relation(
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
    relation(
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
    relation(
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
    relation(
        "screenwriter",
        "name",
        r"screenwriters?|scriptwriters?|wrote the (?:script|screenplay)",
        r"(?:screenplay|script|story)\s+(?:\w+\s+){0,2}?by\s",
        _made("written"),
        before=(r"\bwrote(?: the (?:script|screenplay))?",),
    ),
    relation(
        "producer",
        "name",
        r"producers?|produced(?:\s+by)?",
        _made("produced"),
        r"production (?:by|of)\s",
        r"producers?,?\s(?:was\s|is\s)?",
        before=(r"\bproduced",),
    ),
    relation(
        "editor",
        "name",
        r"editors?|edited(?:\s+by)?",
        _made("edited"),
        r"editors?(?:-in-chief)?,?\s(?:was\s"
        r"|is\s)?",
        r"under the editorship of\s",
        before=(r"\bedited", r"(?:\s+is|\s+was)? the editor"),
    ),
    relation(
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
    relation(
        "creator",
        "name",
        r"creators?|created(?:\s+by)?|designers?|designed(?:\s+by)?|architect|inventor"
        r"|invented(?:\s+by)?",
        _made(r"(?:created|designed|invented|conceived|built)"),
        r"(?:plans?|designs?|drawings?)\s+(?:\w+\s+){0,2}?(?:by|of)\s",
        r"creators?,?\s",
        before=(r"\b(?:created|designed|invented)",),
    ),
    relation(
        "publisher",
        "name",
        r"publishers?|published(?:\s+by)?|record label|released by",
        _made("(?:published|released|issued)"),
        r"publishers?,?\s",
    ),
    relation(
        "founder",
        "name",
        r"founders?|founded by|who (?:\w+\s)?(?:founded|established|started)|co-?founders?",
        _made(r"(?:founded|established|started|co-founded|formed)"),
        r"founders?,?\s",
        before=(r"\b(?:co-)?(?:founded|established|started)",),
    ),
    relation(
        "owner",
        "name",
        r"owners?|owned by|owns|parent company",
        _made(r"owned"),
        r"(?:subsidiary|division|property|part) of\s",
        r"owners?,?\s",
        before=(r"\bowns",),
    ),
    relation(
        "developer",
        "name",
        r"developers?|developed by",
        _made("developed"),
        r"developers?,?\s",
        before=(r"\bdeveloped",),
    ),
    relation(
        "cast",
        "name",
        r"stars? in|starring|starred|actors?|actress(?:es)?|played by|portrayed by|who "
        r"(?:plays|played|portrays|portrayed)",
        r"starr(?:ing|ed)\s",
        r"(?:film |movie |series |it )stars\s",
        r"(?:played|portrayed) by\s",
        before=(r"\b(?:starred|stars|plays|played|portrays|portrayed)",),
    ),
)
