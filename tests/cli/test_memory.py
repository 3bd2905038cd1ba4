"""`ragkit remember`, `recall`, `forget` and `memory …`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

ANN = ("--scope", "t/ana", "--embedder", "none")


@pytest.fixture
def told(run: Run) -> Run:
    """As `run`, with three messages in the memory of t/ana."""
    for number, (speaker, text, session) in enumerate(
        [
            ("Ann", "I moved to Lisbon last month.", "one"),
            ("Bob", "How lovely! I still play chess with Carl.", "one"),
            ("Ann", "Yesterday I adopted a cat called Miso.", "two"),
        ]
    ):
        time = f"2023-05-{8 + number:02}T14:00+02:00"
        options = ("--speaker", speaker, "--time", time, "--session", session, "--id", f"m{number}")
        result = run("remember", text, *options, *ANN)
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"stored m{number}\n", "")
    return run


def recalled(run: Run, question: str, *options: str) -> list[dict[str, object]]:
    result = run("recall", question, "--scope", "t/ana", "--json", *options)
    assert result.exit_code in (0, 3), result.stderr
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


def test_what_is_remembered_is_recalled_with_its_dates_and_id(told: Run) -> None:
    lines = told("recall", "Where did Ann move?", "--scope", "t/ana").stdout.splitlines()
    assert lines[0].split() == ["rank", "score", "event", "said", "speaker", "id", "text"]
    assert lines[1].split()[2:6] == ["2023-04-01", "to", "2023-04-30", "2023-05-08"]
    assert "m0" in lines[1] and "moved to Lisbon last month [2023-04]" in lines[1]


def test_recall_as_json_has_the_documented_keys(told: Run) -> None:
    (hit,) = recalled(told, "Which cat did Ann adopt?", "-k", "1")
    assert set(hit) == {
        *("id", "text", "score", "kind", "tier", "speaker", "session", "said", "event", "source_ids", "source_texts"),
        "views",
    }
    assert hit["event"] == {
        "start": "2023-05-09T00:00:00+02:00",
        "end": "2023-05-10T00:00:00+02:00",
        "granularity": "day",
        "ambiguous": False,
    }
    assert hit["source_texts"] == ["Yesterday I adopted a cat called Miso."]


def test_recall_as_context_stays_in_the_budget(told: Run) -> None:
    result = told("recall", "What did Ann do?", "--scope", "t/ana", "--context", "--budget", "30", "--json")
    context = json.loads(result.stdout)
    assert context["found"] and 0 < context["tokens"] <= 30
    text = told("recall", "Which cat?", "--scope", "t/ana", "--context").stdout
    assert "[2023-05-09 | said 2023-05-10 | Ann | m2] Yesterday I adopted a cat called Miso." in text


def test_a_budget_without_context_is_wrong_usage(told: Run) -> None:
    assert told("recall", "x", "--budget", "30").exit_code == 2


def test_yesterday_in_a_question_is_the_day_before_it_is_asked(told: Run) -> None:
    first = recalled(told, "What did Ann do yesterday?", "--at", "2023-05-10T20:00+02:00", "-k", "1")
    assert first[0]["id"] == "m2"


def test_explain_shows_the_views(told: Run) -> None:
    result = told("recall", "Where did Ann move?", "--scope", "t/ana", "--explain")
    assert "1. turn, active: " in result.stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--session", "one"), {"m0", "m1"}),
        (("--speaker", "Bob"), {"m1"}),
        (("--person", "bob"), {"m1"}),
        (("--after", "2023-05-09"), {"m1", "m2"}),
        (("--before", "2023-05-09"), {"m0"}),
        (("--session", "two", "--speaker", "Bob"), set()),
    ],
)
def test_options_narrow_what_is_recalled(told: Run, options: tuple[str, ...], expected: set[str]) -> None:
    assert {hit["id"] for hit in recalled(told, "Lisbon chess cat", *options)} == expected


def test_nothing_found_is_said_and_exits_with_3(told: Run) -> None:
    result = told("recall", "Lisbon", "--scope", "t/other")
    assert (result.exit_code, result.stdout) == (3, "nothing found\n")


def test_recall_without_a_store_says_how_to_get_one(run: Run) -> None:
    result = run("recall", "anything")
    assert result.exit_code == 1
    assert "ragkit remember" in result.stderr


def test_the_same_message_is_stored_once(told: Run) -> None:
    again = told("remember", "I moved to Lisbon last month.", "--speaker", "Ann", "--id", "m0", *ANN)
    assert again.stdout == "duplicate m0\n"


def test_text_may_come_from_standard_input(run: Run) -> None:
    assert run("remember", "-", "--id", "x", *ANN, input="Hello from a pipe").stdout == "stored x\n"
    assert recalled(run, "pipe")[0]["source_texts"] == ["Hello from a pipe"]


def test_empty_text_is_an_error(run: Run) -> None:
    result = run("remember", "  ", *ANN)
    assert result.exit_code == 1
    assert "nothing to remember" in result.stderr


def test_a_time_that_is_none_is_wrong_usage(run: Run) -> None:
    result = run("remember", "hello", "--time", "yesterday", *ANN)
    assert result.exit_code == 2
    assert "--time" in result.stderr


def test_a_scope_with_an_empty_label_is_wrong_usage(run: Run) -> None:
    assert run("remember", "hello", "--scope", "a//b", "--embedder", "none").exit_code == 2


def test_forget_only_says_what_would_go_until_told_yes(told: Run) -> None:
    would = told("forget", "--session", "one", "--scope", "t/ana")
    assert would.stdout == "would forget 2 messages and 2 units; nothing was changed, add --yes to do it\n"
    assert len(recalled(told, "Lisbon chess cat")) == 3
    assert told("forget", "--session", "one", "--scope", "t/ana", "--yes").stdout == "forgot 2 messages and 2 units\n"
    assert [hit["id"] for hit in recalled(told, "Lisbon chess cat")] == ["m2"]


def test_what_was_forgotten_leaves_no_byte_in_the_file(told: Run, folder: Path) -> None:
    assert told("forget", "--id", "m2", "--scope", "t/ana", "--yes").exit_code == 0
    left = b"".join(path.read_bytes() for path in folder.glob("ragkit.db*")).lower()
    assert b"lisbon" in left
    assert b"miso" not in left and b"adopt" not in left


def test_forget_takes_the_whole_scope_only_by_name(told: Run) -> None:
    assert told("forget", "--scope", "t/ana", "--yes").exit_code == 2
    assert told("forget", "--all", "--speaker", "Ann", "--scope", "t/ana", "--yes").exit_code == 2
    assert json.loads(told("forget", "--all", "--scope", "t/ana", "--yes", "--json").stdout)["messages"] == 3
    assert recalled(told, "Lisbon chess cat") == []


def test_forget_of_an_unknown_id_forgets_nothing(told: Run) -> None:
    result = told("forget", "--id", "m1", "--id", "nope", "--scope", "t/ana", "--yes")
    assert result.exit_code == 1
    assert "nope" in result.stderr
    assert len(recalled(told, "Lisbon chess cat")) == 3


def test_soft_forgetting_hides(told: Run) -> None:
    assert told("forget", "--id", "m2", "--soft", "--scope", "t/ana", "--yes").stdout == "hid 1 message and 1 unit\n"
    assert "m2" not in {hit["id"] for hit in recalled(told, "cat Miso")}


def test_what_was_hidden_is_brought_back(told: Run) -> None:
    told("forget", "--session", "one", "--soft", "--scope", "t/ana", "--yes")
    assert told("memory", "restore", "--id", "m0", "--scope", "t/ana").stdout == "1 unit restored\n"
    assert {hit["id"] for hit in recalled(told, "Lisbon chess cat")} == {"m0", "m2"}
    assert json.loads(told("memory", "restore", "--scope", "t/ana", "--json").stdout) == {"restored": 1}


def test_stats_count_what_is_there(told: Run) -> None:
    found = json.loads(told("memory", "stats", "--scope", "t/ana", "--json").stdout)
    assert (found["messages"], found["sessions"], found["speakers"]) == (3, 2, ["Ann", "Bob"])
    assert "messages" in told("memory", "stats", "--scope", "t/ana").stdout


def test_check_finds_a_damaged_index(told: Run, folder: Path) -> None:
    assert told("memory", "check").stdout == "all is well\n"
    import sqlite3

    with sqlite3.connect(folder / "ragkit.db") as connection:
        connection.execute("INSERT INTO memory_fts (memory_fts, rowid, text) VALUES ('delete', 1, 'moved')")
    connection.close()
    damaged = told("memory", "check")
    assert damaged.exit_code == 1
    assert damaged.stdout.strip() not in ("", "all is well")


def test_export_and_import_make_an_equal_scope(told: Run, folder: Path) -> None:
    assert told("memory", "export", "out.jsonl", "--scope", "t/ana").exit_code == 0
    assert told("memory", "import", "out.jsonl", "--scope", "t/copy", "--embedder", "none").stdout == "3 stored\n"
    again = told("memory", "import", "out.jsonl", "--scope", "t/copy", "--embedder", "none", "--json")
    assert json.loads(again.stdout) == {"stored": 0, "duplicate": 3, "split": 0, "empty": 0}
    here, there = (told("memory", "export", "--scope", scope).stdout.splitlines()[1:] for scope in ("t/ana", "t/copy"))
    assert here == there


def test_a_chat_is_imported_line_by_line(run: Run, folder: Path) -> None:
    lines = [
        {"text": "Hi Ann", "speaker": "Bob", "time": "2023-05-08T10:00:00Z"},
        {"text": "I met Cleo yesterday", "speaker": "Ann", "time": "2023-05-08T10:01:00Z"},
    ]
    (folder / "chat.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = run("memory", "import", "chat.jsonl", "--format", "chat.jsonl", *ANN)
    assert (result.exit_code, result.stdout) == (0, "2 stored\n")
    assert recalled(run, "Cleo")[0]["text"] == "Ann: I [Ann] met Cleo yesterday [2023-05-07]"


def test_a_line_that_is_no_message_is_named(run: Run, folder: Path) -> None:
    (folder / "chat.jsonl").write_text('{"text": "Hi", "speaker": "Bob"}\nnonsense\n')
    result = run("memory", "import", "chat.jsonl", "--format", "chat.jsonl", *ANN)
    assert result.exit_code == 1
    assert "line 2" in result.stderr or ":2" in result.stderr


def test_audit_tells_what_was_done_and_never_what_was_said(told: Run) -> None:
    told("forget", "--id", "m2", "--scope", "t/ana", "--yes")
    entries = json.loads(told("memory", "audit", "--scope", "t/ana", "--json").stdout)
    assert entries[0]["action"] == "forget"
    assert entries[0]["messages"] == 1
    text = told("memory", "audit", "--scope", "t/ana").stdout
    assert "forget" in text and "Miso" not in text


def test_consolidation_marks_what_is_outdated(told: Run) -> None:
    told("remember", "I live in Porto now.", "--speaker", "Ann", "--time", "2023-09-01T10:00", "--id", "m9", *ANN)
    result = told("memory", "consolidate", "--scope", "t/ana")
    assert result.stdout == "0 abstracts made, 0 units archived below them, 1 marked as outdated\n"
    assert told("memory", "consolidate", "--scope", "t/ana").stdout.endswith("0 marked as outdated\n")


def test_memory_and_documents_answer_together(told: Run) -> None:
    told("add", "notes")
    pipeline = "memory(scope='t/ana') + bm25 >> answer(embedder='', tagger='')"
    result = told("ask", "What is the name of the cat Ann adopted?", "--pipeline", pipeline, "--json")
    answer = json.loads(result.stdout)
    assert answer["found"] and "Miso" in answer["text"]
    citation = answer["citations"][0]
    assert citation["source"] == "memory: Ann, 10 May 2023"
    assert "Yesterday I adopted a cat called Miso."[citation["start"] : citation["end"]] == citation["quote"]
    other = json.loads(told("ask", "How long is the Aare?", "--pipeline", pipeline, "--json").stdout)
    assert other["citations"][0]["source"] == "notes/aare.txt"


def test_a_condition_that_is_empty_is_wrong_usage_and_forgets_nothing(told: Run) -> None:
    told("remember", "Of no session", *ANN)
    result = told("forget", "--session", "", "--scope", "t/ana", "--yes")
    assert result.exit_code == 2 and "--session" in result.stderr
    assert json.loads(told("memory", "stats", "--scope", "t/ana", "--json").stdout)["messages"] == 4


def test_a_chat_that_is_no_utf8_is_refused_with_its_line(run: Run, folder: Path) -> None:
    (folder / "chat.jsonl").write_bytes(b'{"text": "Hi", "speaker": "Bob"}\n{"text": "caf\xe9", "speaker": "Bob"}\n')
    result = run("memory", "import", "chat.jsonl", "--format", "chat.jsonl", *ANN)
    assert result.exit_code == 1 and "line 2 is no UTF-8" in result.stderr
