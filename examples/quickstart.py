"""Index a folder, ask, and follow the citations to the characters they quote.

Run it anywhere: python examples/quickstart.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from ragkit import KnowledgeBase

DOCUMENTS = Path(__file__).parent / "documents"
QUESTION = "Which city is home to the club that Ada Marlowe's brother played for?"


def main() -> None:
    with TemporaryDirectory() as folder, KnowledgeBase(Path(folder, "notes.db")) as kb:
        print(kb.add(DOCUMENTS))  # a second call would find everything unchanged
        answer = kb.ask(QUESTION)
        print(f"\n{QUESTION}\n{answer.text}\n")
        for citation in answer.citations:
            document = kb.document(citation.document_id)
            assert document.text[citation.start : citation.end] == citation.quote
            print(f"  {Path(citation.source).name} [{citation.start}:{citation.end}] {citation.quote!r}")


if __name__ == "__main__":
    main()
