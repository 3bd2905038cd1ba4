"""One self-contained HTML page: the table, and for each question gold and retrieved spans in their context.

The page loads nothing and runs no script; every text in it is escaped, as documents and questions may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from ragkit.evaluate.spans import Pieces, merge

if TYPE_CHECKING:
    from ragkit.evaluate.dataset import Question
    from ragkit.evaluate.report import Report
    from ragkit.evaluate.runs import Run
    from ragkit.types import Span

AROUND = 200  # characters shown on each side of a span
_LONGEST = 1500  # characters of one stretch of text without gold before its middle is left out

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: .875rem; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .6rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
details { border-top: 1px solid #8886; padding: .4rem 0; }
summary { cursor: pointer; }
summary small, .place { opacity: .75; font-size: .8125rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; margin: .25rem 0 1rem; padding: .5rem .75rem;
        border-left: 3px solid #8886; }
.note { border-left: 4px solid #d97706; padding: .5rem .75rem; }
mark { color: #111; border-radius: 2px; }
mark.both { background: #86d993; }
mark.missed { background: #f7a8a0; text-decoration: underline dashed; }
mark.found { background: #cfe3f7; }
"""


def page(report: Report) -> str:
    """The page of a report."""
    parts = [
        f"<h1>Evaluation: {escape(report.dataset.name)}</h1>",
        f"<p>{len(report.dataset.questions)} questions, {len(report.dataset.docs)} documents. Scores in per cent, with "
        "the standard deviation over questions and the 95 % interval of the mean.</p>",
        *(f'<p class="note">{escape(warning)}</p>' for warning in report.warnings),
        _table(report),
        '<p><mark class="both">gold, found</mark> <mark class="missed">gold, missed</mark> '
        '<mark class="found">retrieved, not gold</mark></p>',
        *(part for run in report.runs for part in _run(report, run)),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Evaluation: {escape(report.dataset.name)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _table(report: Report) -> str:
    heading, lines = report.cells()
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _run(report: Report, run: Run) -> Iterator[str]:
    yield f"<h2>{escape(run.name)}</h2>"
    questions = {question.id: question for question in report.dataset.questions}
    order = sorted(range(len(run.ids)), key=lambda at: (run.columns["recall"][at], run.columns["iou"][at], run.ids[at]))
    for at in order:
        question = questions[run.ids[at]]
        recall, iou = run.columns["recall"][at], run.columns["iou"][at]
        found = run.retrieved[question.id][: report.settings.k]
        yield (
            f"<details><summary>{escape(question.text)} <small>{escape(question.id)}, recall {100 * recall:.0f} %, "
            f"IoU {100 * iou:.1f} %</small></summary>"
        )
        yield from _documents(report, question, found)
        yield "</details>"
    for id, reason in sorted(run.errors.items()):
        asked = escape(questions[id].text)
        yield f"<details><summary>{asked} <small>failed</small></summary>{escape(reason)}</details>"


def _documents(report: Report, question: Question, found: Sequence[Span]) -> Iterator[str]:
    gold_in = {span.document_id for span in question.gold}
    for document in sorted({span.document_id for span in found} | gold_in, key=lambda id: (id not in gold_in, id)):
        text = report.dataset.docs[document].text
        gold = merge((span.start, span.end) for span in question.gold if span.document_id == document)
        own = merge((span.start, span.end) for span in found if span.document_id == document)
        for start, end in windows(gold, own, len(text)):
            yield f'<div class="place">{escape(document)} [{start}:{end}]</div>'
            yield f'<div class="text">{highlighted(text, start, end, gold, own)}</div>'


def windows(gold: Pieces, found: Pieces, length: int) -> Pieces:
    """The parts of a document to show: every span with `AROUND` characters on each side, joined where they meet."""
    return merge((max(0, start - AROUND), min(length, end + AROUND)) for start, end in (*gold, *found))


def highlighted(text: str, start: int, end: int, gold: Pieces, found: Pieces) -> str:
    """`text[start:end]` as HTML, the parts in gold, found or both marked; long parts without gold are shortened."""
    edges = {start, end}
    for pieces in (gold, found):
        edges.update(edge for piece in pieces for edge in piece if start < edge < end)
    ordered = sorted(edges)
    parts = []
    for left, right in zip(ordered, ordered[1:], strict=False):
        kind = _KINDS[_inside(left, gold), _inside(left, found)]
        shown = _shown(text[left:right], shorten=kind in ("", "found"))
        parts.append(f'<mark class="{kind}">{shown}</mark>' if kind else shown)
    return "".join(parts)


_KINDS = {(True, True): "both", (True, False): "missed", (False, True): "found", (False, False): ""}


def _inside(place: int, pieces: Pieces) -> bool:
    return any(start <= place < end for start, end in pieces)


def _shown(text: str, *, shorten: bool) -> str:
    if shorten and len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]} […] {text[-half:]}"
    return escape(text.replace("\0", "\N{SYMBOL FOR NULL}"))
