"""An answer in each language by each mail program that the page names, as the program writes it."""

from __future__ import annotations

import pytest

from inbound import replies
from inbound.quote_languages import LANGUAGES

NBSP = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
SHOP = "Nordlicht Shop <support@inbound.example.com>"
OWN = "Yes, please — to Köln.\n\nAda"
QUOTE = "> Shall we send it again?\n>\n> Your shop\n"

INTRODUCTIONS = {
    ("Chinese (simplified)", "Gmail"): [
        f"{SHOP} 于2026年11月2日周一 10:00写道：",
        "Nordlicht Shop <support@inbound.example.com>\n于2026年11月2日周一 10:00写道：",
    ],
    ("Chinese (simplified)", "Apple Mail"): [
        f"> 2026年11月2日 上午10:00，{SHOP} 写道：",
        f"在 2026年11月2日，上午10:00，{SHOP} 写道：",
    ],
    ("Chinese (simplified)", "Thunderbird"): ["在 2026/11/2 10:00, Nordlicht Shop 写道:"],
    ("Chinese (traditional)", "Gmail"): [f"{SHOP} 於 2026年11月2日 週一 上午10:00寫道："],
    ("Chinese (traditional)", "Apple Mail"): [f"> {SHOP} 於 2026年11月2日 上午10:00 寫道："],
    ("Chinese (traditional)", "Thunderbird"): ["Nordlicht Shop 於 2026/11/2 上午 10:00 寫道:"],
    ("Czech", "Gmail"): [
        f"po 2. 11. 2026 v 10:00 odesílatel {SHOP}\nnapsal:",
        "pá 6. 11. 2026 v 9:05 odesílatel Nordlicht Shop <\nsupport@inbound.example.com> napsal:",
    ],
    ("Czech", "Apple Mail"): [f"> Dne 2. 11. 2026 v 10:00, {SHOP} napsal(a):"],
    ("Czech", "Thunderbird"): ["Dne 02. 11. 26 v 10:00 Nordlicht Shop napsal(a):"],
    ("Danish", "Gmail"): [
        f"Den man. 2. nov. 2026 kl. 10.00 skrev {SHOP}:",
        f"man. 2. nov. 2026 kl. 10.00 skrev {SHOP}:",
    ],
    ("Danish", "Apple Mail"): [f"> Den 2. nov. 2026 kl. 10.00 skrev {SHOP}:"],
    ("Danish", "Thunderbird"): ["Den 02.11.2026 kl. 10.00 skrev Nordlicht Shop:"],
    ("Dutch", "Gmail"): [f"Op ma 2 nov 2026 om 10:00 schreef {SHOP}:"],
    ("Dutch", "Apple Mail"): [
        f"> Op 2 nov 2026, om 10:00 heeft {SHOP} het volgende geschreven:",
        "> Op 2 nov. 2026 om 10:00 heeft\n> Shop <support@inbound.example.com>\n> het volgende geschreven:",
    ],
    ("Dutch", "Thunderbird"): ["Op 02-11-2026 om 10:00 schreef Nordlicht Shop:"],
    ("English", "Gmail"): [
        f"On Mon, Nov 2, 2026 at 10:00{NARROW}AM {SHOP}\nwrote:",
        f"On Mon, 2 Nov 2026 at 10:00, {SHOP} wrote:",
    ],
    ("English", "Apple Mail"): [
        f"> On Nov 2, 2026, at 10:00{NARROW}AM, {SHOP} wrote:",
        f"On 2 Nov 2026, at 10:00, {SHOP} wrote:",
    ],
    ("English", "Thunderbird"): ["On 11/2/26 10:00, Nordlicht Shop wrote:"],
    ("Finnish", "Gmail"): [
        "ma 2. marrask. 2026 klo 10.00 Nordlicht Shop (support@inbound.example.com)\nkirjoitti:"
    ],
    ("Finnish", "Apple Mail"): [f"> {SHOP} kirjoitti 2.11.2026 kello 10.00:"],
    ("Finnish", "Thunderbird"): ["Nordlicht Shop kirjoitti 2.11.2026 klo 10.00:"],
    ("French", "Gmail"): [
        f"Le lun. 2 nov. 2026 à 10:00, {SHOP} a écrit{NBSP}:",
        f"Le lun. 2 nov. 2026 à 10:00, {SHOP} a\nécrit :",
    ],
    ("French", "Apple Mail"): [f"> Le 2 nov. 2026 à 10:00, {SHOP} a écrit{NARROW}:"],
    ("French", "Thunderbird"): [f"Le 02/11/2026 à 10:00, Nordlicht Shop a écrit{NBSP}:"],
    ("German", "Gmail"): [
        f"Am Mo., 2. Nov. 2026 um 10:00{NBSP}Uhr schrieb {SHOP}:",
        f"{SHOP} schrieb am Mo., 2. Nov. 2026 um 10:00 Uhr:",
    ],
    ("German", "Apple Mail"): [f"> Am 02.11.2026 um 10:00 schrieb {SHOP}:"],
    ("German", "Thunderbird"): ["Am 02.11.26 um 10:00 schrieb Nordlicht Shop:"],
    ("Italian", "Gmail"): [f"Il giorno lun 2 nov 2026 alle ore 10:00 {SHOP}\nha scritto:"],
    ("Italian", "Apple Mail"): [f"> Il giorno 2 nov 2026, alle ore 10:00, {SHOP} ha scritto:"],
    ("Italian", "Thunderbird"): ["Il 02/11/2026 10:00, Nordlicht Shop ha scritto:"],
    ("Japanese", "Gmail"): [
        f"2026年11月2日(月) 10:00 {SHOP}:",
        f"2026年11月2日(月)\N{IDEOGRAPHIC SPACE}10:00\N{IDEOGRAPHIC SPACE}{SHOP}：",
    ],
    ("Japanese", "Apple Mail"): [
        f"> 2026/11/02 10:00、{SHOP}のメール:",
        f"> 2026/11/02 午前10:00、{SHOP}のメッセージ:",
    ],
    ("Japanese", "Thunderbird"): ["On 2026/11/02 10:00, Nordlicht Shop wrote:"],
    ("Korean", "Gmail"): [f"2026년 11월 2일 (월) 오전 10:00, {SHOP}님이 작성:"],
    ("Korean", "Apple Mail"): [f"> 2026. 11. 2. 오전 10:00, {SHOP} 작성:"],
    ("Korean", "Thunderbird"): ["2026. 11. 2. 오전 10:00에 Nordlicht Shop 이(가) 쓴 글:"],
    ("Korean", "other programs"): [f"2026년 11월 2일 오전 10:00에 {SHOP}님이 작성하였습니다:"],
    ("Norwegian", "Gmail"): [f"man. 2. nov. 2026 kl. 10:00 skrev {SHOP}:"],
    ("Norwegian", "Apple Mail"): [
        f"> 2. nov. 2026 kl. 10:00 skrev {SHOP}:",
        f"> Den 2. nov. 2026 kl. 10.00 skrev {SHOP}:",
    ],
    ("Norwegian", "Thunderbird"): ["Den 02.11.2026 10:00, skrev Nordlicht Shop:"],
    ("Polish", "Gmail"): [f"pon., 2 lis 2026 o 10:00 {SHOP}\nnapisał(a):"],
    ("Polish", "Apple Mail"): [f"> Wiadomość napisana przez {SHOP} w dniu 2 lis 2026, o godz. 10:00:"],
    ("Polish", "Thunderbird"): ["W dniu 2.11.2026 o 10:00, Nordlicht Shop pisze:"],
    ("Portuguese", "Gmail"): [
        f"Em seg., 2 de nov. de 2026 às 10:00, {SHOP} escreveu:",
        f"{SHOP} escreveu (segunda, 2/11/2026 à(s) 10:00):",
    ],
    ("Portuguese", "Apple Mail"): [f"> Em 2 de nov. de 2026, à(s) 10:00, {SHOP} escreveu:"],
    ("Portuguese", "Thunderbird"): [
        "Em 02/11/2026 10:00, Nordlicht Shop escreveu:",
        "Às 10:00 de 02/11/2026, Nordlicht Shop escreveu:",
    ],
    ("Russian", "Gmail"): [
        f"пн, 2 нояб. 2026{NBSP}г. в 10:00, {SHOP}:",
        f"2 нояб. 2026 г. 10:00 пользователь {SHOP} написал:",
    ],
    ("Russian", "Apple Mail"): [f"> 2 нояб. 2026 г., в 10:00, {SHOP} написал(а):"],
    ("Russian", "Thunderbird"): ["02.11.2026 10:00, Nordlicht Shop пишет:"],
    ("Spanish", "Gmail"): [
        "El lun, 2 nov 2026 a las 10:00, Nordlicht Shop (<support@inbound.example.com>)\nescribió:"
    ],
    ("Spanish", "Apple Mail"): [f"> El 2 nov 2026, a las 10:00, {SHOP} escribió:"],
    ("Spanish", "Thunderbird"): ["El 2/11/26 a las 10:00, Nordlicht Shop escribió:"],
    ("Swedish", "Gmail"): [f"Den mån 2 nov. 2026 kl 10:00 skrev {SHOP}:"],
    ("Swedish", "Apple Mail"): [f"> 2 nov. 2026 kl. 10:00 skrev {SHOP}:"],
    ("Swedish", "Thunderbird"): ["Den 2026-11-02 kl. 10:00, skrev Nordlicht Shop:"],
}

