"""What README, docs and changelog say is what there is."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from jmespath.functions import Functions as TheirFunctions

from hubsync.core import limits
from hubsync.core.hubspot.batch_api import reason_of
from hubsync.core.hubspot.http_statuses import STATUSES, halve, refuse, refuse_or_pause
from hubsync.core.kept_payload import INVALID_PAYLOAD
from hubsync.core.message import INVALID_VALUE
from hubsync.core.payloads.jmespath_functions import Functions
from hubsync.core.payloads.source import load_source
from hubsync.core.signatures.schemes import SCHEMES
from hubsync.settings import IngestSettings
from hubsync.writer_settings import ConsumerSettings
from hubsync_checks.deliberate_faults import FAULTS
from hubsync_local.template.intrinsics import parse
from tests.contract.monitoring_rules import ALARM, alarmed, of_ours
from tests.contract.template_under_test import checked

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TEMPLATE = parse((PROJECT / "template.yaml").read_text(encoding="utf-8"))
SETTINGS = {
    field.alias
    for model in (IngestSettings, ConsumerSettings)
    for field in model.model_fields.values()
}
LINES_MAX = 160


def tracked():
    """Name the files of the repository, without those that tools and runs leave behind."""
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others"]
    listed = subprocess.run(  # noqa: S603 - git itself, with arguments of our own
        [*command, "--exclude-standard"], capture_output=True, text=True, check=True
    )
    paths = (PROJECT / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


DOCUMENTS = [path for path in tracked() if path.suffix == ".md"]


def section(text, title):
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no section {title!r}"
    return found[1]


def rows(text):
    """Return the rows of a section's tables, each as the names in backticks of each cell."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    return [[re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:-1]] for line in lines]


def environment():
    functions = [
        resource["Properties"]
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    declared = [TEMPLATE["Globals"]["Function"], *functions]
    return {name for each in declared for name in each["Environment"]["Variables"]}


def test_every_parameter_is_in_the_settings_table_and_nothing_else():
    named = [name for parameters, *_ in rows(section(README, "Configure")) for name in parameters]
    assert sorted(named) == sorted(TEMPLATE["Parameters"])


def test_every_environment_variable_is_in_the_settings_table_and_nothing_else():
    named = [name for _, names, *_ in rows(section(README, "Configure")) for name in names]
    assert sorted(named) == sorted(environment())


def test_every_setting_is_declared_in_the_template():
    assert sorted(SETTINGS - environment()) == []


def test_every_verb_of_the_makefile_is_described_and_nothing_else():
    verbs = re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)
    described = [verb for named, *_ in rows(section(README, "Develop")) for verb in named]
    assert sorted(described) == sorted(f"make {verb}" for verb in verbs)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_verb_that_a_document_names_exists(path):
    verbs = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(set(named) - verbs) == []


WORKFLOWS = {
    path.stem: parse(path.read_text(encoding="utf-8"))
    for path in sorted((PROJECT / ".github" / "workflows").iterdir())
}


def test_ci_runs_verbs_of_the_makefile_alone():
    jobs = {name: workflow["jobs"]["verbs"] for name, workflow in WORKFLOWS.items()}
    for job in jobs.values():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert runs == ["make ${{ matrix.verbs }}"]
    assert {name: job["strategy"]["matrix"]["verbs"] for name, job in jobs.items()} == {
        "ci": ["check", "build test", "audit"],
        "nightly": ["build accept", "sim"],
    }
    commands = (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-2:]
    assert commands == ["make test", "make check"]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS.keys())
def test_ci_uses_others_actions_by_commit_and_may_only_read(workflow):
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert [action for action in used if not re.search(r"@[0-9a-f]{40}$", action)] == []
    assert workflow["permissions"] == {"contents": "read"}


def test_the_page_of_faults_is_of_the_faults_there_are():
    page = (PROJECT / "docs" / "template-faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)[2:-1]
    assert rows == [fault.what for fault in FAULTS]


def test_every_decision_is_linked_by_its_title():
    folder = PROJECT / "docs" / "decisions"
    decisions = sorted(folder.glob("[0-9]*.md"))
    titles = [
        path.read_text(encoding="utf-8").splitlines()[0].split(". ", 1)[1] for path in decisions
    ]
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \[(\d+)\]\(([^)]+)\) (.+)$", index, re.MULTILINE) == [
        (path.name[:4], path.name, title) for path, title in zip(decisions, titles, strict=True)
    ]


def test_every_scheme_of_signatures_is_described():
    sources = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")
    described = {scheme: cells for (scheme,), *cells in rows(section(sources, "Signatures"))}
    assert sorted(described) == sorted([*SCHEMES, "hmac", "token"])
    for scheme, row in SCHEMES.items():
        assert described[scheme][0][0].lower() == row.header


