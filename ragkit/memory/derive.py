"""The turn unit of a message: the message annotated, dated, and measured, with nothing taken away.

All that depends on the rest of the scope (names known, rarity of words, saliences seen) is passed in, so that a unit
can be made again when its session changes or one of its sources is erased.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from hashlib import blake2b

from ragkit.memory.accept import Accepted, plain
from ragkit.memory.annotate import annotate, render
from ragkit.memory.config import MemoryConfig
from ragkit.memory.facets import FacetExtractor, facets_of
from ragkit.memory.heard import COLD, Heard, terms_of
from ragkit.memory.periods import Interval, hull, local
from ragkit.memory.rows import UnitRow
from ragkit.memory.salience import is_phatic, is_question, raw_salience
from ragkit.memory.times import TimeMention, date_text, find_times, said
from ragkit.memory.types import Facet
from ragkit.memory.words import content_words, fold, grams

BETWEEN = "\x1e"  # between the messages of a unit's context; control characters never occur in a message


def mentions_of(message: Accepted, config: MemoryConfig) -> list[TimeMention]:
    """The times a message tells."""
    return find_times(message.text, message.t_us, message.tz_minutes, hemisphere=config.hemisphere)


def rendered(
    text: str, captions: Sequence[str], speaker: str, others: Sequence[str], mentions: Sequence[TimeMention]
) -> tuple[str, str]:
    """The text of a turn unit and its annotations as JSON; captions are annotations at the end."""
    notes = (*annotate(text, speaker, others, mentions), *((len(text), f" [image: {one}]") for one in captions))
    return render(text, notes), json.dumps([list(note) for note in notes], ensure_ascii=False)


def event_of(mentions: Sequence[TimeMention], t_us: int, tz_minutes: int) -> Interval:
    """The hull of the times told, else the day of the message."""
    return hull([mention.interval for mention in mentions]) or said(t_us, tz_minutes)


def same_key(speaker: str, text: str, t_us: int, tz_minutes: int) -> bytes:
    """What two turns have in common that are one unit: words, speaker and day."""
    moment = local(t_us, tz_minutes)
    day = moment.date().isoformat() if moment else str(t_us)
    return blake2b(json.dumps([fold(text), fold(speaker), day]).encode("ascii"), digest_size=12).digest()


def turn_unit(
    message: Accepted,
    *,
    scope_id: int,
    others: Sequence[str],
    context: Sequence[str],
    mentions: Sequence[TimeMention],
    heard: Heard,
    config: MemoryConfig,
    now_us: int,
    extractors: Sequence[FacetExtractor] = (),
) -> tuple[UnitRow, list[Facet]]:
    """The unit of a message and its facets, counted into what the scope has heard."""
    whole = plain(message.text, message.captions)
    text, notes = rendered(message.text, message.captions, message.speaker, others, mentions)
    words = terms_of(whole)
    facets = facets_of(
        whole, message.speaker, heard.names, weight=heard.rarity, keywords=config.keywords, extractors=extractors
    )
    raw, salience, phatic = _measured(message, whole, words, facets, mentions, context, heard, config)
    heard.take(message.uid, words, facets, raw)
    event = event_of(mentions, message.t_us, message.tz_minutes)
    row = UnitRow(
        uid=message.uid,
        scope_id=scope_id,
        kind="turn",
        level=0,
        tier="phatic" if phatic else "active",
        text=text,
        annotations=notes,
        ctx=BETWEEN.join(context),
        label=message.speaker,
        date_text=date_text(message.t_us, message.tz_minutes),
        grams=grams(whole),
        session=message.session,
        speaker=message.speaker,
        said_us=message.t_us,
        said_tz=message.tz_minutes,
        salience=salience,
        raw_salience=raw,
        method="rules",
        verified=1,
        ev_start_us=event.start_us,
        ev_end_us=event.end_us,
        granularity=event.granularity,
        ambiguous=int(event.ambiguous),
        valid_from_us=None,
        valid_to_us=None,
        mentions=1,
        version=1,
        same=same_key(message.speaker, whole, message.t_us, message.tz_minutes),
        created_us=now_us,
        updated_us=now_us,
    )
    return row, facets


def _measured(
    message: Accepted,
    whole: str,
    words: Collection[str],
    facets: Sequence[Facet],
    mentions: Sequence[TimeMention],
    context: Sequence[str],
    heard: Heard,
    config: MemoryConfig,
) -> tuple[float, float, bool]:
    """Raw salience, salience, and whether the message is small talk."""
    named = [facet for facet in facets if facet.kind in ("entity", "person") and facet.norm != fold(message.speaker)]
    raw = raw_salience(
        words,
        lambda word: heard.df.get(word, 0),
        heard.turns,
        entities=len(named),
        captioned=bool(message.captions),
        question=is_question(message.text),
        answers=bool(context) and is_question(context[-1]),
    )
    cold = heard.turns < config.cold_start
    salience = COLD if cold else heard.share_below(raw)
    new_name = any(heard.df.get(word, 0) == 0 for facet in named for word in content_words(facet.norm))
    numbered = any(char.isdecimal() for char in whole)
    phatic = is_phatic(
        whole,
        1.0 if cold else salience,
        quantile=config.phatic_quantile,
        dated=bool(mentions),
        numbered=numbered,
        new_name=new_name,
    )
    return raw, salience, phatic
