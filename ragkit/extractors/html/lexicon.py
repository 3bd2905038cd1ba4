"""The words by which pages name their parts, in class and id attributes and in what they say to readers.

`GROUPS`: words of class, id, role and itemprop attributes; `LANDMARKS`: tags that say what they hold; `WORDS`: words of
the running text that are typical for what surrounds content. Words of one group mean the same to a predictor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.types import Attributes

GROUPS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split())
    for line in """
main
article articlebody story storybody
content contents contenido inhalt contenu
post posts postbody blogpost
entry entries hentry
body
text prose richtext wysiwyg copy rte
nav navigation navbar menu submenu topnav subnav megamenu menuitem
footer foot colophon contentinfo bottom
header masthead topbar branding logo banner
sidebar side aside rail complementary right left
comment comments disqus respond kommentar commentlist commentary
reply replies answer answers
share sharing social socials facebook twitter pinterest linkedin whatsapp addtoany sharedaddy
related similar more moreinfo also readmore
recommended recommendation recommendations suggest suggested upsell crosssell popular trending mostread latest recent
promo promotion promoted teaser teasers outbrain taboola
ad ads advert advertisement adsense dfp gpt sponsor sponsored sponsors
breadcrumb breadcrumbs crumb crumbs
pagination pager paging paginator pages prev next
tag tags keyword keywords label labels badge badges chip
category categories topic topics
author authors byline bio writer profile avatar
meta metadata info postmeta
date time timestamp published datepublished publish updated
caption figcaption credit credits wpcaption
gallery slideshow slider carousel swiper slick slide slides
image images img media photo picture thumb thumbnail
video audio player podcast
product products sku pdp
price prices pricing cost amount
review reviews rating ratings stars testimonial testimonials
description desc summary summaries overview about
spec specs specification specifications attributes attribute details detail
feature features benefit benefits highlights
table tbl tables
list lists listing listings results result
card cards tile tiles
grid row col column columns cell
item items element
widget widgets module modules block
newsletter subscribe subscription signup mailchimp optin email
cookie cookies consent gdpr onetrust privacy
modal popup overlay dialog lightbox dropdown flyout offcanvas drawer tooltip
hidden hide invisible collapse collapsed hiddenprint mobile desktop
search searchbox filter filters sort facet facets refine
login signin account register cart basket checkout wishlist
form field input button btn buttons cta
hero jumbotron intro lead lede standfirst deck
title headline heading subtitle titles
toc tableofcontents tocify index outline
forum thread topiclist board discussion conversation
message messages msg postcontent
user users username member members poster
signature sig
quote blockquote pullquote quoted
question questions faq faqs accordion
copyright legal disclaimer terms
lang language languages locale country
toolbar tools tool actions action controls print
section wrapper container inner
note notes alert notice warning tip callout admonition
step steps instructions recipe ingredients howto
doc docs documentation markdown md guide code highlight syntax
""".strip().splitlines()
)
TAGS = (
    "", "html", "body", "div", "section", "article", "main", "nav", "aside", "header", "footer", "form", "p", "h1",
    "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th", "tbody", "thead",
    "tfoot", "blockquote", "figure", "figcaption", "pre", "details", "summary", "address", "fieldset", "center",
    "caption", "menu",
)  # fmt: skip
TAG_NUMBER = {name: number for number, name in enumerate(TAGS)}
LANDMARKS: tuple[tuple[str, ...], ...] = (
    ("article",), ("main",), ("nav", "menu"), ("aside",), ("header",), ("footer",), ("form", "fieldset"), ("section",),
    ("ul", "ol"), ("li",), ("dl",), ("table",), ("td", "th"), ("blockquote",), ("figure",), ("details",), ("pre",),
)  # fmt: skip
MARKS = tuple(group[0] for group in GROUPS) + tuple(f"<{group[0]}>" for group in LANDMARKS)
WORDS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split())
    for line in """
