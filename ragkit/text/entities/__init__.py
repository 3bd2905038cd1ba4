"""Named entities by rule: on top of a statistical recogniser, or alone.

A *mention* is a span of a text that names something; its *key* is what two mentions of one thing have in common.
`extract` finds mentions, `entity_key` gives the key, `heads` the keys under which a document is at home, and
`Gazetteer` finds phrases of the user's own. Mentions come from independent sources, each of which can be left out:

======== ======== =================================================================================================
source   label    finds
======== ======== =================================================================================================
ner      theirs   spans handed in by the caller (spaCy or anything else), but no ordinals, counts and percentages
caps     NAME     runs of capitalised words, joined over "of", "de", "von", "the", "&", initials and hyphens, and
                  their parts
quotes   TITLE    texts of at most 80 characters in quotation marks or title brackets, not begun in lower case
dates    DATE     "20 March 851", "March 20, 1851", "May 1990", "1851-03-20", years from 1000 to 2099
numbers  QUANTITY numbers with a unit ("12 km", "$3 million"), words mixed of letters and digits ("B-52")
acronyms NAME,    the long form and the short form of "World Health Organization (WHO)"
         ACRONYM
aliases  ALIAS    other names of the document's subject: the name its first sentence begins with, "born X", "also
                  known as X"
title             the document's title, also without a final "(...)"; in `heads` only, as it is no span of the text
======== ======== =================================================================================================

A gazetteer given to `extract` adds its phrases, with the label GAZETTEER. Where several sources find the same span it
is one mention, with the label of the first in this order: gazetteer, ner, quotes, caps, dates, numbers, acronyms,
aliases.

The rules know English. In scripts without capital letters (Chinese, Japanese, Arabic, Thai, …) they find only what
its writing marks: quoted texts, titles in 《》〈〉「」『』, Latin words in between, words mixed of Latin letters and
digits, and the phrases of a gazetteer. For more, hand in the spans of a recogniser of that language.

Every scan is a single pass over words or characters, so the time is linear whatever the text.
"""

from ragkit.text.entities.aliases import heads, subject
from ragkit.text.entities.gazetteer import Gazetteer
from ragkit.text.entities.keys import entity_key, name_words, plain_title
from ragkit.text.entities.mentions import extract
from ragkit.text.entities.sources import SOURCES
from ragkit.text.entities.spans import Mention, Word, words
from ragkit.text.entities.wordlists import STOPWORDS

__all__ = [
    "SOURCES",
    "STOPWORDS",
    "Gazetteer",
    "Mention",
    "Word",
    "entity_key",
    "extract",
    "heads",
    "name_words",
    "plain_title",
    "subject",
    "words",
]
