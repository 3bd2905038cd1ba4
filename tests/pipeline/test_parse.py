"""The text form lets through the language and nothing else, and says what is wrong where."""

from __future__ import annotations

import sys
import threading
import warnings
from types import SimpleNamespace

import pytest

from ragkit.errors import PipelineError, PipelineSyntaxError, StageParameterError, StageTypeError, UnknownStageError
from ragkit.pipeline import parse
from ragkit.pipeline.scan import MAX_BRACKETS, MAX_JOINTS, MAX_LENGTH

pytestmark = pytest.mark.usefixtures("world")


def refused(text: str) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        parse(text)
    return caught.value


def at_fault(error: PipelineError) -> str:
    return error.text[error.start : error.end]


@pytest.mark.parametrize(
    "text",
    [
        "\n  load >> chunk\n  >> bm25 >> answer\n",
        "(load\n >> chunk >> bm25 >> answer)",
        "load >> chunk  # cut\n >> bm25 >> # find\n answer # done",
        "load\r\n>> chunk\r>> bm25\n>> answer",
        "load >> chunk >> bm25 >>\\\n answer",
        "# first\n\tload >> chunk >> bm25 >> answer",
    ],
)
def test_line_breaks_and_comments_may_stand_between_words(text: str) -> None:
    assert str(parse(text)) == "load >> chunk >> bm25 >> answer"


def test_brackets_quotes_and_comments_inside_strings_are_text(world: SimpleNamespace) -> None:
    text = """free(a='(((', b="# no comment", c='''it's\n(''', d=r'\\\\', e='\\'(')"""
    assert parse(text).options == {"a": "(((", "b": "# no comment", "c": "it's\n(", "d": r"\\", "e": "'("}  # type: ignore[attr-defined]


def test_literals_are_read_as_python_reads_them(world: SimpleNamespace) -> None:
    text = "free(a=-1, b=1_000, c=0x10, d=-2.5e-3, e='x' 'y', f=(1,), g=[], h={}, i=None, j=True, k=())"
    assert parse(text).options == {  # type: ignore[attr-defined]
        "a": -1,
        "b": 1000,
        "c": 16,
        "d": -0.0025,
        "e": "xy",
        "f": (1,),
        "g": (),
        "h": {},
        "i": None,
        "j": True,
        "k": (),
    }


def test_an_odd_escape_warns_nobody(world: SimpleNamespace) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(r"free(x='\d')") == world.free(x=r"\d")


