"""Generated pages, an independent plain walk over them, and mutations of bytes."""

import random
import re
from collections import Counter

from hypothesis import strategies as st
from lxml import etree

WORDS = "bee hive wax ant fern 東京 caf\u00e9 na\u00efve zero\u200bwidth x\u0301 ถนน 42 don't a|b #1 <3 &amp; *star*"
WORDS = WORDS.split()
BLOCK = "div p section article ul ol li blockquote h1 h2 h3 td dl dt dd figure figcaption details summary main".split()
INLINE = "span b i em strong a code small custom-tag".split()
DROPPED = "script style textarea button svg select template".split()

text = st.lists(st.sampled_from(WORDS), min_size=0, max_size=6).map(" ".join)


@st.composite
def nodes(draw, depth=0):
    """An HTML fragment."""
    kind = draw(
        st.sampled_from(["text", "text", "block", "block", "inline", "br", "dropped", "table", "pre", "hidden"])
    )
    if kind == "text" or depth > 5:
        return f" {draw(text)} "
    if kind == "br":
        return draw(st.sampled_from(["<br>", "<br><br>", "<br> <br/>"]))
    if kind == "dropped":
        tag = draw(st.sampled_from(DROPPED))
        return f"<{tag}>dropped{draw(text)}</{tag}>"
    inside = "".join(draw(st.lists(nodes(depth + 1), min_size=0, max_size=3)))
    if kind == "table":
        head = draw(st.sampled_from(["", "<tr><th>one</th><th>two</th></tr>"]))
        return f"<table>{head}<tr><td>{draw(text)}</td><td>{inside}</td></tr></table>"
    if kind == "pre":
        return f"<pre>{draw(text)}\n  {draw(text)}</pre>"
    if kind == "hidden":
        tag = draw(st.sampled_from(["div", "span"]))
        return f"<{tag} style='display:none'>hidden{draw(text)}</{tag}>"
    tag = draw(st.sampled_from(BLOCK if kind == "block" else INLINE))
    return f"<{tag} class='c{depth}' href='/x'>{inside}</{tag}>"


html = st.lists(nodes(), min_size=0, max_size=8).map(lambda parts: "<html><body>" + "".join(parts) + "</body></html>")

_SKIPPED = set("script style textarea button svg select template title head".split())
_BLOCKS = set(
    "body div p section article ul ol li blockquote h1 h2 h3 td th tr table dl dt dd figure figcaption details summary "
    "main pre".split()
)


def plain_words(data: str) -> Counter[str]:
    """The words a reader sees, by a walk that knows nothing of segments."""
    if not data.strip():
        return Counter()
    root = etree.fromstring(data.encode(), etree.HTMLParser(encoding="utf-8", remove_comments=True))
    out: list[str] = []
    todo: list[tuple[str, object]] = [("in", root)] if root is not None else []
    while todo:
        what, item = todo.pop()
        if what == "text":
            out.append(str(item or ""))
            continue
        tag = item.tag  # type: ignore[attr-defined]
        todo.append(("text", item.tail))  # type: ignore[attr-defined]
        if tag in _SKIPPED or "display:none" in (item.get("style") or ""):  # type: ignore[attr-defined]
            continue
        if tag in _BLOCKS or tag == "br":
            out.append(" ")
            todo.append(("text", " "))
        todo.extend(("in", child) for child in reversed(item))  # type: ignore[call-overload]
        todo.append(("text", item.text))  # type: ignore[attr-defined]
    return words("".join(out))


def words(text: str) -> Counter[str]:
    """The words of a text, as they are kept."""
    import unicodedata

    return Counter(re.findall(r"\w+", unicodedata.normalize("NFC", text.replace("\u200b", ""))))


SEEDS = (
    b"<!doctype html><html lang=en><head><meta charset=utf-8><title>Bees &amp; ants</title><style>.x{display:none}"
    b'@media print{.y{display:none}}</style><script type=\'application/ld+json\'>{"@type":"Article","articleBody":'
    b"\"Some <b>text</b>\"}</script></head><body><nav><ul><li><a href='/a'>Home</a><li><a href=/b>News</a></ul></nav>"
    b"<main><article><h1>Bees</h1><p>A bee has <b>six</b> legs, and <a href='x'>two wings</a>.<br><br>It flies.</p>"
    b"<table><caption>T</caption><tr><th>a<th>b<tr><td rowspan=3>1<td colspan=2>2</table><pre>x = 1\n  y</pre>"
    b"<details><summary>More</summary><div aria-hidden=true>no</div>yes</details><dl><dt>t<dd>d</dl>"
    b"<p style='color:#fff;background:#fff'>white</p><p class='x sr-only'>gone</p></article></main>"
    b"<noscript>none</noscript><footer>&copy; 2020 &#0; &#x110000; &nbsp;</footer></body></html>",
    "<p>東京は日本の首都です。<p dir=rtl>שלום עולם<p>e\u0301 \u202er\u202c</p><svg><title>x</title></svg>".encode(),
    b"<frameset><frame src=a><noframes>old</noframes></frameset>",
    b"<div>" * 300 + b"deep" + b"</div>" * 300 + b"<p>after",
    b"\xff\xfe" + "<p>sixteen bits</p>".encode("utf-16-le"),
)
_BITS = (
    b"<", b">", b"<div>", b"</div>", b"<p", b"'", b'"', b"=", b"<!--", b"-->", b"<![CDATA[", b"\0", b"\xff",
    b"&#", b"&",
    b"<table><tr><td>", b"</table>", b"<script>", b"</script>", b"<style>", b"{display:none}", b"<svg>", b"<plaintext>",
    b" style='display:none'", b" hidden", b"<a href=x>", b"</a>", b"<br>", b"<pre>", b"<li>", b"/", b"<?xml?>",
    b"\xe2\x80\x8b",
    b"&#99999999999999999999;", b"<template>", b"<noscript>", b"<o:p>", b"<details>", b" colspan=999999999", b"\r\n\t",
)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A page with some of its bytes replaced, removed, repeated, or put elsewhere."""
    page = bytearray(data[: rng.randrange(1, len(data) + 1)] if rng.random() < 0.2 else data)
    for _ in range(rng.randrange(1, 20)):
        at = rng.randrange(len(page) + 1)
        end = min(len(page), at + rng.randrange(1, 60))
        match rng.randrange(6):
            case 0:
                page[at:at] = rng.choice(_BITS)
            case 1:
                del page[at:end]
            case 2:
                page[at:at] = page[at:end] * rng.randrange(1, 30)
            case 3:
                page[at:end] = bytes(rng.randrange(256) for _ in range(end - at))
            case 4:
                page[at:at] = rng.choice(_BITS) * rng.randrange(1, 400)
            case 5:
                to = rng.randrange(len(page) + 1)
                page[to:to] = page[at:end]
    return bytes(page)