share tweet facebook twitter pinterest linkedin whatsapp instagram youtube follow teilen folgen compartir partager
subscribe newsletter inbox signup email mail abonnieren suscribirse abonner
comment comments reply replies respond kommentar kommentare comentarios commentaires antworten responder répondre
cookie cookies consent privacy gdpr datenschutz impressum
copyright reserved rights trademark terms conditions agb
login log sign register password account anmelden registrieren iniciar connexion
read more continue view see show click here mehr weiterlesen más lire
related recommended popular trending latest recent also similar beliebt ähnliche
posted published updated written author by von por par veröffentlicht
january february march april may june july august september october november december \
jan feb mar apr jun jul aug sep sept oct nov dec januar februar märz mai juni juli oktober dezember
ago hours minutes days yesterday today vor uhr
advertisement sponsored advertising promotion anzeige publicidad publicité werbung
cart buy price shipping add stock checkout warenkorb kaufen
menu home search contact about skip navigation toggle close suche startseite
category categories tags tag filed topics kategorie schlagwörter etiquetas
photo image credit source getty images reuters foto bild
next previous prev page older newer nächste vorherige siguiente
""".strip().splitlines()
)
WORD_NAMES = tuple(group[0] for group in WORDS)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]{2,}(?![a-z])")
_LONGEST = 256  # characters of an attribute that are looked at
_SLOTS = 1 << 16


def marks(tags: Sequence[str], attributes: Sequence[Attributes]) -> NDArray[np.bool_]:
    """(elements, `MARKS`): which groups an element's own attributes name, and which landmark it is."""
    import numpy as np

    known: dict[Attributes, int] = {}
    tokens: dict[str, int] = {}
    for one in attributes:
        if one not in known:
            known[one] = _attribute_bits(one, tokens)
    bits = np.array([known[one] for one in attributes], dtype=np.uint64)
    named = (bits[:, None] >> np.arange(len(GROUPS), dtype=np.uint64)) & np.uint64(1)
    landmark = _landmarks()[np.array([TAG_NUMBER.get(tag, 0) for tag in tags], dtype=np.int64)]
    return np.concatenate((named.astype(bool), landmark), axis=1)


def word_groups(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each word, known by its hash, the groups of `WORDS` it is in, as bits."""
    import numpy as np

    slots, known, bits = _word_table()
    at = slots.take((hashes >> np.uint64(48)).astype(np.int64))
    return np.where(known.take(at) == hashes, bits.take(at), 0)


def _attribute_bits(attributes: Attributes, tokens: dict[str, int]) -> int:
    """The groups an element's attributes name. `tokens` remembers those of names seen before, as names repeat."""
    bits = 0
    for attribute in attributes:
        for token in attribute[:_LONGEST].split():
            if token not in tokens:
                groups = _group_table()
                tokens[token] = 0
                for part in _PART.findall(token):
                    tokens[token] |= groups.get(part.lower(), 0)
            bits |= tokens[token]
    return bits


@cache
def _group_table() -> dict[str, int]:
    table: dict[str, int] = {}
    for number, group in enumerate(GROUPS):
        for word in group:
            table[word] = table.get(word, 0) | 1 << number
    return table


@cache
def _landmarks() -> NDArray[np.bool_]:
    import numpy as np

    table = np.zeros((len(TAGS), len(LANDMARKS)), dtype=bool)
    for number, group in enumerate(LANDMARKS):
        for tag in group:
            table[TAG_NUMBER[tag], number] = True
    return table


@cache
def _word_table() -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Slots by the upper 16 bits of a hash, and what is in them: the words, and their groups; entry 0 is no word."""
    import numpy as np

    from ragkit.extractors.html.signals import hash_words

    bits: dict[int, int] = {}
    for number, group in enumerate(WORDS):
        for word in hash_words(" ".join(group)).tolist():
            bits[word] = bits.get(word, 0) | 1 << number
    slots = np.zeros(_SLOTS, dtype=np.int64)
    known, groups = [0], [0]
    for word in sorted(bits):
        # Two words of one slot: the later keeps it. With some hundred words in 65,536 slots that hardly happens.
        slots[word >> 48] = len(known)
        known.append(word)
        groups.append(bits[word])
    return slots, np.array(known, dtype=np.uint64), np.array(groups, dtype=np.int64)
