"""The tokens the full-text index makes of a word, from the index's own tokenizer, with irregular forms of English.

Porter's stemmer brings "walked" and "walks" together but not "went" and "go"; a question asks with the one ("Where did
Ann go?") what is told with the other.
"""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Iterable, Sequence

TOKENIZE = "porter unicode61 remove_diacritics 2"
REMEMBERED = 50_000

_FORMS = """
begin began begun; bend bent; bite bit bitten; blow blew blown; break broke broken; bring brought; build built; buy
bought; catch caught; choose chose chosen; come came; deal dealt; dig dug; draw drew drawn; drink drank drunk; drive
drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt; fight fought; find found; fly flew flown; forget
forgot forgotten; forgive forgave forgiven; freeze froze frozen; get got gotten; give gave given; go went gone; grow
grew grown; hang hung; hear heard; hide hid hidden; hold held; keep kept; know knew known; lead led; learn learnt;
leave left; lend lent; lose lost; make made; mean meant; meet met; pay paid; ride rode ridden; ring rang rung; rise
rose risen; run ran; say said; see saw seen; seek sought; sell sold; send sent; shake shook shaken; shine shone;
shoot shot; sing sang sung; sink sank sunk; sit sat; sleep slept; slide slid; speak spoke spoken; spend spent;
spring sprang sprung; stand stood; steal stole stolen; stick stuck; strike struck; sweep swept; swim swam swum; take
took taken; teach taught; tear tore torn; tell told; think thought; throw threw thrown; understand understood; wake
woke woken; wear wore worn; weave wove woven; win won; wind wound; write wrote written; child children; person
people; woman women; man men; wife wives; life lives; knife knives; leaf leaves; shelf shelves; foot feet; tooth
teeth; mouse mice; goose geese
"""
_GROUPS = tuple(tuple(group.split()) for group in _FORMS.replace("\n", " ").split(";"))


@functools.cache
def _forms() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group in _GROUPS:
        for form in group:
            found[form] = tuple(dict.fromkeys((*found.get(form, ()), *group)))
    return found


class Stems:
    """Tokens of words, remembered; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, ...]] = {}
        self._connection: sqlite3.Connection | None = None

    def tokens(self, words: Iterable[str]) -> list[tuple[str, ...]]:
        """The tokens of each word, in order; none for one that holds no letter or digit."""
        words = list(words)
        with self._lock:
            new = [word for word in dict.fromkeys(words) if word not in self._known]
            if new:
                if len(self._known) + len(new) > REMEMBERED:
                    self._known.clear()
                    new = list(dict.fromkeys(words))
                self._known.update(self._ask(new))
            return [self._known[word] for word in words]

    def _ask(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        if self._connection is None:
            self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            self._connection.execute(f"CREATE VIRTUAL TABLE word USING fts5(text, tokenize='{TOKENIZE}')")
            self._connection.execute("CREATE VIRTUAL TABLE token USING fts5vocab(word, instance)")
        found: dict[str, list[tuple[int, str]]] = {word: [] for word in words}
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany("INSERT INTO word (rowid, text) VALUES (?, ?)", enumerate(words))
            for token, place, offset in self._connection.execute("SELECT term, doc, offset FROM token"):
                found[words[place]].append((offset, token))
        finally:
            self._connection.execute("ROLLBACK")
        return {word: tuple(token for _, token in sorted(tokens)) for word, tokens in found.items()}


_stems = Stems()


def term_groups(words: Iterable[str]) -> list[tuple[str, ...]]:
    """What to look each word up by: its tokens and those of its irregular forms; each group once, none empty.

    >>> term_groups(["walked", "go"])
    [('walk',), ('go', 'went', 'gone')]
    """
    words = list(dict.fromkeys(words))
    groups: dict[tuple[str, ...], None] = {}
    for word in words:
        forms = _forms().get(word, (word,))
        tokens = [token for tokens in _stems.tokens([word, *forms]) for token in tokens]
        if tokens:
            groups.setdefault(tuple(dict.fromkeys(tokens)), None)
    seen: set[str] = set()
    kept: list[tuple[str, ...]] = []
    for group in groups:  # "go" and "went" in one question are one group
        if not seen & set(group):
            kept.append(group)
        seen |= set(group)
    return kept
