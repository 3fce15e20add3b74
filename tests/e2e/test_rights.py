"""How a run with `--unused-rights` finds rights of roles that nothing uses."""

from __future__ import annotations

from mailbus_local.used_rights import UsedRight
from tests.e2e.rights import Rights, findings, of_policy

ROLE = "mailbus-local-mail-Sender"
POLICY = {
    "Statement": [
        {
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": ["arn:aws:s3:::jobs/*", "arn:aws:s3:::more/*"],
        },
        {"Action": "ses:GetAccount", "Resource": "*"},
    ]
}


def use(action: str, resource: str) -> UsedRight:
    return UsedRight(role=ROLE, action=action, resource=resource)


def test_what_no_process_used_is_found() -> None:
    first = of_policy(ROLE, POLICY, [use("s3:GetObject", "arn:aws:s3:::jobs/a/b")])
    second = of_policy(ROLE, POLICY, [use("ses:GetAccount", "*"), use("s3:PutObject", "arn:aws:s3:::more/a")])

    found = findings(first | second)

    assert [line.partition(", and never does")[0] for line in found] == [
        f"{ROLE} may s3:GetObject on arn:aws:s3:::more/*",
        f"{ROLE} may s3:PutObject on arn:aws:s3:::jobs/*",
    ]


def test_a_right_with_a_reason_may_be_unused() -> None:
    logs = {"Statement": [{"Action": "logs:PutLogEvents", "Resource": "arn:aws:logs:::log-group:a"}]}
    assert findings(of_policy(ROLE, logs, [])) == []


def test_names_that_differ_from_deployment_to_deployment_are_one_right() -> None:
    keys = ("6f7d0a52-8a5c-4f0e-9d6d-2f4c1f0b7c11", "0d3c2f7e-1111-4222-8333-944455556666")
    rights = Rights()
    for key in keys:
        arn = f"arn:aws:kms:us-east-1:000000000000:key/{key}"
        used = [use("kms:Decrypt", arn)] if key == keys[0] else []
        rights |= of_policy(ROLE, {"Statement": [{"Action": "kms:Decrypt", "Resource": arn}]}, used)
    assert findings(rights) == []
