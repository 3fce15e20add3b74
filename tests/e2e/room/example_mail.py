"""A day of a small shop: mail with each outcome, for the pictures of the mail room."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_cli import job_states
from mailbus_cli.dead_letters import queues
from mailbus_cli.dead_letters.reading import read
from tests.e2e.room.recorded import receive, send, table
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus.timeline.mails import TimelineMail
    from mailbus_cli.deployment import Deployment
    from tests.e2e.system import System

INVOICE: Final = "invoice-2026-11-0412"
DIGEST: Final = "digest-2026-48"
TICKET: Final = "ticket-3317"
ORDER: Final = "Purchase order 88213 (URGENT)"
SHOP: Final = "Fern & Field <orders@example.com>"
BILLING: Final = "Fern & Field <billing@example.com>"
NEWS: Final = "Fern & Field <news@example.com>"
PAGE: Final = """\
<!doctype html>
<html lang="en">
<head><style>
body { margin: 0; background: #fff; color: #1c2420; font: 16px/1.5 Georgia, serif }
header { background: #0f3d2c; color: #fff; padding: 16px 26px; font-size: 20px; font-weight: bold }
main { padding: 26px }
h1 { font-size: 20px; font-weight: normal; margin: 0 }
table { width: 100%; border-collapse: collapse }
td { padding: 8px 0; border-bottom: 1px solid #e4e7e5 }
td + td { text-align: right }
tr:last-child { font-weight: bold }
.button { background: #0b7a45; color: #fff; padding: 11px 18px; border-radius: 4px; font: bold 14px sans;
  display: inline-block; margin: 20px 0 6px; text-decoration: none }
footer { color: #5c655f; font-size: 13px }
</style></head>
<body>
<header>Fern &amp; Field</header>
<main>
<h1>Hello {name},</h1>
<p>{text}</p>
<table>
<tr><td>Seedlings, 24 trays<td>€ 312.00
<tr><td>Delivery<td>€ 18.50
<tr><td>Total<td>€ 330.50
</table>
<a class="button" href="https://shop.example.com/{path}">{button}</a>
<footer>Fern &amp; Field Ltd, 4 Mill Lane. You get this mail since you ordered from us.
<a href="#">Unsubscribe</a></footer>
</main>
</body>
</html>
"""
BANNER: Final = '<img src="https://images.example.net/autumn.png" width="1" height="1">'
PDF: Final = "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZz4+ZW5kb2JqCnRyYWlsZXI8PC9Sb290IDEgMCBSPj4KJSVFT0YK"
READERS_OF_NEWSLETTER: Final = 600
STEADY_SECONDS: Final = 25
# that of many new accounts
RATE: Final = 14
READERS: Final = (
    "ada grace kofi bjorn lars jon hiro elif dmitri mei fatima ines amara bram chiara deniz emeka farah "
    "goran hanna imani jana kaito leila marek nadia omar petra quentin rosa sven tariq ulla vera wiktor "
    "xenia yara zeno alma boris celia dario edda filip greta hugo irma"
)


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """How many readers of the digest opened it, and how many of them followed a link."""

    bounced: int
    opened: int
    clicked: int


def page(name: str, text: str, *, path: str = "order", button: str = "Your order") -> str:
    return (
        PAGE.replace("{name}", name)
        .replace("{text}", text)
        .replace("{path}", path)
        .replace("{button}", button)
    )


def fill(system: System, deployment: Deployment) -> None:
    """Send and receive everything; return when the timeline has it."""
    system.change_account(max_send_rate=RATE)
    _dead_letters(system, deployment)
    _orders(system)
    _digest(system, Merge(bounced=2, opened=9, clicked=4))
    _received(system)
    _newest(system)
    _in_doubt(system, deployment)


def send_newsletter(system: System) -> None:
    """Enqueue more mail than the account may send in a minute; return when it is on its way for some time."""
    jobs = [
        system.job(
            job_id=f"autumn-{number:04}",
            from_email=NEWS,
            to=[f"reader{number}@example.net"],
            subject="Plant now, harvest in spring",
            tags=["newsletter"],
        )
        for number in range(1, READERS_OF_NEWSLETTER + 1)
    ]
    system.enqueue_together([json.dumps(job) for job in jobs], "BulkQueueUrl")

    def is_steady() -> bool:
        counts: list[int] = system.simulator.get("pace").raise_for_status().json()["recipients"]
        return sum(count > 0 for count in counts) >= STEADY_SECONDS

    eventually(is_steady, "the newsletter is sent for some time")


def _dead_letters(system: System, deployment: Deployment) -> None:
    """Have three jobs fail, two of them by a mistake that can be corrected in the page."""
    for number, reader in ((TICKET, "kim@example.net"), ("ticket-3318", "lee@example.net")):
        file = {"filename": "ticket.pdf", "content_type": "application/pdf"}
        system.send(
            job_id=number,
            from_email="Tickets <tickets@example.com>",
            to=[reader],
            subject="Your ticket",
            text="Your ticket is attached.",
            attachments=[{**file, "content": f"data:application/pdf;base64,{PDF}"}],
            tags=["tickets"],
        )
    system.send(job_id="order-10144-receipt", from_email="shop@exmaple.com", to=["jane@example.net"])
    queue = queues.named(deployment.outputs, "send")
    eventually(lambda: len(read(deployment, queue).letters) == 3, "three jobs are dead")


def _orders(system: System) -> None:
    """Send one mail of each outcome."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    trial = {"job_id": "trial-88-reminder", "to": ["ada@example.org"], "subject": "Your trial ends tomorrow"}
    system.send(**trial, tags=["trial"], send_at=tomorrow.strftime("%Y-%m-%dT18:00:00Z"))

    def delivered(number: str, to: str, subject: str, tag: str, **fields: Any) -> TimelineMail:
        job = {"from_email": SHOP, "to": [to], "subject": subject, "tags": [tag], **fields}
        html = page(to.partition("@")[0].capitalize(), "Thank you for your order.")
        return send(system, "delivered", job_id=number, **{"html": html, **job})[0]

    late = delivered("order-10190-receipt", "sam@example.net", "Your receipt", "receipt")
    full = {"bounce_type": "Transient", "bounce_sub_type": "MailboxFull", "status": "5.2.2"}
    report(system, late, "Bounce", **full, diagnostic_code="smtp; 552 5.2.2 mailbox full")
    send(
        system,
        "complained",
        job_id="promo-bf-0007",
        from_email=NEWS,
        to=["complaint@simulator.amazonses.com"],
        subject="Black Friday: 40 % off everything",
        html=page("there", "Everything for your garden, until Sunday.", button="To the shop"),
        tags=["promo"],
    )
    send(
        system,
        *["delivered"] * 3,
        job_id="report-20261127",
        to=["ops@example.com", "sales@example.com", "board@example.net"],
        subject="Nightly report, 27 November",
        tags=["report"],
    )
    opened = delivered("order-10218-receipt", "noa@example.org", "תודה על ההזמנה שלך #10218", "receipt")
    report(system, opened, "Open")
    delivered(
        "invoice-2026-11-0398-second-reminder",
        "billing.department.2026@subsidiary-with-a-long-name.example.co.uk",
        "Invoice 2026-11-0398 for Contoso Subsidiaries (Europe, Middle East and Africa)",
        "invoice",
        from_email=BILLING,
    )
    clicked = delivered(
        "signup-90211",
        "lea.fontaine@example.org",
        "Bestätigen Sie Ihre Adresse \u2013 nur noch ein Schritt",
        "signup",
    )
    report(system, clicked, "Click", link="https://shop.example.com/signup/90211")


def _digest(system: System, counts: Merge) -> None:
    """Send one job to fifty readers; some bounce, some open it, a few follow its link."""
    simulated = [f"bounce+reader{number}@simulator.amazonses.com" for number in range(1, counts.bounced + 1)]
    names = READERS.split()
    people = [f"{name}@example.{('org', 'net')[at % 2]}" for at, name in enumerate(names)]
    everyone = [*simulated, *people, "success@simulator.amazonses.com"]
    mails = send(
        system,
        *["bounced"] * len(simulated),
        *["delivered"] * (len(everyone) - len(simulated)),
        job_id=DIGEST,
        from_email=NEWS,
        to=everyone,
        subject="Hello {{name}}, your week in numbers",
        html=page("{{name}}", "This week you saved {{trays}} trays and one long drive.", path="week"),
        merge_global_data={"name": "friend", "trays": 3},
        merge_data={
            address: {"name": name.capitalize(), "trays": 4 + len(name) * 2}
            for address, name in zip(people, names, strict=True)
        },
        tags=["digest"],
    )
    known = {mail.recipient: mail for mail in mails}
    for at, reader in enumerate(people[: counts.opened + counts.clicked]):
        if at < counts.clicked:
            report(system, known[reader], "Click", link="https://shop.example.com/week")
        else:
            report(system, known[reader], "Open")


def _received(system: System) -> None:
    """Receive a mail that is not what it says, and an answer to an invoice."""
    order = _mail("Contoso Accounts Payable <accounts@contoso.example>", "orders+4711", ORDER)
    order["Reply-To"] = "contoso.payments@freemail.example"
    order.set_content(
        "Dear sir or madam,\n\nplease find attached our purchase order 88213. Kindly confirm the new"
        " bank details at https://bank.example/confirm before Friday.\n\nWith kind regards\nContoso\n"
    )
    order.add_attachment(b"%PDF-1.4\n" + bytes(388 * 1024), "application", "pdf", filename="PO-88213.pdf")
    # U+202E has the rest written from right to left
    hidden = "details\u202efdp.exe"
    order.add_attachment(b"MZ" + bytes(24 * 1024), "application", "octet-stream", filename=hidden)
    receive(
        system,
        bytes(order),
        mail_from="bounce-77120@bulk.mailer.example",
        rcpt_to="orders+4711@inbound.example.com",
        dmarc="FAIL",
        dmarc_policy="reject",
    )

    answer = _mail("Ada Lovelace <ada@example.org>", "support", "Re: Your invoice for November")
    answer["In-Reply-To"] = answer["References"] = "<0412@email.amazonses.com>"
    answer.set_content(
        "Thanks, but the second line should say 22 trays, not 24.\n\n> Here is your invoice for November.\n"
    )
    receive(system, bytes(answer), mail_from="ada@example.org", rcpt_to="support@inbound.example.com")


def _mail(sender: str, local_part: str, subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, f"{local_part}@inbound.example.com", subject
    mail["Message-ID"] = f"<{local_part}@{sender.rpartition('@')[2]}"
    return mail


def _newest(system: System) -> None:
    """Send what is on top of the list."""
    html = page(
        "Jane",
        "Here is your invoice for November. It is due on 12 December 2026.",
        path="pay",
        button="Pay now",
    )
    send(
        system,
        "bounced",
        job_id=INVOICE,
        from_email=BILLING,
        to=["bounce@simulator.amazonses.com"],
        subject="Your invoice for November",
        text="Hello Jane,\n\nhere is your invoice for November.\n",
        html=html.replace("</body>", f"{BANNER}</body>"),
        attachments=[{"filename": "invoice-0412.pdf", "content_type": "application/pdf", "content": PDF}],
        tags=["invoice"],
        metadata={"order": 1001},
    )
    for number, to, subject in (
        ("reset-7f0c2a", "success@simulator.amazonses.com", "Reset your password"),
        ("order-10230-receipt", "m.okonkwo@example.org", "Your receipt"),
        ("order-10231-receipt", "jane@example.net", "Your receipt"),
    ):
        send(system, "delivered", job_id=number, from_email=SHOP, to=[to], subject=subject, tags=["receipt"])


def _in_doubt(system: System, deployment: Deployment) -> None:
    """Lose SES's answer to a mail, which SES did not take: for some seconds nobody knows."""
    system.add_faults({"operation": "SendEmail", "error": "ConnectionReset", "count": 1})
    system.send(
        job_id="ship-55120",
        from_email=SHOP,
        to=["tomasz@example.net"],
        subject="Your parcel is on its way",
        tags=["shipping"],
    )
    eventually(lambda: _is_in_doubt(deployment, "ship-55120"), "a mail is in doubt")


def _is_in_doubt(deployment: Deployment, job_id: str) -> bool:
    state = job_states.read_job(deployment, job_id)
    return state is not None and "in_doubt" in state.counts


def report(system: System, mail: TimelineMail, event_type: str, **fields: Any) -> None:
    """Have SES report an event of a mail; return when the timeline has it."""
    body: Mapping[str, Any] = {"event_type": event_type, "recipient": mail.recipient, **fields}
    system.simulator.post(f"events/{mail.message_id}", json=body).raise_for_status()

    def changed() -> bool:
        now: Sequence[TimelineMail] = table(system).by_job(str(mail.job_id))
        return any(one.recipient == mail.recipient and one.status != mail.status for one in now)

    eventually(changed, f"{event_type} of {mail.recipient}")
