"""Words compared by their stems."""

from __future__ import annotations

from functools import lru_cache

_ENDINGS = (
    "ations",
    "ation",
    "ators",
    "ator",
    "ings",
    "ing",
    "ions",
    "ion",
    "ers",
    "ors",
    "ies",
    "ied",
    "ed",
    "er",
    "or",
    "es",
    "ly",
    "s",
    "e",
    "y",
)
_IRREGULAR = {
    "wrote": "writ",
    "written": "writ",
    "died": "die",
    "dies": "die",
    "death": "die",
    "dead": "die",
    "dying": "die",
    "sang": "sing",
    "sung": "sing",
    "song": "song",
    "songs": "song",
    "movie": "film",
    "movies": "film",
    "made": "mak",
    "won": "win",
    "winner": "win",
    "began": "begin",
    "begun": "begin",
    "built": "build",
    "took": "tak",
    "taught": "teach",
    "bought": "buy",
    "gave": "giv",
    "given": "giv",
    "beat": "beat",
    "lost": "los",
    "left": "leav",
    "drew": "draw",
    "drawn": "draw",
    "sold": "sell",
    "ran": "run",
    "grew": "grow",
    "knew": "know",
    "known": "know",
    "rose": "ris",
    "wore": "wear",
    "became": "becom",
    "held": "hold",
    "founded": "found",
    "founder": "found",
    "birth": "born",
    "wives": "wife",
    "children": "child",
    "author": "author",
    "authored": "author",
    "shot": "film",
    "led": "lead",
    "played": "play",
    "player": "play",
}


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """A crude stem of a folded English word: director, directed and directing agree. Other scripts pass unchanged."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
