"""The reason of a refused address names the character that is wrong, and what to write instead."""

from __future__ import annotations

import pytest

from mailbus.addresses import parse_mailbox, parse_mailboxes
from mailbus.errors import InvalidJob

IN_QUOTES = "write the whole name in quotes"
SEPARATELY = "write each address as a separate entry"
INVISIBLE = "has the invisible character "

# the text, and what its reason has
REFUSED = [
    ("", "is empty"),
    ("   ", "is empty"),
    ("\u3000", "is empty"),
    ("<>", "is empty"),
    ("Ann <>", "is empty"),
    # an address or a name
    ("ann", "has no @"),
    ("ann.example.com", "has no @"),
    ('"ann@example.com"', "has no @ outside quotes; take the quotation marks off"),
    ("ann@example.com <Ann>", "has no @"),
    ("@example.com", "has nothing before the @"),
    ('""@example.com', "has nothing before the @"),
    ("ann@bob@example.com", "has more than one @"),
    ("ann@@example.com", 'has "@@"; remove one @'),
    ("Ann ann@example.com", "has a space before the @"),
    ("Team: Billing <ann@example.com>", 'has ":" in a name that needs quotes: ' + IN_QUOTES),
    ("Lee, Ann <ann@example.com>", 'has "," in a name that needs quotes: ' + IN_QUOTES),
    ("“Lee, Ann” <ann@example.com>", 'has "," in a name that needs quotes (straight double ones)'),
    ("'Lee, Ann' <ann@example.com>", 'has "," in a name that needs quotes (straight double ones)'),
    ("[Sales] <ann@example.com>", 'has "[" in a name'),
    ("Ann; Lee <ann@example.com>", 'has ";" in a name'),
    ("Ann \\ Lee <ann@example.com>", 'has "\\" in a name'),
    ("ann@example.com <ann@example.com>", 'has "@" in a name'),
    ('"Ann"ann@example.com', "has a quotation mark"),
    ('"Ann <ann@example.com>', "has an unbalanced quotation mark"),
    ('"\\' * 999, "has an unbalanced quotation mark"),
    ("Ann <ann@example.com", 'has an unbalanced bracket: "<" without ">"'),
    ("ann@example.com>", 'has an unbalanced bracket: ">" without "<"'),
    ("Ann (Sales <ann@example.com>", 'has an unbalanced bracket: "(" without ")"; write the name in quotes'),
    ("Ann :) <ann@example.com>", 'has an unbalanced bracket: ")" without "("'),
    ("<<ann@example.com>>", 'has more than one "<"'),
    ("Ann <ann@example.com> Lee", 'has "L" after ">"'),
    ("ann(Ann)@example.com", 'has a comment, "(" to ")", inside the address'),
    # more than an address
    ("mailto:ann@example.com", 'has the prefix "mailto:" before the address; take it off'),
    ("Ann <MAILTO:ann@example.com>", 'has the prefix "mailto:"'),
    ("smtp:ann@example.com", 'has the prefix "smtp:"'),
    ("Ann <ann@example.com>;", 'ends with ";"; remove it'),
    ("ann@example.com,", 'ends with ","; remove it'),
    (", ann@example.com", 'begins with ","; remove it'),
    ("ann@example.com, bob@example.com", f'is more than one address: it has ","; {SEPARATELY}'),
    ("ann@example.com; bob@example.com", f'is more than one address: it has ";"; {SEPARATELY}'),
    ("Team: ann@example.com;", f'is a group (":" to ";"); {SEPARATELY}'),
    ("undisclosed-recipients:;", "is a group"),
    # invisible characters, wherever they stand
    ("\u200bann@example.com", INVISIBLE + "U+200B (zero width space); remove it"),
    ("\ufeffann@example.com", INVISIBLE + "U+FEFF (zero width no-break space)"),
    ("\u202aann@example.com\u202c", INVISIBLE + "U+202A (left-to-right embedding)"),
    ("an\u00adn@example.com", INVISIBLE + "U+00AD (soft hyphen)"),
    ("ann\u00a0@example.com", INVISIBLE + "U+00A0 (no-break space)"),
    ("ann@\u2007example.com", INVISIBLE + "U+2007 (figure space)"),
    ("ann@exam\u2060ple.com", INVISIBLE + "U+2060 (word joiner)"),
    ("ann@example.com\u200b", INVISIBLE + "U+200B"),
    ("Ann <ann@example.com\u200e>", INVISIBLE + "U+200E (left-to-right mark)"),
    ("ann@bü\u200dcher.example", "U+200D (zero width joiner)"),
    ("ann\u3164@example.com", INVISIBLE + "U+3164 (hangul filler)"),
    ('"an\u200bn"@example.com', INVISIBLE + "U+200B"),
    ("\ue000@example.com", INVISIBLE + "U+E000; remove it"),
    ("ann\t@example.com", "has a tab (U+0009) before the @"),
    # characters that only look right
    ("ann\uff20example.com", 'has "\uff20" (U+FF20); write "@" instead'),
    ("Ann \uff1cann@example.com\uff1e", 'has "\uff1c" (U+FF1C); write "<" instead'),
    ("ann@example.com\uff0cbob@example.com", f'has "\uff0c" (U+FF0C); {SEPARATELY}'),
    ("\uff41nn@example.com", 'has "\uff41" (U+FF41) before the @'),
    # before the @
    ("jürgen@example.com", 'has "ü" (U+00FC) before the @, and SES cannot send'),
    ('"jürgen"@example.com', 'has "ü" (U+00FC) before the @'),
    (
        "ann..lee@example.com",
        'misplaced dot before the @: ".."; if the address is really so, write that part',
    ),
    ("ann..lee@example.com", 'as in "first..last"@example.com'),
    (".ann@example.com", 'misplaced dot before the @: "." as its first character'),
    ("ann.@example.com", 'misplaced dot before the @: "." as its last character'),
    ("ann lee@example.com", "has a space before the @, which is not allowed in an address"),
    ("ann:lee@example.com", 'has ":" before the @'),
    ("a" * 65 + "@example.com", "64 characters"),
    # the domain
    ("ann@", "incomplete domain: nothing is after the @"),
    ("ann@example", 'incomplete domain: it has no "."'),
    ("ann@example.com.", 'incomplete domain: it ends with "."; remove the dot'),
    ("ann@.example.com", 'incomplete domain: a "." has nothing before it'),
    ("ann@example..com", 'incomplete domain: a "." has nothing before it'),
    ("ann@[192.0.2.1]", "IP address"),
    ("ann@[IPv6:2001:db8::1]", "IP address"),
    ("ann@192.0.2.1", "IP address"),
    ("ann@exam_ple.com", 'domain label with "_", which SES refuses for everyone on the mail'),
    ("ann@bü_cher.example", 'domain label with "_"'),
    ("ann@exam ple.com", "domain label with a space"),
    ("ann@example,com", 'domain label with ",", which no domain has; remove it, or write "."'),
    ("ann@example.com?subject=hello", 'domain label with "?"'),
    ("ann@-example.com", 'begins or ends with "-"'),
    ("ann@bücher-.example", 'begins or ends with "-"'),
    ("ann@ab--bü.example", '"--" in its third place'),
    ("ann@" + "x" * 64 + ".com", "domain label of more than 63"),
    ("ann@" + "x.é." * 100 + "com", "253"),
    ("ann@" + ("é" * 40 + ".") * 6 + "com", "253 characters in its ASCII form"),
    ("ann@℀.com", 'domain label with "℀" (U+2100), which IDNA does not allow'),
    ("ann@\u0301bc.com", "the combining character U+0301 (combining acute accent)"),
    ("ann@\u05d0a.com", "IDNA cannot encode: it mixes right-to-left and left-to-right"),
    # header lines
    ('"\\' * 100_000, "2000 are allowed"),
    ("Ann\r\nBcc: eve@example.com <ann@example.com>", "has a carriage return (U+000D), which is not allowed"),
    ("ann@example.com\n", "has a line feed (U+000A)"),
    ("Ann\0 <ann@example.com>", "has a NUL (U+0000)"),
    ("Ann\u2028Lee <ann@example.com>", "U+2028 (line separator)"),
    ("=?utf-8?q?Ann=0D=0ABcc=3A_eve=40example.com?= <ann@example.com>", "carriage return"),
    ("ann@example.com (=?utf-8?q?Ann=0D=0ABcc=3A_eve?=)", "carriage return"),
]
REFUSED_LISTS = [
    ("Team: ann@example.com, bob@example.com;", "must not be a group"),
    ("ann@example.com; bob@example.com", 'has ";" between addresses; separate addresses with commas'),
    ("ann@example.com, bob@example.com;", 'ends with ";"; remove it'),
    ("ann@example.com, Team: Billing <bob@example.com>", 'has ":" in a name'),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_an_invalid_mailbox_is_refused_with_its_path_and_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_mailbox(text, "$.to[1]")
    assert refused.value.path == "$.to[1]"
    assert reason in refused.value.reason


@pytest.mark.parametrize(("text", "reason"), REFUSED_LISTS)
def test_an_invalid_list_is_refused_with_its_path_and_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_mailboxes(text, "$.headers.To")
    assert refused.value.path == "$.headers.To"
    assert reason in refused.value.reason


@pytest.mark.parametrize("text", ["secret-name@", "Secret Name <a b@example.com>", "sécret@example.com"])
def test_an_error_does_not_repeat_the_address(text: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_mailbox(text, "$.to")
    assert "ecret" not in str(refused.value)
