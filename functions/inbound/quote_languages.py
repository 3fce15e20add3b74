"""What mail programs write above a quote, by language.

The lines of Thunderbird are its `mailnews.reply_header_ondateauthorwrote`, in composeMsgs.properties of
https://github.com/thunderbird/thunderbird-l10n; in Japanese it is the English line. Those of Gmail and Apple
Mail, also on iOS, are as mails in public archives have them, such as https://lore.kernel.org. Others collect
them at https://github.com/discourse/email_reply_trimmer and https://github.com/crisp-oss/email-reply-parser.
The names of headers are Outlook's; the clients of Samsung and GMX have the same.
"""

from __future__ import annotations

from typing import Final

import msgspec

GMAIL: Final = "Gmail"
APPLE: Final = "Apple Mail"
THUNDERBIRD: Final = "Thunderbird"
OTHERS: Final = "other programs"
ALL: Final = (GMAIL, APPLE, THUNDERBIRD)


class Introduction(msgspec.Struct, frozen=True):
    """The line above a quote that is marked by `>`.

    `{author}` is a name, an address or both; `{address}` ends in an address in brackets. Spaces beside
    Chinese, Japanese and Korean letters do not count, nor does a comma before the space between the two.
    """

    line: str
    programs: tuple[str, ...]


class HeaderNames(msgspec.Struct, frozen=True):
    """The names of the four headers above a quote without marks; each has one or more, in lower case."""

    author: tuple[str, ...]
    date: tuple[str, ...]
    recipients: tuple[str, ...]
    subject: tuple[str, ...]


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A language of mail programs. `original` are the words between dashes above the headers."""

    name: str
    introductions: tuple[Introduction, ...]
    headers: HeaderNames
    original: tuple[str, ...]


LANGUAGES: Final = (
    Language(
        name="Chinese (simplified)",
        introductions=(
            Introduction("{author} 于{date}写道:", (GMAIL,)),
            Introduction("{date},{author} 写道:", (APPLE,)),
            Introduction("在 {date}, {author} 写道:", (APPLE, THUNDERBIRD)),
        ),
        headers=HeaderNames(("发件人",), ("发送时间", "日期"), ("收件人",), ("主题",)),
        original=("原始邮件", "原始消息", "邮件原件"),
    ),
    Language(
        name="Chinese (traditional)",
        introductions=(Introduction("{author} 於 {date}寫道:", ALL),),
        headers=HeaderNames(("寄件者", "從"), ("寄件日期", "日期"), ("收件者", "至"), ("主旨",)),
        original=("原始郵件",),
    ),
    Language(
        name="Czech",
        introductions=(
            Introduction("{date} odesílatel {author} napsal:", (GMAIL,)),
            Introduction("Dne {date} {author} napsal(a):", (APPLE, THUNDERBIRD)),
        ),
        headers=HeaderNames(("od",), ("odesláno", "datum"), ("komu",), ("předmět",)),
        original=("původní zpráva",),
    ),
    Language(
        name="Danish",
        introductions=(
            Introduction("Den {date} skrev {author}:", ALL),
            Introduction("{date} skrev {author}:", (GMAIL,)),
        ),
        headers=HeaderNames(("fra",), ("sendt", "dato"), ("til",), ("emne",)),
        original=("oprindelig meddelelse", "oprindelig besked"),
    ),
    Language(
        name="Dutch",
        introductions=(
            Introduction("Op {date} schreef {author}:", (GMAIL, THUNDERBIRD)),
            Introduction("Op {date} heeft {author} het volgende geschreven:", (APPLE,)),
        ),
        headers=HeaderNames(("van",), ("verzonden", "datum"), ("aan",), ("onderwerp",)),
        original=("oorspronkelijk bericht", "origineel bericht"),
    ),
    Language(
        name="English",
        introductions=(Introduction("On {date}, {author} wrote:", ALL),),
        headers=HeaderNames(("from",), ("sent", "date"), ("to",), ("subject",)),
        original=("original message",),
    ),
    Language(
        name="Finnish",
        introductions=(
            Introduction("{date} {author} kirjoitti:", (GMAIL,)),
            Introduction("{author} kirjoitti {date}:", (APPLE, THUNDERBIRD)),
        ),
        headers=HeaderNames(("lähettäjä",), ("lähetetty", "päivämäärä"), ("vastaanottaja",), ("aihe",)),
        original=("alkuperäinen viesti",),
    ),
    Language(
        name="French",
        introductions=(Introduction("Le {date}, {author} a écrit:", ALL),),
        headers=HeaderNames(("de",), ("envoyé", "date"), ("à",), ("objet",)),
        original=("message original", "message d'origine"),
    ),
    Language(
        name="German",
        introductions=(
            Introduction("Am {date} schrieb {author}:", ALL),
            Introduction("{address} schrieb am {date}:", (GMAIL,)),
        ),
        headers=HeaderNames(("von",), ("gesendet", "datum"), ("an",), ("betreff",)),
        original=("ursprüngliche nachricht", "original-nachricht", "originalnachricht"),
    ),
    Language(
        name="Italian",
        introductions=(Introduction("Il {date}, {author} ha scritto:", ALL),),
        headers=HeaderNames(("da",), ("inviato", "data"), ("a",), ("oggetto",)),
        original=("messaggio originale",),
    ),
    Language(
        name="Japanese",
        introductions=(
            Introduction("{date} {address}:", (GMAIL,)),
            Introduction("{date}、{author}のメール:", (APPLE,)),
            Introduction("{date}、{author}のメッセージ:", (APPLE,)),
            Introduction("On {date}, {author} wrote:", (THUNDERBIRD,)),
        ),
        headers=HeaderNames(("差出人",), ("送信日時", "日付"), ("宛先",), ("件名",)),
        original=("元のメッセージ",),
    ),
    Language(
        name="Korean",
        introductions=(
            Introduction("{date}, {author} 님이 작성:", (GMAIL,)),
            Introduction("{date}, {author} 님이 작성하였습니다:", (OTHERS,)),
            Introduction("{date}, {author} 작성:", (APPLE,)),
            Introduction("{date}에 {author} 이(가) 쓴 글:", (THUNDERBIRD,)),
        ),
        headers=HeaderNames(("보낸 사람",), ("보낸 날짜",), ("받는 사람",), ("제목",)),
        original=("원본 메시지", "원본 메일"),
    ),
    Language(
        name="Norwegian",
        introductions=(
            Introduction("{date} skrev {author}:", (GMAIL, APPLE)),
            Introduction("Den {date} skrev {author}:", (APPLE, THUNDERBIRD)),
        ),
        headers=HeaderNames(("fra",), ("sendt", "dato"), ("til",), ("emne",)),
        original=("opprinnelig melding",),
    ),
    Language(
        name="Polish",
        introductions=(
            Introduction("{date} {author} napisał(a):", (GMAIL,)),
            Introduction("Wiadomość napisana przez {author} w dniu {date}:", (APPLE,)),
            Introduction("W dniu {date}, {author} pisze:", (THUNDERBIRD,)),
        ),
        headers=HeaderNames(("od",), ("wysłano", "data"), ("do",), ("temat",)),
        original=("wiadomość oryginalna", "oryginalna wiadomość", "treść oryginalnej wiadomości"),
    ),
    Language(
        name="Portuguese",
        introductions=(
            Introduction("Em {date}, {author} escreveu:", ALL),
            Introduction("{address} escreveu ({date}):", (GMAIL,)),
            Introduction("Às {date}, {author} escreveu:", (THUNDERBIRD,)),
        ),
        headers=HeaderNames(
            ("de",), ("enviado", "enviada em", "enviado em", "data"), ("para",), ("assunto",)
        ),
        original=("mensagem original",),
    ),
    Language(
        name="Russian",
        introductions=(
            Introduction("{date}, {address}:", (GMAIL,)),
            Introduction("{date} пользователь {author} написал:", (GMAIL,)),
            Introduction("{date}, {author} написал(а):", (APPLE,)),
            Introduction("{date}, {author} пишет:", (THUNDERBIRD,)),
        ),
        headers=HeaderNames(("от",), ("отправлено", "дата"), ("кому",), ("тема",)),
        original=("исходное сообщение",),
    ),
    Language(
        name="Spanish",
        introductions=(Introduction("El {date}, {author} escribió:", ALL),),
        headers=HeaderNames(("de",), ("enviado", "enviado el", "fecha"), ("para",), ("asunto",)),
        original=("mensaje original",),
    ),
    Language(
        name="Swedish",
        introductions=(
            Introduction("Den {date} skrev {author}:", (GMAIL, THUNDERBIRD)),
            Introduction("{date} skrev {author}:", (APPLE,)),
        ),
        headers=HeaderNames(("från",), ("skickat", "datum"), ("till",), ("ämne",)),
        original=("ursprungligt meddelande",),
    ),
)
