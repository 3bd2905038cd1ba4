"""`ragkit extract` from the command line."""

import json

from click.testing import CliRunner

from ragkit.cli import app

PAGE = (
    "<nav><a href=/>Home</a></nav><article><h1>Bees</h1><p>Bees are insects that live in hives, gather nectar from "
    "many flowers and make honey.</p><p>A bee has six legs; on the last pair it carries pollen in small baskets to "
    "the hive.</p></article><p hidden>SECRET</p>"
)


def run(*arguments, data=None):
    return CliRunner().invoke(app, ["extract", *map(str, arguments)], input=data)


def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_the_main_content_of_a_file(tmp_path):
    done = run(page(tmp_path), "--predictor", "heuristic")
    assert (done.exit_code, done.output.split("\n")[0]) == (0, "Bees")
    assert "Home" not in done.output
    assert "SECRET" not in done.output


def test_what_helps_to_answer_a_query_from_standard_input():
    done = run("-", "how many legs", "--predictor", "llm", data=PAGE)
    assert done.exit_code == 1
    assert "needs a chat model" in done.output


def test_the_numbered_segments(tmp_path):
    done = run(page(tmp_path), "--segments")
    assert done.output.split("\n")[:2] == ["[1] other  Home", "[2] heading1  Bees"]
    found = json.loads(run(page(tmp_path), "--segments", "--format", "json").output)
    assert found["segments"][1]["xpath"] == "/html/body/article/h1"
    assert found["stats"]["hidden_words"] == 1


def test_forms(tmp_path):
    path = page(tmp_path)
    assert run(path, "--predictor", "heuristic", "--format", "markdown").output.startswith("# Bees\n\nBees are")
    assert run(path, "--predictor", "heuristic", "--format", "indices").output == "2-4\n"
    assert run(path, "--predictor", "heuristic", "--cite").output.startswith("[2] Bees\n")
    found = json.loads(run(path, "--predictor", "heuristic", "--format", "json").output)
    assert found["indices"] == [[2, 4]]
    assert found["segments"][0]["start"] == 5


def test_a_file_of_another_kind_is_an_error_and_no_page_of_its_bytes(tmp_path):
    for begins, what in (
        (b"%PDF-1.7\n", "a PDF file"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"PK\x03\x04", "a zip archive"),
    ):
        (tmp_path / "page.html").write_bytes(begins + bytes(range(256)))
        done = run(tmp_path / "page.html")
        assert (done.exit_code, done.output.split(": ", 1)[1]) == (
            1,
            f"{(tmp_path / 'page.html').as_posix()}: it is {what}, not a web page\n",
        )


def test_a_page_that_is_too_large_names_the_option(tmp_path):
    done = run(page(tmp_path), "--max-mb", "0.001")
    assert done.exit_code == 0
    (tmp_path / "large.html").write_text(PAGE * 10)
    done = run(tmp_path / "large.html", "--max-mb", "0.001")
    assert done.exit_code == 1
    assert "larger than 0.001 MB; --max-mb raises the limit" in done.output


def test_an_encoding_that_does_not_exist_is_told(tmp_path):
    done = run(page(tmp_path), "--encoding", "klingon", "--segments", "--format", "json")
    assert json.loads(done.output)["warnings"] == [["unknown_encoding", "klingon"]]


def test_an_empty_result_is_no_error(tmp_path):
    (tmp_path / "empty.html").write_text("<script>x</script>")
    done = run(tmp_path / "empty.html", "--predictor", "heuristic")
    assert (done.exit_code, done.output) == (0, "")
    assert run(tmp_path / "empty.html", "--predictor", "heuristic", "--format", "indices").output == "NA\n"


def test_what_is_wrong_is_said_in_a_line(tmp_path):
    for arguments, code, said in (
        ((tmp_path / "none.html",), 1, "cannot read"),
        (("http://127.0.0.1:9/",), 1, "--allow-private"),
        (("file:///etc/passwd",), 1, "only http and https"),
        ((page(tmp_path), "--max-mb", "0.001"), 0, ""),
        ((page(tmp_path), "--format", "xml"), 2, "'xml' is not one of"),
        ((page(tmp_path), "x", "--predictor", "trained"), 1, "no predictor for a query"),
    ):
        done = run(*arguments, *(() if "--predictor" in arguments else ("--predictor", "heuristic")))
        assert done.exit_code == code, done.output
        assert said in done.output


def test_a_citation_of_a_page_names_its_segment_and_xpath(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "<p>The honey bee has six legs and lives in a hive with many others.</p>"
    (tmp_path / "bees.html").write_text(f"<html><body><nav>Menu</nav><main><h1>Bees</h1>{text}</main></body></html>")
    pipeline = "load >> html(predictor='heuristic') >> chunk >> bm25 >> answer(embedder='', tagger='')"
    arguments = ["ask", "--source", "bees.html", "--pipeline", pipeline, "--json", "How many legs has the honey bee?"]
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "cache"))
    done = CliRunner().invoke(app, arguments, prog_name="ragkit")
    cited = json.loads(done.stdout)["citations"][0]
    assert cited["segments"] == [{"index": 3, "kind": "paragraph", "xpath": "/html/body/main/p"}]
