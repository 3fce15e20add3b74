"""The example project runs its own tests where Mailbus is installed, on the system of the pytest plugin."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.architecture.source_tree import ROOT
from tests.installed.test_django import MATRIX

if TYPE_CHECKING:
    from tests.installed.environments import Installer


def test_the_shops_tests_pass(install: Installer) -> None:
    django, python = MATRIX[-1]
    environment = install(python, "mailbus[django,local]", f"-r django-{django}")
    shop = environment.home / "shop"
    shutil.copytree(ROOT / "examples" / "django_shop", shop, ignore=shutil.ignore_patterns("__pycache__"))
    environment.run("manage.py", "makemigrations", "--check", "--dry-run", cwd=shop)
    ran = environment.run("-m", "pytest", "-q", "--color=no", cwd=shop)
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout
