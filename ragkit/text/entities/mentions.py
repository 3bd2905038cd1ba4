"""All mentions of a text, from all sources."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Sequence

from ragkit.errors import InvalidValueError
from ragkit.text.entities.acronyms import acronyms
from ragkit.text.entities.aliases import aliases
from ragkit.text.entities.gazetteer import Gazetteer
from ragkit.text.entities.keys import entity_key
from ragkit.text.entities.names import names
from ragkit.text.entities.patterns import dates, numbers, quotes
from ragkit.text.entities.sources import SOURCES, check_sources
from ragkit.text.entities.spans import EDGE, Mention, Word, words

_COUNTS = frozenset({"ORDINAL", "CARDINAL", "PERCENT"})  # spaCy's labels of what names nothing


def extract(
    text: str,
    *,
    title: str = "",
    ner: Iterable[tuple[int, int, str]] = (),
    sources: Collection[str] = SOURCES,
    common: Container[str] | None = None,
    gazetteer: Gazetteer | None = None,
) -> list[Mention]:
    """All mentions of a text, in order of place, the longer first; several may overlap, no (start, end) comes twice.

    `title` is the document's, for the names the text gives its subject. `ner` are (start, end, label) spans of another
    recogniser. `common` are words that are no names when they begin a sentence; by default the lower-case words of this
    very text. `gazetteer` holds phrases to be found whatever their case. Sources and labels are listed in
    `ragkit.text.entities`. Raises `InvalidValueError` for unknown sources and for spans outside the text.
    """
    check_sources(sources)
    tokens = words(text)
    if common is None:
        common = {token.text for token in tokens if token.text[0].islower()}
    found: dict[tuple[int, int], Mention] = {}
    for mention in _all(text, tokens, title, ner, sources, common, gazetteer):
        span = mention.start, mention.end
        if span not in found and entity_key(mention.surface):
            found[span] = mention
    return sorted(found.values(), key=lambda mention: (mention.start, -mention.end))


def _all(
    text: str,
    tokens: Sequence[Word],
    title: str,
    ner: Iterable[tuple[int, int, str]],
    sources: Collection[str],
    common: Container[str],
    gazetteer: Gazetteer | None,
) -> Iterator[Mention]:
    """What each source finds; where two find the same, the first counts."""
    if gazetteer is not None:
        for _, start, end, _ in gazetteer.find(text):
            yield Mention(text[start:end], "GAZETTEER", start, end)
    if "ner" in sources:
        yield from _recognised(text, ner)
    if "quotes" in sources:
        yield from quotes(text)
    if "caps" in sources:
        yield from names(text, tokens, common)
    if "dates" in sources:
        yield from dates(text)
    if "numbers" in sources:
        yield from numbers(text)
    if "acronyms" in sources:
        for pair in acronyms(text, tokens):
            yield from pair
    if "aliases" in sources:
        yield from aliases(text, tokens, title)


def _recognised(text: str, spans: Iterable[tuple[int, int, str]]) -> Iterator[Mention]:
    """Another recogniser's spans without punctuation at their edges, and without counts."""
    for start, end, label in spans:
        if not 0 <= start <= end <= len(text):
            raise InvalidValueError(
                f"the span ({start}, {end}) labelled {label!r} is not inside the text of {len(text)} characters; "
                "give offsets into the very text that is passed"
            )
        if label in _COUNTS:
            continue
        inner = text[start:end]
        start += len(inner) - len(inner.lstrip(EDGE))
        surface = inner.strip(EDGE)
        yield Mention(surface, label, start, start + len(surface))
