"""Findings of cdk-nag that are as they should be, each acknowledged with its reason where it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one rule's finding on a construct and what is under it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