@pytest.mark.parametrize(
    ("text", "reason", "fault"),
    [
        ("", "the pipeline is empty", ""),
        (" \n# nothing\n", "the pipeline is empty", ""),
        ("bm25 >>", "something is missing at the end", ""),
        ("bm25 >> >> answer", "not in the pipeline language", ">>"),
        ("bm25 answer", "not in the pipeline language", "bm25 answer"),
        ("bm25 | dense", "| is not in the pipeline language", "|"),
        ("bm25 -dense", "- is not in the pipeline language", "-"),
        ("bm25 & dense", "& is not in the pipeline language", "&"),
        ("bm25 ** 2", "** is not in the pipeline language", "**"),
        ("~bm25", "~ cannot stand here", "~"),
        ("bm25 + - - 1 * dense", "- cannot stand here", "-"),
        ("bm25 % 8x", "8x is neither a number nor a name", "8x"),
        ("bm25 % 1if 1else 2", "1if is neither a number nor a name", "1if"),
        ("bm25 > answer", "comparisons are not in the pipeline language", "bm25 > answer"),
        ("bm25 and dense", "'and' is a word of Python, not of the pipeline language", "and"),
        ("bm25, dense", "commas between stages are not", "bm25, dense"),
        ("[bm25, dense]", "lists of stages are not", "[bm25, dense]"),
        ("bm25[0]", "square brackets behind a stage are not", "bm25[0]"),
        ("lambda: bm25", "'lambda' is a word of Python", "lambda"),
        ("bm25 if 1 else dense", "'if' is a word of Python", "if"),
        ("(yield)", "'yield' is a word of Python", "yield"),
        ("(a := bm25)", "NamedExpr expressions are not", "a := bm25"),
        ("a = bm25", "not in the pipeline language", "a = bm25"),
        ("import os", "'import' is a word of Python", "import"),
        ("bm25.search", ".search is not in the pipeline language", "bm25.search"),
        ("bm25.search()", ".search is not in the pipeline language", "bm25.search"),
        ("(bm25 + dense).fuse", ".fuse is not in the pipeline language", "(bm25 + dense).fuse"),
        ("(bm25 + dense).fuse()", "fuse takes the name of one method", "(bm25 + dense).fuse()"),
        ("(bm25 + dense).fuse('max').fuse('max')", "a sum is fused once", "(bm25 + dense).fuse('max').fuse('max')"),
        ("bm25()()", "only a stage can be called, once", "bm25()()"),
        ("(bm25)(k1=1)(k1=1)", "only a stage can be called, once", "(bm25)(k1=1)(k1=1)"),
        ("[bm25]()", "only a stage can be called", "[bm25]()"),
        ("chunk(200)", "chunk: parameters are given by name", "200"),
        ("chunk(*x)", "chunk: parameters are given by name", "*x"),
        ("chunk(**x)", "** is not in the pipeline language", "**"),
        ("chunk(by=word)", "word is a name where a value should stand", "word"),
        ("free(x=true)", "true is a name where a value should stand", "true"),
        ("chunk(tokens=2*3)", "only plain values can stand here", "2*3"),
        ("chunk(tokens=len('x'))", "only plain values can stand here", "len('x')"),
        ("free(x=b'x')", "only plain values can stand here", "b'x'"),
        ("free(x=1j)", "only plain values can stand here", "1j"),
        ("free(x=...)", "only plain values can stand here", "..."),
        ("free(x={1, 2})", "only plain values can stand here", "{1, 2}"),
        ("free(x={(1,): 2})", "the keys of a dict are texts or numbers", "(1,)"),
        ("free(x=[y for y in z])", "'for' is a word of Python", "for"),
        ("free(x=f'{y}')", "f-strings are not in the pipeline language", "f'{y}'"),
        ("free(x=rF'''{y}''')", "f-strings are not in the pipeline language", "rF'''{y}'''"),
        ("free(x=not True)", "'not' is a word of Python", "not"),
        ("free(x=+1)", "only plain values can stand here", "+1"),
        ("free(x=--1)", "only plain values can stand here", "--1"),
        ("chunk(tokens=1, tokens=2)", "chunk: tokens is given twice", "tokens=2"),
        ("8 % bm25", "the stage stands left of %", "8"),
        ("bm25 % dense", "% takes a whole number of hits to keep", "dense"),
        ("bm25 * dense", "* gives a side its weight, a number", "dense"),
        ("a) >> (b", "')' closes nothing", ")"),
        ("(bm25]", "']' closes nothing", "]"),
        ("(bm25", "'(' is never closed", "("),
        ("free(x='(", "the quoted text is never closed", "'"),
        ("“bm25”", "invalid character", "“"),
        ("bm25\0", "character 0x0000 cannot stand in a pipeline", "\N{REPLACEMENT CHARACTER}"),
        ("bm25 \ud800", "character 0xd800 cannot stand in a pipeline", None),
    ],
)
def test_what_is_not_in_the_language_is_refused_where_it_stands(text: str, reason: str, fault: str | None) -> None:
    error = refused(text)
    assert type(error) is PipelineSyntaxError
    assert reason in error.reason
    if fault is not None:
        assert at_fault(error) == fault
    str(error).encode()


@pytest.mark.parametrize("text", ["bm25 >> 3", "'bm25'", "2 * 3 * bm25", "None", "-1", "3 >> bm25", "bm25 + 'dense'"])
def test_a_value_cannot_stand_where_a_stage_should(text: str) -> None:
    error = refused(text)
    assert isinstance(error, StageTypeError) and "stands where a stage should" in error.reason


@pytest.mark.parametrize(
    ("text", "kind", "fault"),
    [
        ("bm52", UnknownStageError, "bm52"),
        ("fuse", UnknownStageError, "fuse"),
        ("__import__", UnknownStageError, "__import__"),
        ("chunk(tokns=3)", StageParameterError, "tokns=3"),
        ("chunk(tokens=0)", StageParameterError, "tokens=0"),
        ("chunk(tokens='x')", StageParameterError, "tokens='x'"),
        ("chunk(tokens=True)", StageParameterError, "tokens=True"),
        ("chunk(tokens=1e999)", StageParameterError, "tokens=1e999"),
        ("chunk(tokens=99999999999999999999)", StageParameterError, "tokens=99999999999999999999"),
        ("memory", StageParameterError, "memory"),
        ("bm25 % 0", StageParameterError, "0"),
        ("bm25 % 2.5", StageParameterError, "2.5"),
        ("bm25 % True", StageParameterError, "True"),
        ("-1 * bm25 + dense", StageParameterError, "-1"),
        ("bm25 * 0 + dense", StageParameterError, "0"),
        ("1e999 * bm25", StageParameterError, "1e999"),
        ("True * bm25", StageTypeError, "True"),
        ("2 * (3 * bm25)", StageTypeError, "2"),
        ("bm25.fuse('max')", StageTypeError, "bm25.fuse('max')"),
        ("(bm25 + dense).fuse(3)", StageParameterError, "(bm25 + dense).fuse(3)"),
        ("(bm25 + dense).fuse('mx')", StageParameterError, "'mx'"),
        ("(bm25 + dense).fuse('max', k=3)", StageParameterError, "k=3"),
    ],
)
def test_wrong_stages_parameters_and_numbers_are_marked(text: str, kind: type[PipelineError], fault: str) -> None:
    error = refused(text)
    assert type(error) is kind
    assert at_fault(error) == fault


