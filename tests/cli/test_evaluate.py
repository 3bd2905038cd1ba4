"""`ragkit eval`, `tune` and `synth`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.evaluate import Dataset
from tests.cli.conftest import Run

TEXTS = {
    "ada": "Ada Lind was born in Bern in 1904. She built bridges over the Aare.",
    "aare": "The Aare is a river of 288 kilometres. It joins the Rhine near Koblenz.",
}


@pytest.fixture
def data(folder: Path) -> str:
    asked = [("Where was Ada Lind born?", [("ada", 0, 34)]), ("How long is the Aare?", [("aare", 0, 38)])]
    Dataset.of(TEXTS, asked, name="notes").save(folder / "set")
    return "set"


def test_eval_prints_a_table_and_the_differences(run: Run, data: str) -> None:
    result = run("eval", data, "--pipeline", "bm25", "--pipeline", "chunk(tokens=12) >> bm25", "--budget", "40,80")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:2] == ["config", "chunks"]
    assert "recall@40 chars" in lines[0]
    assert "Differences to bm25, in points [95 % interval]:" in lines
    assert result.stderr == ""


def test_eval_uses_the_configured_pipeline_when_none_is_given(run: Run, data: str) -> None:
    result = run("eval", data, "--format", "json")
    assert result.exit_code == 0, result.stderr
    table = json.loads(result.stdout)
    assert [one["name"] for one in table["configs"]] == ["bm25 >> answer(embedder='', tagger='')"]
    assert table["settings"]["groups"] == "none"


def test_eval_writes_a_report(run: Run, data: str, folder: Path) -> None:
    result = run("eval", data, "--pipeline", "bm25", "--out", "report", "--trec")
    assert result.exit_code == 0, result.stderr
    names = {path.name for path in (folder / "report").iterdir()}
    assert {"report.md", "report.html", "rows.csv", "summary.json", "recall.svg", "recall.png", "trec"} <= names
    assert (folder / "report" / "trec" / "1" / "qrels.txt").read_text().startswith("q1 0 ada#")
    assert run("eval", data, "--pipeline", "bm25", "--trec").exit_code == 2


def test_eval_check_lists_problems_and_fails_on_errors(run: Run, data: str, folder: Path) -> None:
    assert run("eval", data, "--check").stdout == "notes: 2 questions, 2 documents, 0 errors, 0 notes\n"
    (folder / "set" / "docs" / "ada.txt").write_text("changed")
    result = run("eval", data, "--check")
    assert result.exit_code == 1
    assert "error  hash_differs: document 'ada'" in result.stdout
    result = run("eval", data)
    assert result.exit_code == 1
    assert "has changed since" in result.stderr
    assert "Traceback" not in result.stderr


def test_eval_reads_questions_in_the_form_of_chroma(run: Run, folder: Path) -> None:
    (folder / "chroma" / "corpora").mkdir(parents=True)
    (folder / "chroma" / "corpora" / "ada.md").write_text(TEXTS["ada"])
    references = json.dumps([{"content": TEXTS["ada"][:34], "start_index": 0, "end_index": 34}]).replace('"', '""')
    (folder / "chroma" / "questions_df.csv").write_text(f'question,references,corpus_id\nWho?,"{references}",ada\n')
    assert run("eval", "chroma", "--pipeline", "bm25").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "nowhere"),
        (["set", "--budget", "a"], 2, "no whole numbers"),
        (["set", "--budget", "-1"], 1, "0 or more"),
        (["set", "--pipeline", "bm26"], 1, "bm26"),
        (["notes"], 1, "no data set"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(run: Run, data: str, arguments: list[str], code: int, said: str) -> None:
    result = run("eval", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_tune_names_the_best_with_its_interval_and_cost(run: Run, data: str) -> None:
    result = run("tune", data, "--tokens", "12,100", "--retriever", "bm25", "--metric", "iou", "--k", "1")
    assert result.exit_code == 0, result.stderr
    last = [line for line in result.stdout.splitlines() if line.startswith("best iou: chunk(tokens=12) >> bm25")]
    assert len(last) == 1
    assert "ms a question" in last[0]
    table = json.loads(run("tune", data, "--tokens", "12,100", "--retriever", "bm25", "--json").stdout)
    assert table["metric"] == "recall@4000u"
    assert len(table["configs"]) == 2


def test_synth_makes_a_set_that_eval_reads(run: Run, documents: Path) -> None:
    result = run("synth", documents, "--out", "made", "--n", "6", "--embedder", "")
    assert result.exit_code == 0, result.stderr
    assert "6 questions about" in result.stdout
    assert "words taken from the source" in result.stdout
    assert "not to choose a chunk size by recall" in " ".join(result.stdout.split())
    assert "rules: " in result.stderr
    docs = Dataset.load("made").docs
    assert {"people/ada-marlowe.md", "grey-heron"} <= set(docs)
    assert all(not doc.source.startswith("/") for doc in docs.values())
    result = run("eval", "made", "--pipeline", "bm25")
    assert result.exit_code == 0
    assert "must not be used to choose a chunk size by recall" in result.stderr
    again = run("synth", documents, "--out", "made")
    assert again.exit_code == 1
    assert "already holds a data set" in again.stderr


def test_synth_without_a_model_makes_gapped_sentences(run: Run, documents: Path) -> None:
    result = run("synth", documents, "--out", "made", "--n", "3", "--model", "", "--embedder", "")
    assert result.exit_code == 0, result.stderr
    assert {question.kind for question in Dataset.load("made").questions} == {"cloze"}


def test_synth_tells_the_cost_of_a_chat_model_beforehand(run: Run, documents: Path) -> None:
    result = run("synth", documents, "--mode", "llm", "--dry-run", "--n", "20")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("20 questions to ask for, 20 to 160 calls\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["notes"], 2, "--out DIR"),
        (["nowhere", "--out", "x"], 1, "nothing to read"),
        (["notes", "--dry-run"], 2, "rules cost nothing"),
        (["notes", "--mode", "llm", "--out", "x", "--embedder", ""], 2, "needs a chat model"),
        (["notes", "--mode", "llm", "--llm", "nonsense", "--out", "x", "--embedder", ""], 1, "names no chat model"),
    ],
)
def test_synth_tells_what_is_missing(run: Run, arguments: list[str], code: int, said: str) -> None:
    result = run("synth", *arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr


def test_synth_asks_a_chat_model_and_goes_on_where_it_stopped(run: Run, folder: Path) -> None:
    import re
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Model(BaseHTTPRequestHandler):
        calls = 0

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            Model.calls += 1
            number, sentence = re.findall(r"\[(\d+)\] ([A-Z].*\.)", body["messages"][-1]["content"])[0]
            reference = {"first": int(number), "last": int(number)}
            reply = {
                "question": f"What is written about {sentence[:12]}, number {Model.calls}?",
                "references": [reference],
            }
            content = json.dumps({**reply, "answer": "", "single_topic": True, "self_contained": True})
            usage = {"prompt_tokens": 70, "completion_tokens": 12}
            data = json.dumps({"choices": [{"message": {"content": content}}], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        name = f"openai-compatible:http://127.0.0.1:{server.server_port}/v1#small"
        arguments = ("synth", "notes", "--mode", "llm", "--llm", name, "--out", "made", "--embedder", "", "--n", "4")
        first = run(*arguments, "--max-calls", "1")
        assert first.exit_code == 0, first.stderr
        assert "1 call, 70 tokens in, 12 out" in first.stdout
        assert "run it again" in first.stderr
        again = run(*arguments)
        assert again.exit_code == 0, again.stderr
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    made = Dataset.load(folder / "made")
    first_question = json.loads((folder / "made" / "attempts.jsonl").read_text().splitlines()[0])["question"][
        "question"
    ]
    assert made.questions[0].text == first_question
    assert made.generator["mode"] == "llm"
