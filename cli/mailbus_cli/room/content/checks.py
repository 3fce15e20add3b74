"""What mail programs will object to in a mail: only what is certain, each with its source and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cli.room.content.links import Link, links
from mailbus_cli.room.content.mail import Content
from mailbus_cli.room.content.markup import Tag, Text, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Gmail cuts a message there, and hides the rest behind "View entire message":
#: https://github.com/hteumeuleu/email-bugs/issues/41
CLIPPING_BYTES: Final = 102 * 1024
#: Longer subjects are cut on a desktop, and far earlier on a phone; RFC 5322's line is 78 characters:
#: https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1
SUBJECT_CHARACTERS: Final = 78
#: Gmail and Outlook.com accept no more: https://support.google.com/mail/answer/6584 ·
#: https://support.microsoft.com/office/sending-limits-in-outlook-com-279ee200-594c-40f0-9ec8-bb6af7735c2e
ATTACHED_BYTES: Final = 20 * 1024 * 1024
#: Gmail removes the style elements beyond as many characters of styles:
#: https://github.com/hteumeuleu/caniemail/issues/144
STYLE_CHARACTERS: Final = 16 * 1024
EXAMPLES: Final = 3

_PLACEHOLDER: Final = re.compile(r"\{\{[^{}]{0,100}\}\}")
_CID: Final = re.compile(r"\bcid:([^\s\"'<>()\\]{1,1000})", re.IGNORECASE)
_BULK: Final = frozenset(("bulk", "list", "junk"))
_ACTIVE: Final = frozenset(("audio", "embed", "form", "iframe", "object", "script", "video"))


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Something that mail programs object to: what it is, what to do, and the page that says so."""

    name: str
    title: str
    advice: str
    source: str
    examples: tuple[str, ...] = ()


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks look at, found in one pass."""

    content: Content
    is_bulk: bool
    links: tuple[Link, ...]
    images: tuple[Tag, ...]
    styles: tuple[str, ...]
    active: tuple[str, ...]
    places: frozenset[str]


def checks(content: Content, *, is_bulk: bool) -> tuple[Check, ...]:
    """Return what mail programs will object to; `is_bulk` is for a mail that goes to many."""
    if content.message is None:
        return ()
    images: list[Tag] = []
    styles: list[str] = []
    active: list[str] = []
    places: set[str] = set()
    for token in tokens(content.html or ""):
        if isinstance(token, Text):
            styles += [token.text] if token.parent == "style" else []
        elif not token.is_end:
            images += [token] if token.name == "img" else []
            active += [token.name] if token.name in _ACTIVE else []
            places.update(token.attributes.get(name, "") for name in ("id", "name"))
    seen = _Seen(
        content=content,
        is_bulk=is_bulk or any(value.strip().lower() in _BULK for value in content.all("precedence")),
        links=links(content.html, content.text),
        images=tuple(images),
        styles=tuple(styles),
        active=tuple(active),
        places=frozenset(places),
    )
    return tuple(found for check in _CHECKS for found in check(seen))


def _without_text(seen: _Seen) -> Iterator[Check]:
    if seen.content.html is not None and not (seen.content.text or "").strip():
        yield Check(
            name="no_text",
            title="No text part",
            advice="Set `text` beside `html`. Watches, screen readers and text-only programs show it, and "
            "filters take a mail without it for bulk mail.",
            source="https://www.rfc-editor.org/rfc/rfc2046#section-5.1.4",
        )


def _without_body(seen: _Seen) -> Iterator[Check]:
    if not (seen.content.html or "").strip() and not (seen.content.text or "").strip():
        yield Check(
            name="empty",
            title="Nothing in it",
            advice="Set `text` or `html`: the recipient sees an empty mail.",
            source="https://www.rfc-editor.org/rfc/rfc5322#section-3.5",
        )


def _subject(seen: _Seen) -> Iterator[Check]:
    subject = seen.content.subject or ""
    if not subject.strip():
        yield Check(
            name="no_subject",
            title="No subject",
            advice="Set `subject`: programs show “(no subject)”, and filters mistrust it.",
            source="https://www.rfc-editor.org/rfc/rfc5322#section-3.6.5",
        )
    elif len(subject) > SUBJECT_CHARACTERS:
        yield Check(
            name="long_subject",
            title=f"The subject has {len(subject)} characters",
            advice=f"Say it in {SUBJECT_CHARACTERS}, and what matters in the first 40: lists cut the rest.",
            source="https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1",
        )


def _images(seen: _Seen) -> Iterator[Check]:
    bare = [image for image in seen.images if "alt" not in image.attributes and not _is_pixel(image)]
    if bare:
        yield Check(
            name="no_alt",
            title=f"{_number(len(bare), 'image')} without alt",
            advice='Give each `<img>` an `alt`, `alt=""` if it only decorates: programs that load no images '
            "and screen readers show it in its place.",
            source="https://www.w3.org/WAI/tutorials/images/",
            examples=_examples(image.attributes.get("src", "") for image in bare),
        )


def _is_pixel(image: Tag) -> bool:
    return image.attributes.get("width", "") in {"0", "1"} or image.attributes.get("height", "") in {"0", "1"}


def _links_to_nowhere(seen: _Seen) -> Iterator[Check]:
    wrong = [
        link
        for link in seen.links
        if link.kind in {"nowhere", "relative", "script", "data"}
        or (link.kind == "place" and link.url[1:] not in seen.places)
    ]
    count = sum(link.count for link in wrong)
    if wrong:
        yield Check(
            name="nowhere",
            title=f"{_number(count, 'link')} that {'leads' if count == 1 else 'lead'} nowhere",
            advice="Give each link its whole address, with https://. In a mail `#`, an empty address, one "
            "without a host, and `javascript:` or `data:` do nothing.",
            source="https://www.caniemail.com/features/html-anchor-links/",
            examples=_examples(f"{link.text or '(no text)'} → {link.url or '(empty)'}" for link in wrong),
        )


def _plain_http(seen: _Seen) -> Iterator[Check]:
    plain = [link for link in seen.links if link.url.lower().startswith("http://")]
    if plain:
        yield Check(
            name="http",
            title=f"{_number(len(plain), 'link')} without https",
            advice="Link to https:// addresses: programs warn of others, and networks can change them.",
            source="https://support.google.com/mail/answer/81126",
            examples=_examples(link.url for link in plain),
        )


def _placeholders(seen: _Seen) -> Iterator[Check]:
    texts = (seen.content.subject or "", seen.content.text or "", seen.content.html or "")
    left = list(dict.fromkeys(found for text in texts for found in _PLACEHOLDER.findall(text[:2_000_000])))
    if left:
        yield Check(
            name="placeholder",
            title=f"{_number(len(left), 'placeholder')} left",
            advice="Put the value into `merge_data` or `merge_global_data` under this name, or remove it: "
            "the recipient reads it as it is.",
            source="https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html",
            examples=_examples(left),
        )


def _clipped(seen: _Seen) -> Iterator[Check]:
    size = len((seen.content.html or "").encode("utf-8", "replace"))
    if size > CLIPPING_BYTES:
        yield Check(
            name="clipped",
            title=f"The HTML has {size / 1024:.0f} KB: Gmail cuts it at 102",
            advice="Make it shorter, and link to the rest. The end is behind “View entire message”, with "
            "the unsubscribe link and the image that counts opens.",
            source="https://github.com/hteumeuleu/email-bugs/issues/41",
        )


def _styles(seen: _Seen) -> Iterator[Check]:
    total = sum(map(len, seen.styles))
    if total > STYLE_CHARACTERS:
        yield Check(
            name="style",
            title=f"The style elements have {total / 1024:.0f} KB: Gmail drops what is over 16",
            advice="Remove rules that nothing uses, or put the styles on the elements.",
            source="https://github.com/hteumeuleu/caniemail/issues/144",
        )


def _active_content(seen: _Seen) -> Iterator[Check]:
    if seen.active:
        names = tuple(dict.fromkeys(f"<{name}>" for name in seen.active))
        yield Check(
            name="active",
            title="Elements that mail programs remove",
            advice="Link to a page instead: scripts, frames, players and most forms do not work in a mail.",
            source="https://www.caniemail.com/features/html-form/",
            examples=_examples(names),
        )


def _unsubscribe(seen: _Seen) -> Iterator[Check]:
    if not seen.is_bulk:
        return
    targets = " ".join(seen.content.all("list-unsubscribe"))
    one_click = "list-unsubscribe=one-click" in " ".join(seen.content.all("list-unsubscribe-post")).lower()
    if not targets.strip():
        yield Check(
            name="no_unsubscribe",
            title="No List-Unsubscribe on mail to many",
            advice="Set the headers `List-Unsubscribe` (an https address) and `List-Unsubscribe-Post: "
            "List-Unsubscribe=One-Click`: Gmail and Yahoo require them of bulk senders.",
            source="https://support.google.com/a/answer/81126",
        )
    elif not one_click or "https://" not in targets.lower():
        yield Check(
            name="no_one_click",
            title="Unsubscribing takes more than one click",
            advice="Add `List-Unsubscribe-Post: List-Unsubscribe=One-Click` and an https address in "
            "`List-Unsubscribe`: Gmail and Yahoo require both of bulk senders.",
            source="https://www.rfc-editor.org/rfc/rfc8058#section-3.1",
        )


def _pictures_missing(seen: _Seen) -> Iterator[Check]:
    known = {(file.content_id or "").lower() for file in seen.content.files}
    wanted = dict.fromkeys(_CID.findall((seen.content.html or "")[:2_000_000]))
    missing = [
        content_id for content_id in wanted if content_id.lower() not in known and "%" not in content_id
    ]
    if missing:
        yield Check(
            name="no_picture",
            title=f"{_number(len(missing), 'inline image')} not in the mail",
            advice="Attach each with its `content_id`, the name behind `cid:`, or correct the name.",
            source="https://www.rfc-editor.org/rfc/rfc2392",
            examples=_examples(f"cid:{content_id}" for content_id in missing),
        )


def _attachments(seen: _Seen) -> Iterator[Check]:
    if seen.content.size > ATTACHED_BYTES:
        yield Check(
            name="large",
            title=f"The mail has {seen.content.size / 1024 / 1024:.0f} MB",
            advice="Link to large files: many servers refuse a mail over 20 MB.",
            source="https://support.google.com/mail/answer/6584",
        )
    hidden = [file for file in seen.content.files if file.hides_type]
    if hidden:
        yield Check(
            name="hidden_type",
            title=f"{_number(len(hidden), 'attachment')} whose name hides its type",
            advice="Rename it: filters refuse such names.",
            source="https://support.google.com/mail/answer/6590",
            examples=_examples(file.safe_name for file in hidden),
        )


_CHECKS: Final[tuple[Callable[[_Seen], Iterator[Check]], ...]] = (
    _without_body,
    _placeholders,
    _links_to_nowhere,
    _pictures_missing,
    _without_text,
    _images,
    _unsubscribe,
    _clipped,
    _styles,
    _active_content,
    _plain_http,
    _subject,
    _attachments,
)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _examples(values: Iterable[str]) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(value[:120] for value in values))
    rest = len(distinct) - EXAMPLES
    return (*distinct[:EXAMPLES], *([f"and {rest} more"] if rest > 0 else []))
