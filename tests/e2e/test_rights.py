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


def lines(rights: Rights) -> list[str]:
    """Return the findings without those on reasons of rights that these small policies lack."""
    return [line for line in findings(rights) if not line.endswith("is of no right: remove it")]


def test_what_no_process_used_is_found() -> None:
    first = of_policy(ROLE, POLICY, [use("s3:GetObject", "arn:aws:s3:::jobs/a/b")])
    second = of_policy(ROLE, POLICY, [use("ses:GetAccount", "*"), use("s3:PutObject", "arn:aws:s3:::more/a")])

    found = lines(first | second)

    assert [line.partition(", and never does")[0] for line in found] == [
        f"{ROLE} may s3:GetObject on arn:aws:s3:::more/*",
        f"{ROLE} may s3:PutObject on arn:aws:s3:::jobs/*",
    ]


def test_a_right_with_a_reason_may_be_unused() -> None:
    logs = {"Statement": [{"Action": "logs:PutLogEvents", "Resource": "arn:aws:logs:::log-group:a"}]}
    assert lines(of_policy(ROLE, logs, [])) == []


def test_names_that_differ_from_deployment_to_deployment_are_one_right() -> None:
    keys = ("6f7d0a52-8a5c-4f0e-9d6d-2f4c1f0b7c11", "0d3c2f7e-1111-4222-8333-944455556666")
    rights = Rights()
    for key in keys:
        arn = f"arn:aws:kms:us-east-1:000000000000:key/{key}"
        used = [use("kms:Decrypt", arn)] if key == keys[0] else []
        rights |= of_policy(ROLE, {"Statement": [{"Action": "kms:Decrypt", "Resource": arn}]}, used)
    assert lines(rights) == []


def test_a_run_without_rights_is_a_finding() -> None:
    assert findings(Rights()) == ["no rights of any role were read: no test ran a system"]


def test_a_reason_without_a_right_is_a_finding() -> None:
    found = findings(of_policy(ROLE, POLICY, []))
    assert "* logs:PutLogEvents * in tests/unused_rights.py is of no right: remove it" in found


def test_a_reason_of_a_right_that_was_used_is_a_finding_unless_it_is_used_sometimes() -> None:
    role = "mailbus-local-mail-SenderRole"
    resource = "arn:aws:s3:::bucket"
    actions = {"s3:GetObjectVersion": f"{resource}/*", "s3:PutObject": f"{resource}/jobs/*"}
    rights = Rights()
    for action, objects in actions.items():
        calls = [UsedRight(role=role, action=action, resource=f"{resource}/jobs/1")]
        rights |= of_policy(role, {"Statement": [{"Action": action, "Resource": objects}]}, calls)
    (line,) = lines(rights)
    assert line.startswith("*SenderRole* s3:GetObjectVersion * in tests/unused_rights.py was used: ")
