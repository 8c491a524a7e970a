"""The page that holds the paper to its numbers leaves nothing of the paper out, and names only what exists."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from sclib import experiments, results

ROOT = Path(__file__).parents[2]
NOTEBOOK = nbformat.read(ROOT / "book" / "reproduction.ipynb", 4)
PRINTED = "".join(o.text for cell in NOTEBOOK.cells for o in cell.get("outputs", []) if o.output_type == "stream")
PAGE = (ROOT / "book" / "reproduction.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| **")]
COUNTED = dict(re.findall(r"^\| \*([\w ]+)\* \| (\d+) \|", PAGE, re.M))
PROOFS = (ROOT / "book" / "proofs.md").read_text(encoding="utf-8")
PAGES = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("book/*.md"))]
# The statements that the table in proofs.md gives to the paper, and those whose title does.
LISTED = re.findall(r"^\|[^|]*\| paper[^|]*\| \{prf:ref\}`([\w-]+)` \|", PROOFS, re.M)
TITLED = [
    label
    for page in PAGES
    for label in re.findall(r"^:+\{prf:\w+\} .*\b(?:of the paper|Paper:).*\n:label: ([\w-]+)$", page, re.M)
]


def words(numbers, kind):
    return [f"{kind} {number}" for number in numbers.split()]


def test_statements_of_the_paper_are_found_in_the_proofs():
    assert {"thm-gumbel", "lem-limit", "lem-a1", "thm-2-1", "thm-2-4"} <= set(LISTED)
    assert {"lem-limit", "lem-variance-sum", "prop-refit", "thm-2-1", "thm-2-4"} <= set(TITLED)


@pytest.mark.parametrize("label", sorted({*LISTED, *TITLED}))
def test_every_statement_of_the_paper_has_a_row(label):
    assert any(f"<{label}>`" in paper for paper, *_ in ROWS)


@pytest.mark.parametrize(
    "name",
    [
        *words("2.1 2.2 A.1 A.2 A.3", "Lemma"),
        *words("2.1 2.2 2.3 2.4", "Theorem"),
        *words("2.1 2.2", "Assumption"),
        *words("1", "Algorithm"),
        *words("1 2 3 4 5 6 9 10", "Figure"),
        "Figures 7 and 8",
    ],
)
def test_everything_that_the_paper_numbers_begins_a_row(name):
    assert any(re.match(rf"\*\*(\{{prf:ref\}}`)?{re.escape(name)}\b", paper) for paper, *_ in ROWS)


def test_every_equation_of_the_paper_is_in_the_first_column():
    named = {
        int(n) for paper, *_ in ROWS for part in re.findall(r"Eq\. ([^.]*)", paper) for n in re.findall(r"\d+", part)
    }
    assert set(range(1, 14)) <= named


def test_verdicts_are_counted():
    assert all(len(row) == 3 for row in ROWS)
    counted = Counter(re.match(r"\*\*([\w ]+)\.\*\*", verdict)[1] for *_, verdict in ROWS)
    assert {verdict: str(count) for verdict, count in counted.items()} == COUNTED


@pytest.mark.parametrize(("name", "verdict"), [("Lemma A.2", "Lost"), ("Figure 10", "Lost"), ("50,000", "Lost")])
def test_what_is_lost_is_not_said_to_need_a_gpu(name, verdict):
    (said,) = [last for paper, _, last in ROWS if paper.startswith(f"**{name}")]
    assert said.startswith(f"**{verdict}.**") and "GPU" not in said


def test_what_is_stored_is_not_called_missing():
    cifar = [c for name, c in experiments.EXPERIMENTS.items() if name.startswith("cifar10")]
    if any((results.SHIPPED / results.file_name(config)).exists() for config in cifar):
        assert "needs a GPU" not in PAGE, "rows on CIFAR-10 are out of date"


def test_a_theorem_is_called_proved_and_an_experiment_is_not():
    for paper, _, verdict in ROWS:
        if re.match(r"\*\*(\{prf:ref\}`)?(Lemma|Theorem|Eq\.)", paper) and "A.2" not in paper:
            assert verdict.startswith("**Proved.**"), paper
        if re.match(r"\*\*Figure", paper):
            assert not verdict.startswith("**Proved.**"), paper


def test_named_tests_and_results_exist():
    text = "\n".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown")
    named = re.findall(r"`(test_\w+\.py)`: `(test_\w+)`", text)
    assert len(named) >= 5
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text()
    keys = dict(re.findall(r"^([\w.-]+) \(([0-9a-f]{12})\)", PRINTED, re.M))
    assert len(keys) >= 5
    assert {name: results.key(experiments.EXPERIMENTS[name]) for name in keys} == keys


def test_numbers_on_the_teaching_page_are_those_of_chapter_2():
    teaching = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"the loop with \$K = 4\$ loses .*?hard best-of-n", teaching)
    record = "application/papermill.record/text/plain"
    chapter = nbformat.read(ROOT / "book" / "02_rlhf_link.ipynb", 4)
    outputs = [o for cell in chapter.cells for o in cell.get("outputs", []) if record in o.get("data", {})]
    glued = {o.metadata["scrapbook"]["name"]: o.data[record].strip("'") for o in outputs}
    assert re.findall(r"0\.\d+", said) == [glued[name] for name in ("lost-1-4", "lost-3-4", "lost-5-4", "lost-best")]
