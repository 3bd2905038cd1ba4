"""Where segments stand in the tree: their XPaths, and the elements that hold them, as arrays."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from ragkit.extractors.html.types import Layout

_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z", re.A)  # tags an XPath can name

Element = Any


class Addresses:
    """The nodes above a page's segments and the XPaths of their owners; each element is looked at once."""

    def __init__(self, owners: Sequence[Element], tree: bool, attribute: int) -> None:
        self.layout = Layout()
        self.owners = owners
        self.tree = tree
        self._attribute = attribute
        self._nodes: dict[Element, int] = {}
        self._elements: list[Element] = []
        for position, owner in enumerate(owners):
            self.layout.node.append(self._node(owner, position))
        self._close()

    def _node(self, element: Element, position: int) -> int:
        """The number of an element's node; it and the ancestors that have none yet get one."""
        known = self._nodes.get(element)
        if known is not None:
            self.layout.last[known] = position + 1
            return known
        chain = []
        above: Element | None = element
        while above is not None and above not in self._nodes:
            chain.append(above)
            above = above.getparent()
        parent = -1 if above is None else self._nodes[above]
        layout = self.layout
        for one in reversed(chain):
            number = len(layout.tag)
            self._nodes[one] = number
            self._elements.append(one)
            layout.parent.append(parent)
            layout.tag.append(one.tag)
            layout.attributes.append(self._attributes(one))
            layout.first.append(position)
            layout.last.append(position + 1)
            parent = number
        return parent

    def _attributes(self, element: Element) -> tuple[str, str, str, str]:
        get = element.get
        most = self._attribute
        name, id, role, prop = get("class"), get("id"), get("role"), get("itemprop")
        if not (name or id or role or prop):
            return _NO_ATTRIBUTES
        return (name or "")[:most], (id or "")[:most], (role or "")[:most], (prop or "")[:most]

    def _close(self) -> None:
        """A node reaches as far as the furthest of its children; children come after their parents."""
        parent, last = self.layout.parent, self.layout.last
        for number in range(len(last) - 1, 0, -1):
            above = parent[number]
            if above >= 0 and last[above] < last[number]:
                last[above] = last[number]

    def add_without_element(self) -> None:
        """Count a segment after all others that no element owns."""
        self.layout.node.append(-1)

    def xpaths(self) -> list[str | None]:
        """The paths of the owners of the segments, None without an element in a tree."""
        if not self.tree:
            return [None] * len(self.layout.node)
        paths = self._paths()
        return [paths[node] if node >= 0 else None for node in self.layout.node]

    def _paths(self) -> list[str]:
        """The path of every node. Children of one parent are counted together, so each element is looked at once."""
        parents = self.layout.parent
        steps: list[str] = list(self.layout.tag)
        for parent in dict.fromkeys(parents):
            if parent >= 0:
                self._number(self._elements[parent], steps)
        paths: list[str] = []
        for node, step in enumerate(steps):
            above = parents[node]
            paths.append(f"{paths[above]}/{step}" if above >= 0 else f"/{step}")
        return paths

    def _number(self, parent: Element, steps: list[str]) -> None:
        """The steps to those children that are nodes: the tag, with its number among several of that tag.

        A tag that no path can name, such as `o:p`, is given as `*` and its number among all children.
        """
        counts: dict[str, int] = {}
        nodes = self._nodes
        found: list[tuple[int, str, int, int]] = []
        number = 0
        for child in parent:
            tag = child.tag
            number += 1
            count = counts.get(tag, 0) + 1
            counts[tag] = count
            node = nodes.get(child)
            if node is not None:
                found.append((node, tag, count, number))
        for node, tag, count, number in found:
            if not tag.isalnum() and not _NAME.match(tag):
                steps[node] = f"*[{number}]"
            elif counts[tag] > 1:
                steps[node] = f"{tag}[{count}]"

    def line(self, position: int) -> int | None:
        """The line the owner begins on, counted from 1; None when the parser did not keep it."""
        if self.layout.node[position] < 0:
            return None
        line = self.owners[position].sourceline
        return int(line) if line else None

    def positions(self, element: Element) -> range:
        """The positions of the segments in an element; none when it owns or holds none as a block."""
        node = self._nodes.get(element)
        return range(0) if node is None else range(self.layout.first[node], self.layout.last[node])

    def below(self, tags: Collection[str]) -> set[int]:
        """The nodes of these tags and all nodes below them."""
        found: set[int] = set()
        for number, tag in enumerate(self.layout.tag):
            if tag in tags or self.layout.parent[number] in found:
                found.add(number)
        return found

    def after_main(self) -> int | None:
        """The first position after the page's only `<main>`, None when there is not exactly one that holds text."""
        mains = [
            number
            for number, (tag, attributes) in enumerate(zip(self.layout.tag, self.layout.attributes, strict=True))
            if tag == "main" or attributes[2] == "main"
        ]
        return self.layout.last[mains[0]] if len(mains) == 1 else None


_NO_ATTRIBUTES = ("", "", "", "")
