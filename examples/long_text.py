"""One long text, many questions: the spans that bear on each, found by meaning where no word is shared."""

from ragkit.extractors.s3 import LongText, Search, Settings

MINUTES = [
    "The council repaired the quay in March, and the fees for moorings rose by a tenth.",
    "Two cranes were sold to the museum, which will show them next to the old slipway.",
    "The market sells eels on Fridays; the fish hall closes at noon on all other days.",
    "Every morning the lighthouse keeper feeds a tame gull.",
    "The school has nine classes, and its roof of slate was mended by the brothers Quint.",
    "Trams run every twelve minutes, on Sundays every twenty.",
]

short = Search(fusion=Settings(radius=6), snap=True)  # spans as short as the facts, widened to sentences
text = LongText(" ".join(MINUTES * 3), search=short)
print(f"{len(text)} tokens, an index of {text.index.size // 1024} KiB")
for question in ("Which bird does the beacon's guardian nourish?", "Who mended the roof of the school?"):
    print(question)
    for span in text.find(question, budget=20):
        reasons = ", ".join(f"{cause.space} feature {cause.feature}" for cause in span.features[:2])
        print(f"  [{span.start}:{span.end}] {span.text!r} ({span.source}; {reasons})")
