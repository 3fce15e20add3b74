"""`mailbus erase`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options


def erase(
    address: Annotated[str, typer.Argument(help="The recipient's address.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> int:
    """Remove a recipient from the timeline and the ledger.

        mailbus erase ann@example.com --stage prod

    It removes the mails to the address with their events, and mail received from it; from events of other
    recipients of the same messages the address alone; from the ledger metadata and tags of these mails, but
    nothing that keeps a job from being sent twice. Then it lists what it cannot reach, with how long that is
    kept. An interrupted run is repeated. Events that are reported later, such as a complaint, are recorded
    again: run it again after them. The exit code is 1 if a second run has to remove what is left, and if the
    stage keeps no timeline, by which alone mails are found by their recipient.
    """
    import sys  # noqa: PLC0415 - only now

    from mailbus_cli import output  # noqa: PLC0415 - as above
    from mailbus_cli.deployment import find  # noqa: PLC0415 - loads boto3
    from mailbus_cli.erasing import erasure  # noqa: PLC0415 - as above
    from mailbus_cli.errors import UsageError  # noqa: PLC0415 - as above

    if "@" not in address.strip("@"):
        reason = f"{address!r} is no address"
        raise UsageError(reason, hint="`mailbus erase ann@example.com --stage prod`")
    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    found = erasure.look(deployment, address)
    if not yes and found.count:
        if not sys.stdin.isatty():
            reason = f"mails to and from {address} would be removed from {deployment.name}: {found.count}"
            raise UsageError(reason, hint="add --yes, since there is no terminal to ask at")
        question = f"Remove what {deployment.name} has of {address} (mails to and from it: {found.count})?"
        if not typer.confirm(question, err=True):
            return 1
    with output.console(stderr=True).status(f"Removing {address}"):
        report = erasure.erase(deployment, address, found)
    if json:
        output.print_json(report)
    else:
        erasure.show(report)
    return int(report.removed is None or bool(report.ledger.busy))
