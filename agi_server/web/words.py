"""What the pages say, in English and Russian; which of them, the browser tells.

Every text of a page stands here, those of its script included, each in all languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

ENGLISH = {
    "language": "en",
    "months": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "calls": "Calls",
    "no_script": "Without JavaScript this list stands still: reload it to see new calls.",
    # health
    "health": "Health",
    "otrs": "OTRS",
    "otrs_ok": "answers",
    "otrs_trouble": "in trouble: calls wait",
    "customers": "Customers",
    "customers_ok": "{number} known",
    "customers_trouble": "{number} known, as of {minutes} min ago",
    "customers_stale": "{number} known, as of an earlier run",
    "customers_detail": "The customers' database: {words}",
    "journal": "Journal",
    "journal_ok": "{waiting} waiting, {parked} parked",
    "journal_trouble": "can't be read or written",
    "journal_unkept": "can't be written; calls in memory only: {unkept}",
    "listener": "Asterisk",
    "listener_ok": "calls are taken",
    "listener_trouble": "no calls are taken",
    "listener_sessions": "in hand: {sessions}",
    # the list
    "search": "Search",
    "search_hint": "number, name or ticket",
    "dialled": "Dialled",
    "queue": "Queue",
    "place": "Queue, dialled",
    "all": "all",
    "show": "Show",
    "show_all": "Show all",
    "time": "Time",
    "caller": "Caller",
    "customer": "Customer",
    "ticket": "Ticket",
    "state": "State",
    "none_yet": "No calls yet. The next one appears here by itself.",
    "none_found": "No such calls.",
    "older": "Older calls",
    "newest": "Newest calls",
    "older_list": "These are older calls; new ones do not appear here.",
    "withheld": "number withheld",
    "no_number": "no number",
    "unreadable": "unreadable request",
    "unknown": "Unknown caller",
    "not_yet": "being looked up",
    "create": "Create customer",
    "more": "and {number} more",
    # who rings, and how sure that is
    "match_exact": "exact number",
    "match_without-extension": "other extension",
    "match_national": "number without country code",
    "match_suffix": "last digits only",
    "match_several": "several customers have it",
    "match_none": "",
    # states
    "opening": "opening",
    "adding": "adding",
    "created": "created",
    "added": "added",
    "waiting": "waiting",
    "to_add": "waiting",
    "parked": "parked",
    "rejected": "rejected",
    "no_ticket": "no ticket",
    "to_add_detail": "to be added to it at {time}",
    "again": "tried again at {time}",
    "perhaps": "perhaps in OTRS already, is looked for first",
    # the person on duty
    "parked_title": "Parked, waiting for your decision: {number}",
    "parked_more": "Only the {number} newest are shown.",
    "retry": "Try again",
    "retry_all": "Try all again",
    "drop": "Drop …",
    "drop_why": "Why shall it be no ticket?",
    "drop_now": "Drop the call",
    "retried": "The call is tried again.",
    "retried_all": "All parked calls are tried again.",
    "dropped": "The call is dropped.",
    "too_late": "Too late: this call is neither waiting nor parked any more.",
    "gone": "There is no such call in the journal any more.",
    "why_missing": "Dropping a call needs a reason: it is all that will be known of it.",
    "stale_form": "This page is out of date or was opened elsewhere. Reload it and try again.",
    "unwritten": "The journal could not be written: {words}",
    "unwritten_yet": "The journal does not answer. Your decision may still be written: see what becomes of the call.",
    "by": "{words} ({name})",
    "back": "Back to the calls",
    "history": "What happened to it",
    "call_id": "Call id",
    "attempts": "Attempts",
    "reason": "Reason",
    "event_added": "came in",
    "event_recognised": "has to wait for OTRS",
    "event_begun": "request to OTRS begun",
    "event_gathered": "waits for an open ticket",
    "event_created": "ticket created",
    "event_updated": "added to a ticket",
    "event_found": "found in OTRS",
    "event_trouble": "trouble",
    "event_refused": "refused",
    "event_parked": "parked",
    "event_rejected": "rejected",
    "event_no_ticket": "no ticket wanted",
    "event_retried": "tried again by a person",
    "event_dropped": "dropped by a person",
    "event_recovered": "taken up after a restart",
    "event_salvaged": "saved from a damaged journal",
    # live, and the screen pop
    "connecting": "connecting …",
    "live": "live",
    "broken": "no connection to agi-server, trying again …",
    "new_call": "New call:",
    "pop": "On a new call",
    "pop_off": "do nothing",
    "pop_window": "open its ticket",
    "pop_notification": "notify",
    "pop_blocked": "The browser blocked the ticket's window. Allow pop-ups for this page, or click here:",
    "pop_denied": "The browser does not allow notifications from this page.",
    "pop_insecure": "Notifications need https or the address of this machine itself.",
    "pop_no_link": "There are no links to tickets: otrs.zoom_url is not configured.",
    "pop_title": "Next ticket",
    "pop_ready": "The ticket of the next call opens here.",
    "pop_keep": "Leave this window open, and put it where you want to see it.",
    # who may see it
    "login": "Log in",
    "logout": "Log out",
    "token": "Access token",
    "token_hint": "It is what web.token is in agi-server's configuration.",
    "wrong_token": "That is not the token.",
    "too_often": "Too many wrong tokens. Wait a minute.",
    "journal_unread": "The calls can't be shown: {words}",
}

RUSSIAN = {
    "language": "ru",
    "months": "янв фев мар апр мая июн июл авг сен окт ноя дек",
    "calls": "Звонки",
    "no_script": "Без JavaScript список не обновляется: перезагрузите страницу, чтобы увидеть новые звонки.",
    "health": "Состояние",
    "otrs": "OTRS",
    "otrs_ok": "отвечает",
    "otrs_trouble": "сбой: звонки ждут",
    "customers": "Клиенты",
    "customers_ok": "в указателе: {number}",
    "customers_trouble": "{number}, данные {minutes} мин. назад",
    "customers_stale": "{number}, данные прошлого запуска",
    "customers_detail": "База клиентов: {words}",
    "journal": "Журнал",
    "journal_ok": "ждут: {waiting}, отложены: {parked}",
    "journal_trouble": "не читается или не пишется",
    "journal_unkept": "не пишется; звонки только в памяти: {unkept}",
    "listener": "Asterisk",
    "listener_ok": "звонки принимаются",
    "listener_trouble": "звонки не принимаются",
    "listener_sessions": "сейчас: {sessions}",
    "search": "Поиск",
    "search_hint": "номер, имя или заявка",
    "dialled": "Набран",
    "queue": "Очередь",
    "place": "Очередь, набран",
    "all": "все",
    "show": "Показать",
    "show_all": "Показать все",
    "time": "Время",
    "caller": "Звонящий",
    "customer": "Клиент",
    "ticket": "Заявка",
    "state": "Состояние",
    "none_yet": "Звонков пока нет. Следующий появится здесь сам.",
    "none_found": "Таких звонков нет.",
    "older": "Более ранние",
    "newest": "Последние звонки",
    "older_list": "Это более ранние звонки; новые здесь не появляются.",
    "withheld": "номер скрыт",
    "no_number": "без номера",
    "unreadable": "запрос не разобран",
    "unknown": "Неизвестный",
    "not_yet": "определяется",
    "create": "Создать клиента",
    "more": "и ещё {number}",
    "match_exact": "точный номер",
    "match_without-extension": "другой добавочный",
    "match_national": "номер без кода страны",
    "match_suffix": "только последние цифры",
    "match_several": "номер у нескольких клиентов",
    "match_none": "",
    "opening": "создаётся",
    "adding": "дополняется",
    "created": "создана",
    "added": "дополнена",
    "waiting": "ожидает",
    "to_add": "ожидает",
    "parked": "отложен",
    "rejected": "отклонён",
    "no_ticket": "без заявки",
    "to_add_detail": "дополнит её в {time}",
    "again": "снова в {time}",
    "perhaps": "возможно, уже в OTRS: сначала поищем",
    "parked_title": "Отложены, ждут вашего решения: {number}",
    "parked_more": "Показаны только последние: {number}.",
    "retry": "Повторить",
    "retry_all": "Повторить все",
    "drop": "Снять …",
    "drop_why": "Почему заявка не нужна?",
    "drop_now": "Снять звонок",
    "retried": "Звонок отправлен снова.",
    "retried_all": "Все отложенные звонки отправлены снова.",
    "dropped": "Звонок снят.",
    "too_late": "Поздно: этот звонок уже не ждёт и не отложен.",
    "gone": "Этого звонка в журнале больше нет.",
    "why_missing": "Чтобы снять звонок, нужна причина: больше о нём ничего известно не будет.",
    "stale_form": "Страница устарела или открыта не здесь. Перезагрузите её и попробуйте снова.",
    "unwritten": "Не удалось записать в журнал: {words}",
    "unwritten_yet": "Журнал не отвечает. Решение ещё может быть записано: следите за звонком.",
    "by": "{words} ({name})",
    "back": "К списку звонков",
    "history": "Что с ним было",
    "call_id": "Номер звонка",
    "attempts": "Попытки",
    "reason": "Причина",
    "event_added": "поступил",
    "event_recognised": "должен ждать OTRS",
    "event_begun": "запрос к OTRS отправлен",
    "event_gathered": "ждёт открытую заявку",
    "event_created": "заявка создана",
    "event_updated": "заявка дополнена",
    "event_found": "найден в OTRS",
    "event_trouble": "сбой",
    "event_refused": "отказ",
    "event_parked": "отложен",
    "event_rejected": "отклонён",
    "event_no_ticket": "заявка не нужна",
    "event_retried": "повтор по решению человека",
    "event_dropped": "снят по решению человека",
    "event_recovered": "поднят после перезапуска",
    "event_salvaged": "спасён из повреждённого журнала",
    "connecting": "подключение …",
    "live": "обновляется",
    "broken": "нет связи с agi-server, пробуем снова …",
    "new_call": "Новый звонок:",
    "pop": "При новом звонке",
    "pop_off": "ничего",
    "pop_window": "открыть заявку",
    "pop_notification": "уведомить",
    "pop_blocked": "Браузер не дал открыть окно заявки. Разрешите этой странице всплывающие окна или нажмите:",
    "pop_denied": "Браузер не разрешает этой странице уведомления.",
    "pop_insecure": "Для уведомлений нужен https или адрес самой этой машины.",
    "pop_no_link": "Ссылок на заявки нет: не задан otrs.zoom_url.",
    "pop_title": "Следующая заявка",
    "pop_ready": "Здесь откроется заявка следующего звонка.",
    "pop_keep": "Не закрывайте это окно и поставьте его туда, где оно на виду.",
    "login": "Войти",
    "logout": "Выйти",
    "token": "Код доступа",
    "token_hint": "Это web.token из конфигурации agi-server.",
    "wrong_token": "Код неверен.",
    "too_often": "Слишком много неверных кодов. Подождите минуту.",
    "journal_unread": "Звонки показать нельзя: {words}",
}


class Words:
    """The texts of one language."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def get(self, name: str, otherwise: str) -> str:
        """The text, or another one if there is none of this name."""
        return self._texts.get(name, otherwise)

    def fill(self, name: str, /, **values: object) -> str:
        """The text with these values in it."""
        return self._texts[name].format_map(values)

    def number(self, number: int) -> str:
        """A number with its thousands apart."""
        return f"{number:,}".replace(",", " ")

    def date(self, at: datetime) -> str:
        """A day of this year."""
        return f"{at.day} {self._texts['months'].split()[at.month - 1]}"


LANGUAGES = {"en": Words(ENGLISH), "ru": Words(RUSSIAN)}
_RANGE = re.compile(r"\s*([A-Za-z*]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")


def words_for(accept_language: str) -> Words:
    """The best of our languages for a browser with this `Accept-Language`; English if it likes none of them."""
    best, most = "en", 0.0
    for one in accept_language[:500].split(","):
        found = _RANGE.fullmatch(one)
        if found is not None:
            language, weight = found[1].lower(), float(found[2] or 1)
            if language in LANGUAGES and weight > most:
                best, most = language, weight
    return LANGUAGES[best]