LINES = [line for lines in INTRODUCTIONS.values() for line in lines]

HEADERS = {
    "Chinese (simplified)": [
        f"发件人: {SHOP}\n发送时间: 2026年11月2日 10:00\n收件人: Ada\n主题: Your order\n",
        f"发件人：{SHOP}\n日　期：2026年11月2日\n收件人：Ada\n主　题：Your order\n",
    ],
    "Chinese (traditional)": [
        f"寄件者: {SHOP}\n寄件日期: 2026年11月2日 上午 10:00\n收件者: Ada\n副本: Bob\n主旨: Your order\n",
        f"從: {SHOP}\n日期: 2026年11月2日\n至: Ada\n主旨: Your order\n",
    ],
    "Czech": [f"Od: {SHOP}\nOdesláno: pondělí 2. listopadu 2026 10:00\nKomu: Ada\nPředmět: Your order\n"],
    "Danish": [f"Fra: {SHOP}\nSendt: 2. november 2026 10:00\nTil: Ada\nEmne: Your order\n"],
    "Dutch": [f"Van: {SHOP}\nVerzonden: maandag 2 november 2026 10:00\nAan: Ada\nOnderwerp: Your order\n"],
    "English": [
        f"From: {SHOP}\nSent: Monday, November 2, 2026 10:00 AM\nTo: Ada\nSubject: RE: Your order\n",
        f"*From:* {SHOP}\n*Date:* Monday, 2 November 2026 at 10:00\n*To:* Ada\n*Subject:* Your order\n",
    ],
    "Finnish": [f"Lähettäjä: {SHOP}\nLähetetty: maanantai 2.\nVastaanottaja: Ada\nAihe: VS: Your order\n"],
    "French": [
        f"De{NBSP}: {SHOP}\nEnvoyé{NBSP}: lundi 2 novembre 2026\nÀ{NBSP}: Ada\nObjet{NBSP}: Your order\n",
        f"De : {SHOP}\nDate : lundi 2 novembre 2026\nA\N{COMBINING GRAVE ACCENT} : Ada\nObjet : Your order\n",
    ],
    "German": [
        f"Von: {SHOP}\nGesendet: Montag, 2. November 2026 10:00\nAn: Ada\nBetreff: AW: Your order\n",
        f"Gesendet: Montag, 2. November 2026 um 10:00\nVon: {SHOP}\nAn: Ada\nBetreff: Your order\n",
    ],
    "Italian": [f"Da: {SHOP}\nInviato: lunedì 2 novembre 2026 10:00\nA: Ada\nOggetto: R: Your order\n"],
    "Japanese": [
        f"差出人: {SHOP}\n送信日時: 2026年11月2日 10:00\n宛先: Ada\n件名: Your order\n",
        f"From: {SHOP}\nSent: 2026年11月2日 10:00\nTo: Ada\nSubject: Your order\n",
    ],
    "Korean": [
        f"보낸 사람: {SHOP}\n보낸 날짜: 2026년 11월 2일 월요일 10:00\n받는 사람: Ada\n제목: Your order\n",
        f"보낸사람: {SHOP}\n보낸날짜: 2026년 11월 2일\n받는사람: Ada\n제목: Your order\n",
    ],
    "Norwegian": [f"Fra: {SHOP}\nSendt: mandag 2. november 2026 10:00\nTil: Ada\nEmne: SV: Your order\n"],
    "Polish": [f"Od: {SHOP}\nWysłano: poniedziałek, 2 listopada 2026\nDo: Ada\nTemat: Odp: Your order\n"],
    "Portuguese": [
        f"De: {SHOP}\nEnviada em: segunda-feira, 2 de novembro\nPara: Ada\nAssunto: RES: Your order\n",
        f"De: {SHOP}\nEnviado: 2 de novembro de 2026 10:00\nPara: Ada\nAssunto: Your order\n",
    ],
    "Russian": [f"От: {SHOP}\nОтправлено: 2 ноября 2026 г. 10:00\nКому: Ada\nТема: Your order\n"],
    "Spanish": [
        f"De: {SHOP}\nEnviado el: lunes, 2 de noviembre de 2026 10:00\nPara: Ada\nAsunto: Your order\n"
    ],
    "Swedish": [f"Från: {SHOP}\nSkickat: den 2 november 2026 10:00\nTill: Ada\nÄmne: Your order\n"],
}