def test_the_caret_stands_under_the_right_characters_of_the_right_line() -> None:
    error = refused("# größer 中文 👩‍🚀\nload >>\n  chunk(by='wörd', tokens=0) >> bm25")
    assert str(error).splitlines()[1:3] == [
        "      chunk(by='wörd', tokens=0) >> bm25",
        "            ^^^^^^^^^",
    ]
    assert at_fault(refused("free(x='ä中👩‍🚀') >> nö")) == "nö"
    assert at_fault(refused("free(x='ä中👩‍🚀') >> >> bm25")) == ">>"


def test_a_name_is_read_as_python_reads_it() -> None:
    assert str(parse("ｂｍ２５")) == "bm25"


def test_mistakes_are_named_with_their_mend() -> None:
    assert refused("chunk(200)").hint == "write chunk(tokens=…)"
    assert refused("bm25 | dense").hint == "write >> for 'then', + for 'side by side'"
    assert refused("chunk(by=word)").hint == 'write "word"'
    assert refused("free(x=null)").hint == "write None"
    assert refused("fuse(bm25, dense)").hint == 'write it behind a sum: (a + b).fuse("zscore")'
    assert refused("fuse").hint == 'write it behind a sum: (a + b).fuse("zscore")'
    assert refused("chunk(tokns=3)").hint == "chunk takes tokens, overlap, by"
    assert (
        refused("chunk(by='wrd')").reason
        == "chunk: by must be one of 'sentence', 'word', not 'wrd'; did you mean 'word'?"
    )


def test_text_too_long_is_refused_before_it_is_read() -> None:
    assert "at most 10000 are read" in refused("bm25 >> " * MAX_LENGTH).reason
    with pytest.raises(PipelineSyntaxError, match="a pipeline is a text, not bytes"):
        parse(b"bm25")  # type: ignore[arg-type]


def bombs() -> list[str]:
    units = [
        "(",
        "[",
        "{",
        "-",
        "~",
        "not ",
        "lambda:",
        "a if a else ",
        "a.",
        "a >> ",
        "a % 1 ",
        "a**",
        "a+",
        "a[",
        "a(",
        "f'{",
        "a(x=",
        "a(x=[",
        "'",
        "*",
        "**",
        "a,",
        "await ",
        "a:=",
        "a==",
        "a.fuse('max')",
        "0x",
        "9",
        "\\\n",
        "#",
        "{a:",
    ]
    texts = [unit * (MAX_LENGTH // len(unit)) for unit in units]
    texts += [f"bm25{unit * (MAX_JOINTS - 5)}" for unit in (".a", "()", "[0]", " % 9", " >> a", "+ a", "|a")]
    texts += [f"free(x={'[' * (MAX_BRACKETS - 1)}{']' * (MAX_BRACKETS - 1)} + 1)", "1if 1else " * 900, "f'{-'" * 90]
    texts += [f"bm25{' % 9' * 2000}", f"bm25{' >> rerank' * 900}", f"bm25{' + bm25' * 1400}", f"{'2 * ' * 2000}bm25"]
    texts += [f"(bm25 + dense){'.fuse(1)' * 1000}", f"bm25{'(k1=1)' * 1500}", f"free(x={'-' * 9000}1)"]
    return texts + [
        f"free(x={'[' * 30}{']' * 30}, y={'0x' + 'f' * 9000})",
        "free(x=" + "9" * 9000 + ")",
        "bm25" + ".a" * 4000,
    ]


@pytest.mark.parametrize("text", bombs(), ids=lambda text: text[:12])
def test_bombs_are_refused_calmly(text: str) -> None:
    refused(text)


def test_bombs_are_refused_calmly_on_a_small_stack() -> None:
    problems: list[BaseException] = []

    def run() -> None:
        try:
            for text in bombs():
                refused(text)
        except BaseException as problem:
            problems.append(problem)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert not problems


def test_reading_in_many_threads_leaves_the_warning_filters_alone() -> None:
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [parse(r"free(x='\d')") for _ in range(50)]) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert warnings.filters == before
