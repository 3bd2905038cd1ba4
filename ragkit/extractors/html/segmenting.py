"""A page's bytes to its segments: reading, parsing, the walk, and what can be said once all segments are known."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.extractors.html.addresses import Addresses
from ragkit.extractors.html.clean import count_words
from ragkit.extractors.html.embedded import described, embedded_texts
from ragkit.extractors.html.flatten import flatten
from ragkit.extractors.html.head import Head, read_head
from ragkit.extractors.html.hidden import hidden_elements, is_scripted, panels
from ragkit.extractors.html.metadata import metadata_of
from ragkit.extractors.html.partition import Clock, Partition, Record
from ragkit.extractors.html.reading import Source, read
from ragkit.extractors.html.types import Flag, Limits, Link, Page, PartitionOptions, Segment

_DUPLICATE = 20  # words from which a repeated text is a copy
_MOSTLY = 0.5  # share of hidden words at which a page is taken to be unhidden by scripts
_SCRIPTED_WORDS, _SCRIPTED_SHARE = 100, 0.15  # words, and share of the page, that one way of hiding then has
_SPEECHLESS = 10  # words outside navigation below which a page is without text
_NAVIGATION = frozenset("nav header footer aside menu".split())

_END = re.compile(rb"</html\s{0,100}>?", re.I)

Element = Any
Warned = list[tuple[str, str]]


def segment_html(
    data: bytes | str,
    *,
    url: str | None = None,
    encoding: str | None = None,
    options: PartitionOptions | None = None,
    limits: Limits | None = None,
) -> Page:
    """The segments of a page. `encoding` is what a server said it is in; see `PartitionOptions` and `Limits`.

    What could not be done as usual is told by `page.warnings`. Nothing is fetched, run or resolved. Raises
    `PageTooLarge` and `PageTimeout`.
    """
    options, limits = options or PartitionOptions(), limits or Limits()
    name = url or "page"
    source = read(data, encoding=encoding, limits=limits, name=name)
    walked = _walked(source, options, limits, Clock(limits.seconds, name))
    return _page(source, walked, url, options, limits)


@dataclass(slots=True)
class _Walked:
    """A page after the walk: what was collected, whether in a tree, and what its head says."""

    partition: Partition
    head: Head
    elements: int
    tree: bool
    warnings: Warned
    panels: Collection[Element] = ()


def _walked(source: Source, options: PartitionOptions, limits: Limits, clock: Clock) -> _Walked:
    warnings: Warned = list(source.warnings)
    root, problem = _parsed(source.data)
    clock.check()
    elements = 0 if root is None else int(root.xpath("count(//*)"))
    if root is not None and elements > limits.elements:
        root, problem = None, ("many_elements", f"{elements} elements")
    if problem:
        warnings.append(problem)
        partition, head, elements = flatten(source.data.decode("utf-8"), options, limits, clock)
        return _Walked(partition, head, elements, False, warnings)
    partition = Partition(options, limits, clock)
    if root is None:
        return _Walked(partition, Head(), 0, True, warnings)
    unfolded: Collection[Element] = ()
    if options.hidden != "keep":
        partition.hidden = hidden_elements(root, limits)
        if options.panels == "keep":
            unfolded = panels(root, partition.hidden)
            partition.hidden = {one: reason for one, reason in partition.hidden.items() if one not in unfolded}
    partition.walk(root)
    if partition.dropped["noscript"] + partition.dropped["noframes"]:
        words = sum(record.words for record in partition.records if record.hidden is None)
        if words < options.noscript_below:
            again = Partition(options, limits, clock, partition.hidden, noscript=True)
            again.walk(root)
            if sum(record.words for record in again.records if record.hidden is None) > words:
                partition = again
                warnings.append(("noscript_used", f"{words} words without it"))
    return _Walked(partition, read_head(root, limits.attribute), elements, True, warnings, unfolded)


def _parsed(data: bytes) -> tuple[Element | None, tuple[str, str] | None]:
    """The root element, None for a page without any; or what kept the parser from reading the whole page."""
    from lxml import etree

    if not data.strip():
        return None, None
    end = data.lower().find(b"</html")
    if 0 <= end and data[end + 7 :].strip(b"> \t\r\n"):  # the parser would leave out all that follows
        data = _END.sub(lambda match: b" " * len(match[0]), data)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, recover=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
            return None, ("deep_tree", "nested too deeply, or one text too long, for the parser")
        return None, ("parser_failed", str(error)[:200])
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        return None, ("deep_tree", "nested too deeply, or one text too long, for the parser")
    return root, None


def _page(source: Source, walked: _Walked, url: str | None, options: PartitionOptions, limits: Limits) -> Page:
    partition, warnings = walked.partition, walked.warnings
    records = partition.records
    hidden_words: dict[str, int] = {}
    for record in records:
        if record.hidden is not None:
            hidden_words[record.hidden] = hidden_words.get(record.hidden, 0) + record.words
    words = sum(record.words for record in records)
    concealed = sum(hidden_words.values())
    mostly = concealed > _MOSTLY * words
    shown = _shown_by_scripts(hidden_words, words) if mostly else frozenset[str]()
    if concealed and mostly:
        warnings.append(("mostly_hidden", f"{concealed} of {words} words"))
    elif options.hidden == "drop":
        records = [record for record in records if record.hidden is None]
    if len(records) > limits.segments:
        left_out = records[limits.segments :]
        records = records[: limits.segments]
        records[-1].flags = (*records[-1].flags, "truncated")
        warnings.append(("segments_truncated", f"{len(left_out)} segments, {sum(r.words for r in left_out)} words"))
    addresses = Addresses([record.owner for record in records], walked.tree, limits.attribute)
    for panel in walked.panels:
        for position in addresses.positions(panel):
            if "collapsed" not in records[position].flags:
                records[position].flags = ("collapsed", *records[position].flags)
    _embed(walked, records, addresses, options, limits)
    if partition.invisible:
        warnings.append(("invisible_characters", str(partition.invisible)))
    segments = _segments(records, addresses)
    layout = addresses.layout
    layout.words = [record.words for record in records]
    layout.link_words = [_link_words(record) for record in records]
    layout.media = [record.media for record in records]
    layout.controls = [record.controls for record in records]
    layout.usable = [record.hidden is None or record.hidden in shown for record in records]
    stats: dict[str, Any] = {
        "bytes": len(source.data),
        "elements": walked.elements,
        "segments": len(segments),
        "words": sum(layout.words),
        "hidden_words": concealed,
        "hidden": dict(sorted(hidden_words.items())),
        "dropped": dict(sorted(partition.dropped.items())),
    }
    return Page(
        text="\n".join(segment.text for segment in segments),
        segments=segments,
        title=walked.head.title,
        url=url,
        encoding=source.encoding,
        sha256=source.sha256,
        warnings=tuple(warnings),
        stats=stats,
        metadata=metadata_of(walked.head, limits),
        layout=layout,
    )


def _shown_by_scripts(hidden_words: Mapping[str, int], words: int) -> frozenset[str]:
    """Of a mostly hidden page, the reasons for which so much is hidden that scripts must be there to show it.

    What is hidden otherwise on such a page, or in ways scripts do not undo, stays hidden.
    """
    by_kind: dict[str, int] = {}
    for reason, count in hidden_words.items():
        if is_scripted(reason):
            kind = reason.partition(":.")[0]
            by_kind[kind] = by_kind.get(kind, 0) + count
    large = {kind for kind, count in by_kind.items() if count >= max(_SCRIPTED_WORDS, _SCRIPTED_SHARE * words)}
    return frozenset(reason for reason in hidden_words if reason.partition(":.")[0] in large)


def _embed(
    walked: _Walked, records: list[Record], addresses: Addresses, options: PartitionOptions, limits: Limits
) -> None:
    """Add text that is only in the page's data for search engines, when there is hardly any other.

    A page without text of any kind is given the description it has of itself.
    """
    if options.embedded == "never" or not (walked.head.data or walked.head.metas):
        return
    words = 0
    if options.embedded == "auto":
        nodes = addresses.below(_NAVIGATION)
        words = sum(
            record.words
            for record, node in zip(records, addresses.layout.node, strict=True)
            if node not in nodes
            and record.hidden is None
            and 2 * sum(b - a for a, b, _ in record.links) < len(record.text)
        )
        if words >= options.embedded_below:
            return
    added = list(embedded_texts(walked.head.data, options, limits))
    if not added and words < _SPEECHLESS:
        added = list(described(walked.head.metas, options))
    for record in added:
        records.append(record)
        addresses.add_without_element()


def _segments(records: Sequence[Record], addresses: Addresses) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    headings: list[tuple[int, int]] = []  # level, index
    seen: set[str] = set()
    after = addresses.after_main()
    paths = addresses.xpaths()
    place = 0
    for at, record in enumerate(records):
        index = at + 1
        text = record.text
        if record.kind == "heading":
            while headings and headings[-1][0] >= record.level:
                headings.pop()
        flags: tuple[Flag, ...] = record.flags
        if record.words >= _DUPLICATE:
            if text in seen:
                flags = (*flags, "duplicate")
            seen.add(text)
        if after is not None and at >= after:
            flags = (*flags, "after_main")
        segments.append(
            Segment(
                index,
                record.kind,
                record.level,
                text,
                place,
                place + len(text),
                paths[at],
                record.run,
                addresses.line(at),
                tuple(record.links),
                _share(record.links, len(text)),
                tuple(number for _, number in headings),
                record.hidden,
                flags,
            )
        )
        if record.kind == "heading":
            headings.append((record.level, index))
        place += len(text) + 1
    return tuple(segments)


def _share(links: Sequence[Link], length: int) -> float:
    return round(sum(end - start for start, end, _ in links) / length, 4) if links else 0.0


def _link_words(record: Record) -> int:
    if not record.links:
        return 0
    return sum(count_words(record.text[start:end]) for start, end, _ in record.links)
