from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
import uv

from mailbus.errors import ConfigurationError
from mailbus_cdk import builds, packaging
from mailbus_cdk.sources import Sources

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with small functions and all packages, so that nothing here meets what others have built."""
    root = tmp_path_factory.mktemp("project")
    (root / "requirements").mkdir()
    shutil.copyfile(ROOT / "requirements" / "runtime.txt", root / "requirements" / "runtime.txt")
    for name in ("activation", "mailbus", "sender"):
        (root / "functions" / name).mkdir(parents=True)
        (root / "functions" / name / "__init__.py").touch()
    (root / "functions" / "sender" / "handler.py").write_text("ANSWER = 41\n")
    return root


def sources_in(root: Path) -> Sources:
    functions = root / "functions"
    return Sources(
        functions=functions,
        shared=functions / "mailbus",
        lock=root / "requirements" / "runtime.txt",
        build=root / "build",
    )


def copy(project: Path, to: Path, *without: str) -> None:
    """Copy a project; its files, which no test writes to, are shared."""
    shutil.copytree(project, to, ignore=shutil.ignore_patterns(*without), copy_function=os.link)


@pytest.fixture(scope="module")
def package() -> packaging.Package:
    """The package of this project."""
    return packaging.build("host")


@pytest.fixture(scope="module")
def small(project: Path) -> packaging.Package:
    """The package of `project`."""
    return packaging.build("host", sources_in(project))


def in_package(package: packaging.Package, code: str) -> str:
    """Run code with the package alone on the path, as Lambda does."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, {str(package.path)!r})\n{code}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_functions_run_with_nothing_but_the_package(package: packaging.Package) -> None:
    names = [
        "sender.handler",
        "tracking.handler",
        "inbound.handler",
        "webhook.handler",
        "webhook.authorizer",
        "identity_feedback.handler",
        "redirect_domain.handler",
        "activation.handler",
    ]
    code = "\n".join(f"from {name} import lambda_handler" for name in names)
    assert in_package(package, f"{code}\nprint(lambda_handler.__module__)") == "activation.handler"


def test_the_package_has_exactly_the_models_of_the_services_that_are_called(
    package: packaging.Package,
) -> None:
    code = "import boto3; print(*sorted(boto3.Session().get_available_services()))"
    assert in_package(package, code).split() == sorted(packaging.SERVICE_MODELS)


def test_clients_can_be_created_from_the_remaining_models(package: packaging.Package) -> None:
    code = """
import boto3
session = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
for name in (
    "dynamodb", "events", "s3", "scheduler", "secretsmanager", "ses", "sesv2", "sns", "sqs", "sts"
):
    print(session.client(name).meta.endpoint_url)
"""
    assert in_package(package, code).split() == [
        "https://dynamodb.eu-west-1.amazonaws.com",
        "https://events.eu-west-1.amazonaws.com",
        "https://s3.eu-west-1.amazonaws.com",
        "https://scheduler.eu-west-1.amazonaws.com",
        "https://secretsmanager.eu-west-1.amazonaws.com",
        "https://email.eu-west-1.amazonaws.com",
        "https://email.eu-west-1.amazonaws.com",
        "https://sns.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com",
    ]


def test_all_code_is_compiled_with_unchecked_hashes(package: packaging.Package) -> None:
    sources = sorted(package.path.rglob("*.py"))
    assert len(sources) > 100
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        # PEP 552: bit 0 says that a hash is in the place of a time stamp, bit 1 that it is to be checked.
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01, source


def test_compiled_code_has_the_paths_of_lambda_not_of_the_build(
    small: packaging.Package, project: Path
) -> None:
    compiled = small.path / "sender" / "__pycache__" / f"handler.{sys.implementation.cache_tag}.pyc"
    assert b"/var/task/sender/handler.py" in compiled.read_bytes()
    for path in small.path.rglob("*.pyc"):
        assert str(project).encode() not in path.read_bytes()


@pytest.mark.parametrize(("architecture", "elf_machine"), [("arm64", 183), ("x86_64", 62)])
def test_extension_modules_are_of_the_target_platform(
    project: Path, architecture: Literal["arm64", "x86_64"], elf_machine: int
) -> None:
    extensions = list(packaging.build(architecture, sources_in(project)).path.rglob("*.so"))
    assert extensions
    for extension in extensions:
        # e_machine of the ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
        assert int.from_bytes(extension.read_bytes()[18:20], "little") == elf_machine


def test_only_the_builds_used_last_are_kept(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "KEPT_BUILDS", 2)
    changed = tmp_path / "changed"
    copy(project, changed, "code-*")
    built = []
    for number in range(3):
        (changed / "functions" / "sender" / "extra.py").write_text(f"ANSWER = {number}\n")
        built.append(packaging.build("host", sources_in(changed)).path)
        os.utime(built[-1], (number, number))
    assert sorted(changed.glob("build/code-*")) == sorted(built[1:])


def test_constraints_of_the_projects_uv_do_not_concern_the_functions(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "1"\n[tool.uv]\nconstraint-dependencies = ["urllib3<2"]\n'
    )
    monkeypatch.chdir(shop)
    empty = tmp_path / "empty"
    copy(project, empty, "build")
    assert (packaging.build("host", sources_in(empty)).path / "urllib3").is_dir()


