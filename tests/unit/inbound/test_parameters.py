"""How the parameters of a header's value are read."""

from __future__ import annotations

import pytest

from inbound.parameters import PARAMETER_CHARACTERS, Parameterized, parameterized


@pytest.mark.parametrize(
    ("value", "token", "parameters"),
    [
        ('Text/Plain; Charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        ("multipart/mixed boundary=b", "multipart/mixed", {"boundary": "b"}),
        ("multipart/mixed\tboundary=b; type=x", "multipart/mixed", {"boundary": "b", "type": "x"}),
        ("attachment; filename=a b.txt", "attachment", {"filename": "a b.txt"}),
        (
            "attachment; filename=plain.txt; filename*=utf-8''%E2%82%AC.txt",
            "attachment",
            {"filename": "€.txt"},
        ),
        ("attachment; filename*0=a; filename*1=b.txt", "attachment", {"filename": "ab.txt"}),
        ("attachment; filename*=nowhere''%E9.txt", "attachment", {"filename": "é.txt"}),
        ("attachment; filename*=utf-8''%E9.txt", "attachment", {"filename": "\ufffd.txt"}),
        ('attachment; filename="a;b.txt"', "attachment", {"filename": "a;b.txt"}),
        # given in several ways, each of which is a name
        ("attachment; filename*0=a; filename*1=b.txt; filename=c.txt", "attachment", {"filename": "ab.txt"}),
        ("attachment; filename*=utf-8''%E2%82%AC.txt; filename*0=b.txt", "attachment", {"filename": "€.txt"}),
        ("attachment; filename*0=b.txt; filename*=utf-8''%E2%82%AC.txt", "attachment", {"filename": "€.txt"}),
        ("attachment; filename*0=a; filename*0=b; filename*1=.txt", "attachment", {"filename": "a.txt"}),
        (
            "attachment; filename*0*=utf-8'de'%E2%82; filename*1*=%AC; filename*2=.a",
            "attachment",
            {"filename": "€.a"},
        ),
        ("attachment; filename*1=b.txt; filename*00=a", "attachment", {"filename": "ab.txt"}),
        ("attachment; filename*=%41.txt", "attachment", {"filename": "A.txt"}),
        ("attachment; filename*=; filename=a.txt", "attachment", {"filename": "a.txt"}),
        (
            'attachment; filename*0="=?UTF-8?Q?a=E2?= =?UTF-8?Q?=82=A"; filename*1="C;.b?="; x=1',
            "attachment",
            {"filename": "=?UTF-8?Q?a=E2?= =?UTF-8?Q?=82=AC;.b?=", "x": "1"},
        ),
        # quotes that are not closed, not escaped, or followed by something
        ('attachment; filename="a.txt', "attachment", {"filename": "a.txt"}),
        ('attachment; filename="a;b.txt; x=1', "attachment", {"filename": "a;b.txt; x=1"}),
        ('attachment; filename="a.txt" size=3; x=1', "attachment", {"filename": "a.txt", "x": "1"}),
        ('attachment; filename="say "hi".txt"; x=1', "attachment", {"filename": 'say "hi".txt', "x": "1"}),
        (r'attachment; filename="a \"b\" \\c.txt"', "attachment", {"filename": 'a "b" \\c.txt'}),
        (r'attachment; filename="C:\dir\a.txt"', "attachment", {"filename": r"C:\dir\a.txt"}),
        (
            "attachment; filename==?utf-8?Q?a;=22b.txt?=; x=1",
            "attachment",
            {"filename": "=?utf-8?Q?a;=22b.txt?=", "x": "1"},
        ),
        ("attachment; FileName = a.txt ; X=1", "attachment", {"filename": "a.txt", "x": "1"}),
        (";;;", "", {}),
        ("", "", {}),
        ("attachment; filename*x*=1; filename", "attachment", {}),
        ("attachment;" + ";" * 20_000, "attachment", {}),
        ("application/pdf (report)", "application/pdf", {}),
        ("(a (nested) one) text/plain", "text/plain", {}),
        ("text/plain (a;b) ; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ('text/plain (5" wide); charset=utf-8', "text/plain", {"charset": "utf-8"}),
        ("text/plain; charset=iso-8859-2 (Latin 2)", "text/plain", {"charset": "iso-8859-2"}),
        (r"text/plain; (\) charset=x) charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ("multipart/mixed; boundary=a(b)", "multipart/mixed", {"boundary": "a(b)"}),
        ('multipart/mixed; boundary="a (b)"', "multipart/mixed", {"boundary": "a (b)"}),
        ("attachment; filename=report (1).pdf", "attachment", {"filename": "report (1).pdf"}),
        (
            "attachment; filename=(1).pdf (x); size=1 (B)",
            "attachment",
            {"filename": "(1).pdf (x)", "size": "1"},
        ),
        ('attachment (x); filename="a (b).txt"', "attachment", {"filename": "a (b).txt"}),
        ("text/plain; charset=utf-8 (open", "text/plain", {"charset": "utf-8 (open"}),
        ("text/plain" + "(" * 5000, "text/plain" + "(" * (PARAMETER_CHARACTERS - 10), {}),
        (
            "attachment; " + "; ".join(f"filename*{n}*={'%E6%97%A5' * 5}" for n in range(17)),
            "attachment",
            {"filename": "日" * 85},
        ),
    ],
)
def test_parameters_are_parsed_as_mailers_write_them(
    value: str, token: str, parameters: dict[str, str]
) -> None:
    read = parameterized(value)
    assert read.token == token
    assert {name: read.get(name) for name in parameters} == parameters


@pytest.mark.parametrize(
    "parameters",
    [";" * 2000, '"' + ";" * 2000 + '"', ';"' * 1000, 'x="' + '\\";' * 600, "; a=b" * 400],
    ids=["semicolons", "quoted", "half quoted", "escaped", "many"],
)
def test_parameters_beyond_the_limits_are_skipped(parameters: str) -> None:
    read = parameterized("application/pdf;" + parameters)
    assert read == Parameterized(token="application/pdf", defects=("bad_parameters",))
