"""The rules on who may import whom, and that importing does nothing.

Data flows one way: handler, pure functions, edge. These tests read the source; the last one runs it.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import (
    COMMANDS,
    DEPLOYMENT,
    FUNCTIONS,
    PACKAGES,
    SHIPPED,
    dotted,
    imports,
    is_for_types_only,
    parse,
    top,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHARED = "mailbus"
# what an environment has that is not the project's own
INSTALLED = {**SHIPPED, **DEPLOYMENT, **COMMANDS}
# what is made of the functions, and is not there where they run
ABOVE = {"mailbus_cdk", "mailbus_local", "mailbus_cli", "examples", "tests", "bench"}

# The modules that talk to AWS are in a folder `aws`, but for these. No other module imports boto3.
EDGES = {
    "mailbus.client": "SQS, S3 and DynamoDB, for an application",
    "mailbus.inbound": "S3, for an application",
    "mailbus.ledger.table": "DynamoDB",
    "mailbus.timeline.reader": "SSM and DynamoDB, for an application",
    "mailbus.timeline.table": "DynamoDB",
    "sender.rate.account": "SES, for the account's rate",
    "sender.rate.table": "DynamoDB, for the rate that workers share",
    "sender.ses.client": "SES",
    "sender.ses.send_email": "the SDK's model of SES, which checks esp_extra",
}
# what a deployment may know of the functions that it deploys
KNOWN_TO_INFRA = {
    "mailbus.aws.partitions": "which region is in which partition",
    "mailbus.errors": "one error tree",
    "mailbus.schemas.events": "what the registry says of the events",
    "mailbus.events": "the vocabulary of the bus",
    "mailbus.ses_events": "SES's event types",
    "mailbus.timeline.items": "the indexes of the timeline's table",
    "mailbus.metrics": "what the alarms look at",
    "mailbus.jobs.contract": "what the defaults of jobs have to be",
    "mailbus.jobs.claim_check": "the prefixes of jobs in S3",
    "mailbus.ledger.items": "the keys of jobs in the ledger",
    "mailbus.ledger.lanes": "the key of the item that the guard writes",
    "mailbus.jobs.defaults": "which fields of a job have no default",
    "mailbus.spelling": "which name was meant",
    "mailbus.validation": "what is wrong with a setting",
    "mailbus.stages": "the names of parameters by which a stage is found",
    "mailbus.environment": "the environment that each function reads",
}
# what must wait until a function is invoked
DOES_SOMETHING = (
    "boto3.",
    "botocore.",
    "os.getenv",
    "open",
    "Logger",
    "Metrics",
    "Tracer",
    "sessions.",
    "open_session",
    "open_function_session",
    "open_remote_session",
    "from_environment",
    "wire",
    "socket.",
    "subprocess.",
    "time.",
    "random.",
    "datetime.now",
)
DOES_SOMETHING_TO_ANYTHING = (".client", ".resource", ".read_text", ".read_bytes", ".connect")
IMPORT_SECONDS = 1.0


def done_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a module is imported: everything but the insides of functions."""
    for child in ast.iter_child_nodes(node):
        if is_for_types_only(child) or isinstance(child, ast.arg):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [default for default in child.args.kw_defaults if default is not None]
            for part in (*child.decorator_list, *child.args.defaults, *defaults):
                yield part
                yield from done_at_import(part)
        elif not isinstance(child, ast.Lambda):
            yield child
            yield from done_at_import(child)


def deeds(path: Path) -> list[str]:
    """List what a module does when it is imported and should not."""
    found = []
    for node in done_at_import(parse(path)):
        name = dotted(node.func) if isinstance(node, ast.Call) else ""
        if (
            any(name == deed or (deed.endswith(".") and name.startswith(deed)) for deed in DOES_SOMETHING)
            or any(name.endswith(deed) for deed in DOES_SOMETHING_TO_ANYTHING)
            or dotted(node) in {"os.environ", "environ"}
        ):
            found.append(f"line {getattr(node, 'lineno', '?')}: {name or dotted(node)}")
    return found


@pytest.mark.parametrize("module", list(SHIPPED))
def test_a_function_never_imports_a_sibling_and_the_shared_package_imports_none(module: str) -> None:
    others = {package for package in PACKAGES if package not in {top(module), SHARED}}
    assert {name for name in imports(parse(SHIPPED[module])) if top(name) in others} == set()