ADDRESSED = ["support@inbound.example.com"]


def stripped(text: str) -> str | None:
    return replies.stripped(text.encode(), subject="Re: Your order", is_threaded=True, addressed=ADDRESSED)


def test_each_program_of_each_language_has_an_example() -> None:
    known = {
        (language.name, program)
        for language in LANGUAGES
        for introduction in language.introductions
        for program in introduction.programs
    }
    assert set(INTRODUCTIONS) == known
    assert set(HEADERS) == {language.name for language in LANGUAGES}


@pytest.mark.parametrize(
    ("key", "introduction"),
    [(key, line) for key, lines in INTRODUCTIONS.items() for line in lines],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_an_answer_above_a_marked_quote_is_the_stripped_text(
    key: tuple[str, str], introduction: str, gap: str
) -> None:
    marked = f"{introduction}{gap}{QUOTE}"
    assert stripped(f"{OWN}\n\n{marked}") == OWN, key
    assert stripped(f"{OWN}\n\n{marked}\nAnd one more thing.") is None
    assert stripped(marked) is None


@pytest.mark.parametrize("introduction", LINES)
def test_marks_of_direction_and_spaces_of_other_kinds_change_nothing(introduction: str) -> None:
    changed = introduction.replace(" ", f"{NARROW}\N{RIGHT-TO-LEFT MARK}").replace(f">{NARROW}", "> ")
    assert stripped(f"{OWN}\n\n{changed}\N{LEFT-TO-RIGHT MARK} \n{QUOTE}") == OWN


@pytest.mark.parametrize("introduction", LINES)
def test_a_quote_without_marks_below_a_line_is_not_certain(introduction: str) -> None:
    assert stripped(f"{OWN}\n\n{introduction}\n\nShall we send it again?\n") is None


@pytest.mark.parametrize(
    ("language", "headers"), [(language, each) for language, all_ in HEADERS.items() for each in all_]
)
@pytest.mark.parametrize("rule", ["", f"{'_' * 32}\n", f"{'-' * 66}\n"])
def test_an_answer_above_headers_is_the_stripped_text(language: str, headers: str, rule: str) -> None:
    assert stripped(f"{OWN}\n\n{rule}{headers}\nShall we send it again?\n") == OWN, language
    without_subject = headers[: headers.rindex("\n", 0, -1)]
    assert stripped(f"{OWN}\n\n{rule}{without_subject}\n\nShall we send it again?\n") is None


@pytest.mark.parametrize(
    ("language", "words"), [(language, words) for language in LANGUAGES for words in language.original]
)
@pytest.mark.parametrize("dashes", ["-----{}-----", "-------- {} --------", "--- {} ---"])
def test_the_words_for_an_original_message_are_cut_with_the_headers_below(
    language: object, words: str, dashes: str
) -> None:
    line = dashes.format(words.capitalize())
    headers = HEADERS["English"][0]
    assert stripped(f"{OWN}\n\n{line}\n{headers}\nShall we send it again?\n") == OWN, language
    assert stripped(f"{OWN}\n\n{line}\nShall we send it again?\n") is None