def test_every_suite_is_described():
    suites = {path.parent.name for path in tracked() if path.match("tests/*/*.py")}
    named = re.search(r"`tests/unit`.*?\n\n", section(README, "Develop"), re.DOTALL)
    assert sorted(suites - {"unit"}) == sorted(set(re.findall(r"`([a-z0-9]+)`", named[0])))


def test_the_readme_is_short():
    assert len(README.splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path):
    text = path.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not leads_somewhere(path, link)] == []


def leads_somewhere(path, link):
    name, _, anchor = link.partition("#")
    target = path.parent / name if name else path
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(path):
    """Name a document's headings as GitHub's links do."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_limit_in_the_design_is_the_codes():
    design = (PROJECT / "docs" / "design.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([A-Z0-9_]+)` \| (\d+) \|", section(design, "Limits"), re.MULTILINE)
    assert {name: int(value) for name, value in told} == {n: getattr(limits, n) for n, _ in told}


# As a text, or as a constant of that name.
OWN_REASONS = re.compile(r"(?:Rejected|Reason)\(\s*\"?([A-Z]{2}[A-Z_]+)\b")


def test_the_source_that_is_explained_is_one(tmp_path):
    sources = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")
    parts = [
        re.search(r"```toml\n(.*?)```", section(sources, title), re.DOTALL)[1]
        for title in ("Sources", "Signatures", "Mappings")
    ]
    path = tmp_path / "shop.toml"
    path.write_text("\n".join(parts).replace('["firstname"]', '["firstname", "plan"]'))
    assert len(load_source(path).change) == 1


def test_every_function_for_mappings_is_described_and_nothing_else():
    sources = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")
    described = [call for calls, _ in rows(section(sources, "Functions")) for call in calls]
    ours = set(Functions.FUNCTION_TABLE) - set(TheirFunctions.FUNCTION_TABLE)
    assert sorted({call.partition("(")[0] for call in described if "(" in call}) == sorted(ours)


def test_every_reason_code_of_our_own_is_explained():
    package = PROJECT / "layers" / "hubsync" / "python" / "hubsync"
    made = {
        code for path in package.rglob("*.py") for code in OWN_REASONS.findall(path.read_text())
    }
    table = section(OPERATIONS, "Reason codes").split("HubSpot's, as far as they are known")[0]
    explained = {code for codes, *_ in rows(table) for code in codes}
    assert explained == made | {INVALID_VALUE, INVALID_PAYLOAD}


# Put together, since this file is searched too.
MACHINE_PATHS = re.compile("|".join(("/" + "root/", "/" + "home/", "/" + "Users/", "/" + "work/")))
REGISTRIES = re.compile(r"pypi\." + r"org|python" + r"hosted\.org|--(extra-)?index-" + "url ")


@pytest.mark.parametrize("found", [MACHINE_PATHS, REGISTRIES], ids=["paths", "registries"])
def test_no_file_names_a_machine_of_somebodys(found):
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in tracked()}
    assert [path.name for path, text in texts.items() if found.search(text)] == []


def test_every_reason_code_that_a_status_stands_for_is_explained():
    explained = {code for codes, *_ in rows(section(OPERATIONS, "Reason codes")) for code in codes}
    final = {refuse, refuse_or_pause, halve}
    codes = {
        row.code or f"HTTP_{status}" for status, row in STATUSES.items() if row.action in final
    }
    assert sorted(codes - explained) == []


def test_what_watching_costs_is_counted():
    stack = checked((PROJECT / "template.yaml").read_text(encoding="utf-8"))
    ours = {metric for metric in of_ours(stack) if metric.namespace == "hubsync"}
    alarms = [m for a in stack.of_type(ALARM).values() for m in alarmed(a["Properties"])]
    told = re.search(r"(\d+) metrics of hubsync's own.*?(\d+) metrics with", OPERATIONS, re.DOTALL)
    assert (int(told[1]), int(told[2])) == (len(ours), len(alarms))


ANSWERS = (PROJECT / "docs" / "answers.md").read_text(encoding="utf-8")


def test_the_page_on_answers_has_every_status_as_the_code_has_it():
    told = {status: meaning for status, meaning, _ in cells("By status") if "`" in status}
    assert told == {f"`{status}`": row.meaning for status, row in STATUSES.items()}


def cells(title):
    """Return the rows of a section's table of the page on answers, cell by cell."""
    lines = [line for line in section(ANSWERS, title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[1:]]


FORMS = [row for row in cells("Forms of a refusal") if "`{" in row[1]]


@pytest.mark.parametrize(("form", "example", "code", "names", "confidence"), FORMS)
def test_every_form_of_a_refusal_is_read_as_the_page_says(form, example, code, names, confidence):
    reason = reason_of(json.loads(example.strip("`")))
    assert (reason.code, list(reason.properties)) == (code.strip("`"), names.split()), form
    assert confidence in {"Documented", "Observed", "Inferred", "Assumed"}
