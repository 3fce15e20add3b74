"""Django's own tests of email backends, from its source distribution, pass but for those named here."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.architecture.source_tree import ROOT
from tests.installed.environments import REQUIREMENTS
from tests.installed.interpreters import PYTHONS

if TYPE_CHECKING:
    from tests.installed.environments import Environment, Installer

SCRIPT: Final = Path(__file__).with_name("djangos_tests.py")
# Those of 6.1 need a Python that has email.errors.HeaderWriteError.
PYTHON_OF: Final = {"5.2": "3.11", "6.0": "3.12", "6.1": "3.13"}

NO_DOMAIN: Final = "an address without a domain is for a mail server on the same machine; SES refuses it"
ENCODING: Final = "every text is quoted-printable, or base64 where that is shorter, also one in ASCII"
FAILING: Final[dict[str, dict[str, str]]] = {
    "5.2": {
        "test_lazy_addresses": NO_DOMAIN,
        "test_recipient_without_domain": NO_DOMAIN,
        "test_message_cc_header": ENCODING,
        "test_send_long_lines": ENCODING,
        "test_send_unicode": "of a subject only the words that need it are encoded",
    },
    "6.0": {
        "test_lazy_addresses": NO_DOMAIN,
        "test_recipient_without_domain": NO_DOMAIN,
        "test_message_cc_header": ENCODING,
    },
    "6.1": {},
}
# so that a class of tests that was renamed is noticed
AT_LEAST: Final = {"5.2": 18, "6.0": 20, "6.1": 11}


def unpack_tests(environment: Environment, django: str) -> Path:
    """Download the source of the locked version, whose hash is in the lock, and unpack its tests of mail."""
    lock = (REQUIREMENTS / f"django-{django}.txt").read_text()
    found = re.search(r"^django==.*(?:\n    --hash=.*)+", lock, re.MULTILINE)
    assert found
    (environment.home / "django.txt").write_text(f"{found[0]}\n")
    environment.run(
        *("-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:"),
        *("--require-hashes", "-r", "django.txt", "--dest", "source"),
    )
    (archive,) = (environment.home / "source").glob("*.tar.gz")
    with tarfile.open(archive) as source:
        mail = [member for member in source if "/tests/mail/" in member.name]
        source.extractall(environment.home / "source", mail, filter="data")
    (tests,) = (environment.home / "source").glob("*/tests")
    return tests


def make(install: Installer, django: str) -> Environment:
    python = PYTHON_OF[django] if PYTHON_OF[django] in PYTHONS else pytest.skip("this Python is not here")
    return install(python, "mailbus[django]", f"-r django-{django}", "-r django-source", lock="runtime")


@pytest.mark.parametrize("django", FAILING)
def test_djangos_tests_of_backends_pass(install: Installer, django: str) -> None:
    environment = make(install, django)
    tests = unpack_tests(environment, django)

    report: dict[str, Any] = json.loads(environment.run(str(SCRIPT), str(tests)).stdout)

    assert report["failed"].keys() == FAILING[django].keys(), report["failed"]
    assert report["ran"] >= AT_LEAST[django]


@pytest.mark.parametrize("django", ["6.0", "6.1"])
def test_the_backends_unit_tests_pass(install: Installer, django: str) -> None:
    """They run with 5.2 in the checkout's environment; some of what they use is deprecated since."""
    environment = make(install, django)
    packages = environment.run("-c", "import mailbus_cdk; print(mailbus_cdk.__path__[0])").stdout.strip()
    tests = ROOT / "tests/unit/mailbus/django"
    environment.run(
        *("-m", "pytest", "-q", "-c", os.devnull, "-W", "ignore"),
        # pytest-django would set a backend of its own
        *("-p", "no:cacheprovider", "-p", "no:django"),
        *("--import-mode=importlib", f"--rootdir={ROOT}", f"--confcutdir={tests}", str(tests)),
        env={"PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(packages) / "functions")))},
    )
