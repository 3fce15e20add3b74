"""Checks that a stage's domains are not those of the documentation, nor those of other stages in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.errors import ConfigurationError
from mailbus_cdk.settings import loading
from mailbus_cdk.settings.identities import covered
from mailbus_cdk.settings.stage import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# https://www.rfc-editor.org/rfc/rfc2606#section-3; nobody can verify them
RESERVED: Final = ("example.com", "example.net", "example.org")


def refuse_reserved(path: Path, settings: Settings) -> None:
    """Raise `ConfigurationError` if a stage for AWS still has a domain of the examples."""
    if settings.ephemeral:
        return
    for reason in reserved(settings):
        in_file = f"{path.name}: {reason}, in [stages.{settings.stage}]"
        raise ConfigurationError(in_file)


def reserved(settings: Settings) -> Iterator[str]:
    """Yield what to write in place of each domain of the examples, which only the embedded AWS takes."""
    if covered(settings.identity, RESERVED):
        yield (
            f"identity: {settings.identity} is reserved for documentation, and SES cannot verify it: write a "
            "domain of yours, or an address that you read"
        )
    if found := next((domain for domain in settings.inbound.domains if covered(domain, RESERVED)), None):
        yield (
            f"inbound.domains: {found} is reserved for documentation, and receives no mail: write domains of "
            "yours, or none"
        )


def shared(path: Path, settings: Settings) -> Iterator[str]:
    """Yield a warning for each domain that another stage of the file has too.

    It is right only if the stages are in different accounts, which the file does not have.
    """
    for other in _others(path, settings.stage):
        both_create = not (settings.identity_exists or other.identity_exists)
        # what SES of another account or region has exists
        if both_create and (other.identity, other.region) == (settings.identity, settings.region):
            yield (
                f"{path.name}: identity: {settings.identity} is that of the stage {other.stage} too; in one "
                f"account only one of them can create it: write another under [stages.{settings.stage}], or "
                "identity_exists = true"
            )
        common = [domain for domain in settings.inbound.domains if domain in other.inbound.domains]
        if common and settings.region == other.region and not _share_rule_set(settings, other):
            yield (
                f"{path.name}: inbound.domains: {common[0]} is one of the stage {other.stage} too; in one "
                f"account only one of them receives its mail: write others under [stages.{settings.stage}], "
                "or name one inbound.rule_set_name in both"
            )


def _share_rule_set(one: Settings, other: Settings) -> bool:
    """Return True if the rules of both stages are in one set, in which each has its own recipients."""
    return one.inbound.rule_set_name is not None and one.rule_set == other.rule_set


def _others(path: Path, stage: str) -> Iterator[Settings]:
    for name in loading.stages(path):
        if name != stage:
            try:
                other = Settings.load(path, name)
            except ConfigurationError:
                # it is reported when that stage is synthesized
                continue
            if not other.ephemeral:
                yield other