@pytest.mark.parametrize("module", list(SHIPPED))
def test_what_ships_knows_neither_the_deployment_nor_the_tests(module: str) -> None:
    assert {top(name) for name in imports(parse(SHIPPED[module]))}.isdisjoint(ABOVE)


@pytest.mark.parametrize("module", list(SHIPPED))
def test_only_edges_import_boto3(module: str) -> None:
    used = {top(name) for name in imports(parse(SHIPPED[module]), at_run_time=True)} & {"boto3", "botocore"}
    assert not used or module in EDGES or ".aws." in module


@pytest.mark.parametrize("module", list(INSTALLED))
def test_type_stubs_are_not_there_at_run_time(module: str) -> None:
    used = {top(name) for name in imports(parse(INSTALLED[module]), at_run_time=True)}
    assert {name for name in used if name.startswith(("types_", "mypy"))} == set()


@pytest.mark.parametrize("module", list(SHIPPED))
def test_nothing_happens_at_import(module: str) -> None:
    assert deeds(SHIPPED[module]) == []


@pytest.mark.parametrize("module", list(DEPLOYMENT))
def test_the_deployment_knows_of_the_functions_only_their_vocabulary(module: str) -> None:
    functions = {name for name in imports(parse(DEPLOYMENT[module])) if top(name) in PACKAGES}
    allowed = {name for name in functions if any(name.startswith(f"{known}.") for known in KNOWN_TO_INFRA)}
    assert functions - allowed - {"mailbus", "mailbus.__version__"} == set()


@pytest.mark.parametrize("package", [package for package in PACKAGES if package != SHARED])
def test_every_function_is_entered_at_the_same_place(package: str) -> None:
    tree = parse(FUNCTIONS / package / "handler.py")
    assert "lambda_handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", [*EDGES, *KNOWN_TO_INFRA])
def test_the_tables_above_name_modules_that_exist(name: str) -> None:
    assert name in SHIPPED


@pytest.mark.parametrize("name", EDGES)
def test_the_edges_above_import_boto3(name: str) -> None:
    assert {top(used) for used in imports(parse(SHIPPED[name]), at_run_time=True)} & {"boto3", "botocore"}


@pytest.mark.parametrize(
    "source",
    [
        "import boto3\nclient = boto3.client('s3')",
        "from mailbus.aws import sessions\nSESSION = sessions.open_session()",
        "from mailbus.aws.sessions import open_session\nSESSION = open_session()",
        "import os\nBUS = os.environ['EVENT_BUS_NAME']",
        "import os\ndef wire(environ=os.environ): ...",
        "import os\ndef wire(*, environ=os.environ): ...",
        "import os\nclass Settings:\n    bus = os.getenv('EVENT_BUS_NAME')",
        "log = Logger()",
        "SCHEMA = Path(__file__).with_name('schema.json').read_text()",
        "if True:\n    STARTED = time.time()",
        "@wire().log.inject_lambda_context\ndef handler(): ...",
    ],
)
def test_the_rule_on_imports_finds_what_it_forbids(source: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(source, encoding="utf-8")
    assert deeds(module) != []


def test_the_rule_on_imports_lets_definitions_be(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import functools, os, re, time\n"
        "if TYPE_CHECKING:\n    import boto3\n    X = boto3.client('s3')\n"
        "PATTERN = re.compile('x')\n"
        "@functools.cache\n"
        "def wire(sleep=time.sleep):\n    return boto3.client('s3', os.environ['AWS_REGION'])\n"
        "later = lambda: open('x')\n",
        encoding="utf-8",
    )
    assert deeds(module) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_whole_package_imports_within_a_second_and_needs_no_aws(package: str, tmp_path: Path) -> None:
    names = [module for module in SHIPPED if top(module) == package]
    program = (
        "import importlib, sys, time\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "boto3 = sys.modules.get('boto3')\n"
        "assert boto3 is None or boto3.DEFAULT_SESSION is None\n"
        "print(time.process_time())\n"
    )
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(FUNCTIONS)}

    def seconds() -> float:
        # processor time: a busy machine makes no import slow
        ran = subprocess.run(
            [sys.executable, "-c", program, *names],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return float(ran.stdout)

    # the first run may have to compile what was just installed
    assert any(seconds() < IMPORT_SECONDS for _ in range(3))
