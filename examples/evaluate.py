"""Which pipeline finds the right passages? Questions with exact answers' places, two pipelines, one table.

Run it anywhere: python examples/evaluate.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from ragkit.evaluate import Dataset, evaluate_pipelines

DOCUMENTS = Path(__file__).parent / "documents"
QUESTIONS = {
    "Which town was the engineer Ada Marlowe from?": ("people/ada-marlowe.md", "Pellwick"),
    "When did the great storm strike?": ("great-storm.md", "17 January 1933"),
    "Who founded the glassworks of Corrin?": ("brandt-and-sons.md", "Matthias Brandt"),
    "What do the dockers of Saltmere play?": ("clubs/harbour-rovers.md", "football club"),
}


def dataset() -> Dataset:
    """The questions with the places of the sentences that answer them."""
    texts = {path.relative_to(DOCUMENTS).as_posix(): path.read_text() for path in sorted(DOCUMENTS.rglob("*.md"))}
    asked = []
    for question, (name, words) in QUESTIONS.items():
        text = texts[name]
        place = text.index(words)
        start = max(text.rfind("\n", 0, place), text.rfind(". ", 0, place) + 1) + 1
        asked.append((question, [(name, start, text.index(".", place) + 1)]))
    return Dataset.of(texts, asked, name="Varrin")


def main() -> None:
    pipelines = {"small": "chunk(tokens=40) >> bm25", "large": "chunk(tokens=200) >> bm25"}
    report = evaluate_pipelines(dataset(), pipelines, k=3, budgets=(300, 1000), groups="none")
    print(report)
    for one in report.comparisons:
        print(f"{one.metric}: {one.a} - {one.b} = {one.difference:+.2f} [{one.low:+.2f}, {one.high:+.2f}]")
    with TemporaryDirectory() as folder:
        files = report.save(folder, plots=False)
        print("written:", ", ".join(path.name for path in files))


if __name__ == "__main__":
    main()