def test_an_interrupted_deletion_or_build_leaves_no_half_of_a_build_to_be_found(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "KEPT_BUILDS", 1)
    changed = tmp_path / "changed"
    copy(project, changed, "code-*")
    first = packaging.build("host", sources_in(changed)).path
    os.utime(first, (0, 0))
    abandoned, recent = changed / "build" / ".code-0123-abandoned", changed / "build" / ".code-4567-recent"
    for path in (abandoned, recent):
        path.mkdir()
    os.utime(abandoned, (0, 0))
    (changed / "functions" / "sender" / "extra.py").write_text("ANSWER = 42\n")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(shutil, "rmtree", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            packaging.build("host", sources_in(changed))
    assert not first.exists()

    (changed / "functions" / "sender" / "extra.py").write_text("ANSWER = 43\n")
    packaging.build("host", sources_in(changed))
    assert not abandoned.exists()
    assert recent.exists()
    assert not list((changed / "build").glob(f".{first.name}-*"))


def _interrupt(path: Path, **_: object) -> None:
    """Interrupt the deletion of a build; other directories are empty."""
    if path.name.endswith("-unused"):
        raise KeyboardInterrupt


def test_the_package_leaves_out_what_no_function_needs(package: packaging.Package) -> None:
    names = {path.name for path in package.path.rglob("*")}
    assert not {name for name in names if name.endswith((".dist-info", ".pyi"))}
    assert "tests" not in names
    assert "bin" not in {path.name for path in package.path.iterdir()}
    assert sum(path.stat().st_size for path in package.path.rglob("*") if path.is_file()) < 36_000_000


def test_the_same_sources_give_the_same_package(small: packaging.Package, project: Path) -> None:
    assert packaging.build("host", sources_in(project)) == small


def test_a_changed_function_does_not_install_the_packages_again(
    small: packaging.Package, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "changed"
    copy(project, changed)
    (changed / "functions" / "sender" / "extra.py").write_text("ANSWER = 42\n")

    def refuse() -> str:
        pytest.fail("packages were installed")

    monkeypatch.setattr(uv, "find_uv_bin", refuse)
    rebuilt = packaging.build("host", sources_in(changed))
    assert rebuilt.digest != small.digest
    assert in_package(rebuilt, "from sender.extra import ANSWER; print(ANSWER)") == "42"


def test_a_deleted_function_is_not_in_the_package(project: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    copy(project, changed)
    shutil.rmtree(changed / "functions" / "activation")
    assert not (packaging.build("host", sources_in(changed)).path / "activation").exists()


def test_code_that_does_not_compile_is_an_error_and_leaves_nothing(project: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    copy(project, changed)
    before = {path.name for path in (changed / "build").iterdir()}
    (changed / "functions" / "sender" / "broken.py").write_text("def broken(:\n")
    with pytest.raises(ConfigurationError, match=r"the code does not compile: .*broken\.py"):
        packaging.build("host", sources_in(changed))
    assert {path.name for path in (changed / "build").iterdir()} == before


def test_a_package_with_a_wrong_hash_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The CDK command line asks its app for colours.
    monkeypatch.setenv("FORCE_COLOR", "1")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "functions").mkdir()
    lock = (ROOT / "requirements" / "runtime.txt").read_text()
    wrong = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock)
    (tmp_path / "requirements" / "runtime.txt").write_text(wrong)
    with pytest.raises(
        ConfigurationError, match=r"uv cannot install the packages of runtime\.txt, .*: .*[Hh]ash"
    ) as error:
        packaging.build("host", sources_in(tmp_path))
    assert "\x1b" not in str(error.value)
    assert not list((tmp_path / "build").glob("packages-*"))


def test_the_runtime_is_the_running_pythons() -> None:
    arm = packaging.target("arm64")
    assert (arm.machine, arm.uv_platform, arm.minor) == (
        "arm64",
        "aarch64-manylinux2014",
        sys.version_info.minor,
    )
    assert packaging.target("host").uv_platform is None


def test_a_host_that_lambda_does_not_support_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ConfigurationError, match="riscv64; use arm64 or x86_64"):
        packaging.target("host")


def test_a_python_that_lambda_does_not_support_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "RUNTIME_MINORS", (1, 2))
    with pytest.raises(ConfigurationError, match=r"no runtime for Python 3\.\d+; .* 3\.1, 3\.2"):
        packaging.target("arm64")


def test_a_first_build_says_so_and_needs_no_network_when_the_packages_are_in_the_cache(
    small: packaging.Package,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fresh = tmp_path / "fresh"
    copy(project, fresh, "build")
    # nothing listens there
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    machine = packaging.target("host").machine
    assert packaging.build("host", sources_in(fresh)).digest == small.digest
    said = capsys.readouterr().err
    assert said == f"mailbus: packaging the functions for {machine}, once for this version\n"
    packaging.build("host", sources_in(fresh))
    assert capsys.readouterr().err == ""


def test_packages_that_cannot_be_downloaded_are_one_line_that_says_what_to_do(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "fresh"
    copy(project, fresh, "build")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    # nothing listens there
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(ConfigurationError) as error:
        packaging.build("host", sources_in(fresh))
    assert "\n" not in str(error.value)
    assert "from the index that UV_DEFAULT_INDEX names; make it reachable, and retry" in str(error.value)
    assert list((fresh / "build").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_variable(
    project: Path, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    copy(project, fresh, "build")
    # a file in the directory's place, since root may write everywhere
    (fresh / "build").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be written \(.*\); set XDG_CACHE_HOME to a dir"):
        packaging.build("host", sources_in(fresh))


def test_two_builds_at_the_same_time_give_the_same_package(
    small: packaging.Package, project: Path, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    copy(project, fresh, "build")
    with ThreadPoolExecutor(2) as both:
        builds = [both.submit(packaging.build, "host", sources_in(fresh)) for _ in range(2)]
        built = [one.result() for one in builds]
    assert built[0] == built[1]
    assert built[0].digest == small.digest
    # nothing half built is left
    assert len(list((fresh / "build").iterdir())) == 2
    assert in_package(built[0], "import sender.handler; print('runs')") == "runs"
