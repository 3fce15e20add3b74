"""Says of an error of AWS's SDK what is wrong, in one line, and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.spelling import nearest
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["denied", "expired", "credentials", "profile", "region", "unreachable", "other"]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and what to do. `action` and `resource` are what rights are missing for."""

    kind: Kind
    reason: str
    hint: str
    action: str | None = None
    resource: str | None = None

    def as_error(self, doing: str | None = None) -> CommandError:
        """Return the error of a command; `doing` says what could not be done."""
        return CommandError(f"{doing}: {self.reason}" if doing else self.reason, hint=self.hint)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED: Final = re.compile(
    r"(?:User: (?P<who>\S+) )?is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>arn:[^\s\",]+|\*))?"
    r"(?:.*? because (?P<because>[^.]*))?",
    re.DOTALL,
)
_DENIED_CODES: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)
_EXPIRED_CODES: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_INVALID_CODES: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
ENDPOINT: Final = "AWS_ENDPOINT_URL"
# of the system on this machine
HOST: Final = "//127.0.0.1:"
_VERBOSE: Final = "--verbose shows each call of AWS"


class _Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Where credentials and endpoints come from."""

    profile: str | None
    environment: Mapping[str, str]
    keys_used: bool

    def elsewhere(self, address: str | None = None) -> str | None:
        """Return what to do if calls go elsewhere than to AWS; only if to `address`, where it is known."""
        for name, url in sorted(self.environment.items()):
            if name.startswith(ENDPOINT) and url and (address is None or url.rstrip("/") in address):
                return f"{name} leads to {url} instead of AWS; use a new terminal, or unset it"
        return None

    def command(self, command: str) -> str:
        """Return a command of AWS's command line for the profile."""
        return f"`{command} --profile {self.profile}`" if self.profile else f"`{command}`"


def explain(
    error: BotoCoreError | ClientError,
    *,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Explanation:
    """Return what is wrong; `profile` is the one that was named in place of the environment's."""
    caller = _Caller(
        profile=profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE"),
        environment=environment,
        keys_used=profile is None and "AWS_ACCESS_KEY_ID" in environment,
    )
    if isinstance(error, ClientError):
        return _of_answer(error, caller)
    for kind, explained in _BEFORE_ANSWER:
        if isinstance(error, kind):
            return explained(error, caller)
    return Explanation(kind="other", reason=_line(str(error)), hint=_VERBOSE)


def _of_answer(error: ClientError, caller: _Caller) -> Explanation:
    answer = error.response.get("Error", {})
    code, message = answer.get("Code", "Unknown"), _line(answer.get("Message", ""))
    denied = _DENIED.search(message)
    if denied or code in _DENIED_CODES:
        return _denied(error.operation_name, denied, message)
    if code in _EXPIRED_CODES:
        return _expired(error, caller)
    if code in _INVALID_CODES:
        return Explanation(
            kind="credentials",
            reason=f"AWS does not accept these credentials ({code})",
            hint=caller.elsewhere() or "correct the keys, or choose a profile: `--profile NAME`",
        )
    said = f"AWS answers {code} to {error.operation_name}" + (f": {message}" if message else "")
    return Explanation(kind="other", reason=said, hint=_VERBOSE)


def _denied(operation: str, denied: re.Match[str] | None, message: str) -> Explanation:
    if denied is None:
        reason = f"these credentials may not call {operation}" + (f": {message}" if message else "")
        return Explanation(
            kind="denied",
            reason=reason,
            hint="allow the call to their user or role, or use others: `--profile NAME`",
            action=operation,
        )
    action, resource = denied["action"], denied["resource"]
    because = f", because {denied['because']}" if denied["because"] else ""
    on = f" on {resource}" if resource and resource != "*" else ""
    return Explanation(
        kind="denied",
        reason=f"{denied['who'] or 'this principal'} may not {action}{on}{because}",
        hint=f"allow it {action}{on}, or use other credentials: `--profile NAME`",
        action=action,
        resource=resource,
    )


def _expired(_error: Exception, caller: _Caller) -> Explanation:
    # https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html
    login = f"log in: {caller.command('aws sso login')}"
    keys = "set new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them"
    return Explanation(
        kind="expired",
        reason="the AWS credentials have expired",
        hint=keys if caller.keys_used else login,
    )


def _logged_out(error: BotoCoreError, caller: _Caller) -> Explanation:
    return Explanation(
        kind="expired", reason=_line(str(error)), hint=f"log in: {caller.command('aws login')}"
    )


def _no_region(_error: BotoCoreError, _caller: _Caller) -> Explanation:
    return Explanation(
        kind="region",
        reason="no AWS region is set",
        hint="`--region eu-west-1`, AWS_REGION, or `region` of the profile in ~/.aws/config",
    )


def _no_such_region(error: BotoCoreError, _caller: _Caller) -> Explanation:
    return Explanation(kind="region", reason=_line(str(error)), hint="write it as in `--region eu-west-1`")


def _no_profile(error: BotoCoreError, _caller: _Caller) -> Explanation:
    from mailbus_cli.completions import profile_names  # noqa: PLC0415 - only this error needs it

    name, known = str(error.kwargs.get("profile")), profile_names("")
    meant = nearest(name, known)
    listed = f"the profiles are {', '.join(known)}" if known else "~/.aws/config has no profiles"
    return Explanation(
        kind="profile",
        reason=f"there is no AWS profile {name}",
        hint=f"did you mean `--profile {meant}`?" if meant else f"{listed}; `aws configure sso` makes one",
    )


def _no_credentials(_error: BotoCoreError, _caller: _Caller) -> Explanation:
    return Explanation(
        kind="credentials",
        reason="there are no AWS credentials",
        hint="choose a profile (`--profile NAME` or AWS_PROFILE), or log in: `aws sso login`",
    )


def _unreadable_credentials(error: BotoCoreError, _caller: _Caller) -> Explanation:
    return Explanation(
        kind="credentials",
        reason=_line(str(error)),
        hint="correct the profile in ~/.aws, or choose another: `--profile NAME`",
    )


def _unreachable(error: BotoCoreError, caller: _Caller) -> Explanation:
    reason = _line(str(error)).rstrip(".")
    usual = (
        "the system on this machine has ended, or is busy: `mailbus local` starts one"
        if HOST in reason
        else "check the network, the proxy and the region"
    )
    return Explanation(kind="unreachable", reason=reason, hint=caller.elsewhere(reason) or usual)


def _line(text: str) -> str:
    return " ".join(text.split())


_BEFORE_ANSWER: Final[
    tuple[tuple[type[BotoCoreError], Callable[[BotoCoreError, _Caller], Explanation]], ...]
] = (
    (exceptions.UnauthorizedSSOTokenError, _expired),
    (exceptions.SSOTokenLoadError, _expired),
    (exceptions.TokenRetrievalError, _expired),
    (exceptions.LoginError, _logged_out),
    (exceptions.NoRegionError, _no_region),
    (exceptions.InvalidRegionError, _no_such_region),
    (exceptions.ProfileNotFound, _no_profile),
    (exceptions.NoCredentialsError, _no_credentials),
    (exceptions.NoAuthTokenError, _no_credentials),
    (exceptions.PartialCredentialsError, _unreadable_credentials),
    (exceptions.CredentialRetrievalError, _unreadable_credentials),
    (exceptions.ConnectionError, _unreachable),
    (exceptions.HTTPClientError, _unreachable),
)
