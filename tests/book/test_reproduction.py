"""The page that holds the paper to its numbers leaves nothing of the paper out, and names only what exists."""

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from sclib import experiments, results

ROOT = Path(__file__).parents[2]
NOTEBOOK = nbformat.read(ROOT / "book" / "reproduction.ipynb", 4)
OUTPUTS = [output for cell in NOTEBOOK.cells for output in cell.get("outputs", [])]
TABLES = "\n".join(output.get("data", {}).get("text/markdown", "") for output in OUTPUTS)
ROWS = [line.strip("| ").split(" | ") for line in TABLES.splitlines() if line.startswith("| **")]
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
    counted = Counter(same.split(".")[0].strip("*").lower().replace(" ", "-") for *_, same in ROWS)
    record = "application/papermill.record/text/plain"
    glued = {
        output.metadata["scrapbook"]["name"]: ast.literal_eval(output.data[record])
        for output in OUTPUTS
        if record in output.get("data", {})
    }
    assert glued == {name: str(count) for name, count in {**counted, "rows": len(ROWS)}.items()}
    assert set(counted) == {"same", "in-part", "not-run", "lost", "no-test"}


def test_what_is_stored_is_not_called_missing():
    for name, config in experiments.EXPERIMENTS.items():
        if (results.SHIPPED / results.file_name(config)).exists():
            assert not re.search(rf"\b{name}: not run yet", TABLES)
            assert not (name.startswith("cifar10") and "needs a GPU" in TABLES), "rows on CIFAR-10 are out of date"


def test_named_tests_and_results_exist():
    text = "\n".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown")
    named = re.findall(r"`(test_\w+\.py)`: `(test_\w+)`", text)
    assert len(named) >= 5
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text()
    for name, key in re.findall(r"\*\*([\w.-]+)\*\* \(([0-9a-f]{12})\)", TABLES):
        assert results.key(experiments.EXPERIMENTS[name]) == key
