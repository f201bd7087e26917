"""The operator's page in a real browser: what he sees, without doing anything, while calls come in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr

from agi_server.sandbox import Sandbox
from agi_server.sandbox.faults import CLOSED
from agi_server.web import live
from tests.web import chromium
from tests.web.scene import NUMBER, REASON, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = '"><img src=x onerror="document.title=1"><script>document.title=2</script>'
DARK_OR_LIGHT = ("dark", "light")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.started() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Sandbox(tmp_path) as otrs:
        scene = Scene(otrs, tmp_path)
        async with scene.open():
            yield scene


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, scene: Scene) -> AsyncIterator[BrowserContext]:
    """A person's browser; an error in a script, or a breach of the page's policy, fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    said: list[str] = []
    context.on("weberror", lambda error: said.append(str(error.error)))
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield context
    await context.close()
    assert [words for words in said if not words.startswith("Failed to load resource")] == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, scene: Scene) -> Page:
    return await opened(context, scene)


async def opened(context: BrowserContext, scene: Scene, path: str = "") -> Page:
    """The page, once it follows the calls."""
    page = await context.new_page()
    await page.goto(scene.url + path)
    await expect(page.locator("#link")).to_have_class("link live")
    return page


def rows(page: Page) -> Any:
    return page.locator("#calls tr")


async def test_a_call_appears_without_a_reload_and_leads_to_its_ticket(page: Page, scene: Scene) -> None:
    await expect(page.get_by_text("No calls yet")).to_be_visible()
    report = await scene.call(name="Ivan, mobile")
    row = rows(page).first
    await expect(row).to_contain_text("+7 916 122-96-24")
    await expect(row).to_contain_text("Ivan, mobile")
    await expect(row).to_contain_text("Иван Иванов")
    await expect(row).to_contain_text("exact number")
    await expect(row.locator("td").nth(3)).to_have_text(re.compile(r"Raw\s*4509"))
    await expect(row.locator(".state")).to_have_text("created")
    ticket = row.get_by_role("link", name=report.variables["HELPDESK_TICKET"])
    await expect(ticket).to_have_attribute("href", scene.ticket_url(report))
    await expect(page.get_by_text("No calls yet")).to_be_hidden()
    async with page.expect_popup() as popup:
        await ticket.click()
    await expect((await popup.value).locator("h1")).to_contain_text(report.variables["HELPDESK_TICKET"])


async def test_the_newest_call_stands_first(page: Page, scene: Scene) -> None:
    await scene.call("89161229624")
    await scene.call("84956693308")
    await expect(rows(page)).to_have_count(2)
    await expect(rows(page).first).to_contain_text("+7 495 669-33-08")


async def test_a_call_is_seen_while_its_ticket_is_still_being_opened(page: Page, scene: Scene) -> None:
    gate = asyncio.Event()
    scene.otrs.faults.add(scene.slow(gate), "TicketCreate")
    call = asyncio.create_task(scene.call())
    await expect(rows(page).first.locator(".state")).to_have_text("opening")
    gate.set()
    await call
    await expect(rows(page).first.locator(".state")).to_have_text("created")


async def test_what_a_caller_calls_himself_does_nothing(page: Page, scene: Scene) -> None:
    title = await page.title()
    await scene.call("8 812 444-33-22", EVIL)
    await expect(rows(page).first).to_contain_text(EVIL)
    await page.reload()
    await expect(rows(page).first).to_contain_text(EVIL)
    await rows(page).first.locator(".when a").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(EVIL)
    assert await page.locator("img, script:not([src])").count() == 0
    await page.goto(f"{scene.url}?q={EVIL}")
    await expect(rows(page)).to_have_count(1)
    assert await page.title() == title


async def test_a_new_call_opens_its_ticket_in_a_window_of_its_own(page: Page, scene: Scene) -> None:
    async with page.expect_popup() as popup:
        await page.get_by_label("On a new call").select_option(label="open its ticket")
    window = await popup.value
    await expect(window.locator("h1")).to_have_text("The ticket of the next call opens here.")
    for number in (NUMBER, "84956693308"):
        report = await scene.call(number)
        await window.wait_for_url(scene.ticket_url(report))
    await page.reload()
    await expect(page.get_by_label("On a new call")).to_have_value("window")
    await expect(page.locator("#link")).to_have_class("link live")
    report = await scene.call()
    await window.wait_for_url(scene.ticket_url(report))
    assert len(page.context.pages) == 2


async def test_a_call_pops_up_once_though_several_pages_are_open(context: BrowserContext, scene: Scene) -> None:
    elsewhere = await opened(context, scene, "?dialled=4510")
    await elsewhere.evaluate("localStorage.setItem('pop', 'window')")
    await elsewhere.reload()
    first = await opened(context, scene)
    second = await opened(context, scene)
    async with second.expect_popup() as popup:
        report = await scene.call()
    await (await popup.value).wait_for_url(scene.ticket_url(report))
    async with elsewhere.expect_popup() as popup:
        await second.goto("about:blank")
        await first.goto("about:blank")
        report = await scene.call(dialled="4510")
    await (await popup.value).wait_for_url(scene.ticket_url(report))
    assert len(context.pages) == 5


async def test_only_calls_of_the_filter_pop_up(context: BrowserContext, scene: Scene) -> None:
    page = await opened(context, scene, "?dialled=4510")
    async with page.expect_popup() as popup:
        await page.get_by_label("On a new call").select_option("window")
    await scene.call(dialled="4509")
    report = await scene.call(dialled="4510")
    await (await popup.value).wait_for_url(scene.ticket_url(report))
    await expect(rows(page)).to_have_count(1)


async def test_a_blocked_window_is_told_and_can_be_opened_by_hand(context: BrowserContext, scene: Scene) -> None:
    await context.add_init_script("window.open = () => null")  # headless, Chromium itself blocks none
    page = await opened(context, scene)
    await page.get_by_label("On a new call").select_option("window")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The browser blocked the ticket's window")
    report = await scene.call()
    async with page.expect_popup() as popup:
        await alert.get_by_role("link", name=report.variables["HELPDESK_TICKET"]).click()
    await (await popup.value).wait_for_url(scene.ticket_url(report))


NOTIFICATIONS = """
window.shown = [];
window.Notification = class {
  static permission = "PERMISSION";
  static async requestPermission() { return this.permission; }
  constructor(title, options) {
    Object.assign(this, { title, ...options });
    window.shown.push(this);
    document.body.dataset.shown = window.shown.length; }
  close() {}
};
"""


async def test_a_new_call_is_notified_and_the_notification_leads_to_its_ticket(
    context: BrowserContext, scene: Scene
) -> None:
    await context.add_init_script(NOTIFICATIONS.replace("PERMISSION", "granted"))
    page = await opened(context, scene)
    await page.get_by_label("On a new call").select_option(label="notify")
    report = await scene.call()
    await expect(page.locator("body")).to_have_attribute("data-shown", "1")
    assert await page.evaluate("shown[0].title") == "Иван Иванов · +7 916 122-96-24"
    assert await page.evaluate("shown[0].body") == report.variables["HELPDESK_TICKET"]
    async with page.expect_popup() as popup:
        await page.evaluate("shown[0].onclick()")
    await (await popup.value).wait_for_url(scene.ticket_url(report))
    await scene.call()
    await expect(page.locator("body")).to_have_attribute("data-shown", "2")
    assert await page.evaluate("shown[0].tag !== shown[1].tag"), "a browser shows one of the same tag without a sound"


async def test_a_browser_that_allows_no_notifications_is_told_of(context: BrowserContext, scene: Scene) -> None:
    await context.add_init_script(NOTIFICATIONS.replace("PERMISSION", "denied"))
    page = await opened(context, scene)
    await page.get_by_label("On a new call").select_option("notification")
    await expect(page.get_by_role("alert")).to_contain_text("does not allow notifications")


async def test_parked_calls_are_shown_with_their_reason_and_retried(page: Page, scene: Scene) -> None:
    await expect(page.locator("#parked")).to_be_hidden()
    await scene.parked()
    parked = page.locator("#parked li")
    await expect(page.get_by_role("heading", name="Parked, waiting for your decision: 1")).to_be_visible()
    await expect(page).to_have_title("(1) Calls · agi-server")
    await expect(parked).to_contain_text(REASON)
    await expect(parked).to_contain_text("Иван Иванов")
    await parked.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("alert")).to_have_text(re.compile("The call is tried again"))
    await expect(page.locator("#parked")).to_be_hidden()
    await expect(page).to_have_title("Calls · agi-server")
    await expect(rows(page).first.locator(".state")).to_have_text("created")
    assert len(scene.otrs.tickets) == 1


async def test_what_went_well_is_told_for_a_while(context: BrowserContext, scene: Scene) -> None:
    await scene.parked()
    page = await context.new_page()
    await page.clock.install()
    await page.goto(scene.url)
    await page.get_by_role("button", name="Try again", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("The call is tried again")
    await page.clock.fast_forward(31_000)
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_all_parked_calls_are_retried_at_once(page: Page, scene: Scene) -> None:
    for _ in range(3):
        await scene.parked()
    await page.get_by_role("button", name="Try all again").click()
    await expect(rows(page).locator(".state.created")).to_have_count(3)


async def test_a_parked_call_is_dropped_with_a_reason_and_not_without(page: Page, scene: Scene) -> None:
    await scene.parked()
    parked = page.locator("#parked li")
    await parked.get_by_text("Drop …").click()
    await parked.get_by_role("button", name="Drop the call").click()
    assert await parked.count() == 1
    await parked.get_by_label("Why shall it be no ticket?").fill("A wrong number")
    await parked.get_by_role("button", name="Drop the call").click()
    await expect(page.locator("#parked")).to_be_hidden()
    await expect(rows(page).first.locator(".state")).to_have_text("rejected")
    await expect(rows(page).first).to_contain_text("A wrong number")
    await rows(page).first.locator(".when a").click()
    await expect(page.locator(".history li").last).to_contain_text("A wrong number")


async def test_a_reason_that_is_being_written_is_not_taken_away(page: Page, scene: Scene) -> None:
    await scene.parked()
    why = page.get_by_label("Why shall it be no ticket?")
    await page.get_by_text("Drop …").click()
    await expect(why).to_be_focused()
    await page.keyboard.type("half a sent")
    await scene.parked("84956693308")
    await expect(page.locator("#parked li")).to_have_count(2)
    await expect(why.last).to_have_value("half a sent")


async def test_calls_are_found_by_number_name_and_ticket(page: Page, scene: Scene) -> None:
    first = await scene.call(NUMBER)
    await scene.call("84956693308", "Reception")
    for text in ("8 (916) 122-96-24", "+79161229624", "ИВАН", "ромашка иванов", first.variables["HELPDESK_TICKET"]):
        await page.get_by_label("Search").fill(text)
        await page.keyboard.press("Enter")
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page)).to_contain_text("Иван Иванов")
    await page.get_by_role("link", name="Show all").click()
    await expect(rows(page)).to_have_count(2)


async def test_the_filter_is_kept_in_the_address_and_holds_for_new_calls(page: Page, scene: Scene) -> None:
    await scene.call(dialled="4510")
    await scene.call(dialled="4511")
    await page.reload()
    await page.get_by_label("Dialled").select_option("4510")
    await page.get_by_role("button", name="Show").click()
    await expect(page).to_have_url(re.compile(r"dialled=4510"))
    await expect(rows(page)).to_have_count(1)
    await expect(page.locator("#link")).to_have_class("link live")
    await scene.call(dialled="4511")
    await scene.call(dialled="4510", number="84956693308")
    await expect(rows(page)).to_have_count(2)
    await expect(rows(page).first).to_contain_text("+7 495 669-33-08")


async def test_calls_of_one_queue_can_be_watched(tmp_path: Path, context: BrowserContext) -> None:
    async with Sandbox(tmp_path / "other") as otrs:
        scene = Scene(otrs, tmp_path / "other")
        queue = "{{ 'Misc' if call.dialled == '4510' else 'Raw' }}"
        async with scene.open(ticket={"queue": queue}):
            for dialled in ("4509", "4510"):
                await scene.call(dialled=dialled)
            page = await opened(context, scene)
            await page.get_by_role("combobox", name="Queue").select_option("Misc")
            await page.get_by_role("button", name="Show").click()
            await expect(page).to_have_url(re.compile(r"queue=Misc"))
            await expect(rows(page)).to_have_count(1)
            await expect(page.locator("#link")).to_have_class("link live")
            await scene.call(dialled="4509")
            await scene.call(dialled="4510")
            await expect(rows(page)).to_have_count(2)
            await expect(rows(page).first).to_contain_text("Misc")


async def test_who_rings_is_seen_though_otrs_is_down(page: Page, scene: Scene) -> None:
    scene.otrs.faults.always = CLOSED
    await scene.call("84956693308")
    await scene.call(NUMBER)
    row = rows(page).first
    await expect(row.locator(".state")).to_have_text("waiting")
    await expect(row).to_contain_text("Иван Иванов")
    await expect(row).to_contain_text("Raw")


async def test_what_came_while_we_were_away_is_there_when_we_are_back(tmp_path: Path, context: BrowserContext) -> None:
    async with Sandbox(tmp_path / "other") as otrs:
        scene = Scene(otrs, tmp_path / "other")
        async with scene.open():
            page = await opened(context, scene)
            await page.evaluate("window.same = true")
            await scene.call()
            await expect(rows(page)).to_have_count(1)
        await expect(page.locator("#link")).to_have_text(re.compile("no connection"))
        async with scene.open(web={"port": 0}):
            await scene.call("84956693308")
        async with scene.open():
            await expect(page.locator("#link")).to_have_class("link live", timeout=12_000)
            await expect(rows(page)).to_have_count(2)
            await expect(rows(page).first).to_contain_text("+7 495 669-33-08")
            await scene.parked("89219876543")
            await page.get_by_role("button", name="Try again", exact=True).click()
            await expect(page.get_by_role("alert")).to_contain_text("The call is tried again")
            assert await page.evaluate("window.same")


class Cable:
    """Leads to the house; while it is cut nothing comes through, and nobody is told of it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Cable]:
        async with await asyncio.start_server(self._lead, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._scene.web_port)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(65536):
                await self._whole.wait()
                sink.write(piece)
                await sink.drain()
        except ConnectionError:
            pass  # whoever left has left
        finally:
            sink.close()


async def test_a_network_that_is_cut_without_a_word_is_noticed(context: BrowserContext, scene: Scene) -> None:
    async with Cable(scene).laid() as cable:
        page = await context.new_page()
        await page.clock.install()
        await page.goto(f"http://127.0.0.1:{cable.port}/")
        await expect(page.locator("#link")).to_have_class("link live")
        cable.cut()
        await scene.call()
        await page.clock.fast_forward(60_000)
        await expect(page.locator("#link")).to_have_text(re.compile("no connection"))
        cable.mend()
        await page.clock.fast_forward(60_000)
        await expect(page.locator("#link")).to_have_class("link live")
        await expect(rows(page)).to_have_count(1)
        await page.close()


async def test_a_stream_that_ends_in_good_order_alarms_nobody(
    page: Page, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => said.push(document.getElementById("link").className))
                .observe(document.getElementById("link"), { childList: true });
        }"""
    )
    monkeypatch.setattr(live, "LONGEST", 0.1)
    async with page.expect_request("**/events*"):
        await page.evaluate("stream.close(), stream = null, connect()")
    for _ in range(2):
        async with page.expect_request("**/events*"):
            pass
    assert "link broken" not in await page.evaluate("said")


AWAY = """Object.defineProperty(document, "hidden", { get: () => window.away === true });
window.look = (away) => { window.away = away; document.dispatchEvent(new Event("visibilitychange")); }"""


async def test_a_browser_may_have_more_pages_than_connections(context: BrowserContext, scene: Scene) -> None:
    await context.add_init_script(AWAY)  # headless, Chromium takes all pages for visible
    pages: list[Page] = []
    for _ in range(8):
        if pages:
            await pages[-1].evaluate("look(true)")
        pages.append(await opened(context, scene))
    for page in pages[4:]:
        await expect(page.locator("#link")).to_have_class("link live")
    for page in pages[:4]:
        await expect(page.locator("#link")).to_have_class("link broken")
    await scene.call()
    await expect(rows(pages[-1])).to_have_count(1)
    await expect(rows(pages[-2])).to_have_count(1)
    await pages[-1].evaluate("look(true)")
    await pages[0].evaluate("look(false)")
    await expect(rows(pages[0])).to_have_count(1)
    await expect(pages[0].locator("#link")).to_have_class("link live")
    await expect(pages[4].locator("#link")).to_have_class("link broken")


async def test_the_document_does_not_grow_for_ever(page: Page, scene: Scene) -> None:
    await page.evaluate("document.getElementById('calls').dataset.most = 3")
    for number in range(5):
        await scene.call(f"8495669330{number}")
    await expect(rows(page).first).to_contain_text("+7 495 669-33-04")
    await expect(rows(page)).to_have_count(3)


async def test_a_call_that_has_left_the_list_stays_outside(page: Page, scene: Scene) -> None:
    await page.evaluate("document.getElementById('calls').dataset.most = 2")
    await scene.parked("84956693300")
    for number in (1, 2):
        await scene.call(f"8495669330{number}")
    await expect(rows(page).last).to_contain_text("+7 495 669-33-01")
    await page.evaluate("document.getElementById('calls').dataset.most = 9")
    await page.get_by_role("button", name="Try again", exact=True).click()
    await expect(page.locator("#parked")).to_be_hidden()
    await scene.call("84956693303")
    await expect(rows(page)).to_have_count(3)
    await expect(rows(page).last).to_contain_text("+7 495 669-33-01")


async def test_the_health_of_the_house_is_told_in_words(page: Page, scene: Scene) -> None:
    health = page.get_by_role("list", name="Health")
    for words in ("Asterisk calls are taken", "Customers 13 known", "OTRS answers", "Journal 0 waiting, 0 parked"):
        await expect(health).to_contain_text(words)
    scene.otrs.faults.always = CLOSED
    await scene.call()
    await expect(health).to_contain_text("OTRS in trouble: calls wait")
    await expect(health).to_contain_text("Journal 1 waiting, 0 parked")


async def test_it_speaks_russian(browser: Browser, scene: Scene) -> None:
    context = await browser.new_context(locale="ru-RU")
    page = await opened(context, scene)
    await expect(page.locator("html")).to_have_attribute("lang", "ru")
    await scene.call()
    await expect(rows(page).first.locator(".state")).to_have_text("создана")
    await expect(page.get_by_role("list", name="Состояние")).to_contain_text("OTRS отвечает")
    await page.get_by_label("Поиск").fill("иванов")
    await page.get_by_role("button", name="Показать").click()
    await expect(rows(page)).to_have_count(1)
    await context.close()


async def test_every_control_is_reached_by_keyboard_in_order_and_shows_it(page: Page, scene: Scene) -> None:
    await scene.parked()
    await expect(page.locator("#parked li")).to_have_count(1)
    reached = []
    for _ in range(30):
        await page.keyboard.press("Tab")
        name, outline = await page.evaluate(
            """() => {
                const on = document.activeElement;
                const name = on.labels?.[0]?.querySelector("span")?.textContent ?? on.textContent ?? "";
                return [name.trim().split("\\n")[0], getComputedStyle(on).outlineStyle];
            }"""
        )
        if name in reached or await page.evaluate("document.activeElement === document.body"):
            break
        assert outline != "none", f"one does not see that {name} has the focus"
        reached.append(name)
    wanted = [
        "agi-server",
        "Search",
        "Queue",
        "Dialled",
        "Show",
        "On a new call",
        "Try all again",
        "Try again",
        "Drop …",
    ]
    assert [name for name in reached if name in wanted] == wanted


async def test_who_is_not_let_in_any_more_is_asked_again_without_doing_anything(
    tmp_path: Path, context: BrowserContext
) -> None:
    async with Sandbox(tmp_path / "other") as otrs:
        scene = Scene(otrs, tmp_path / "other")
        async with scene.open(web={"port": 0, "token": SecretStr("the first")}):
            page = await context.new_page()
            await page.goto(scene.url)
            await page.get_by_label("Access token").fill("the first")
            await page.keyboard.press("Enter")
            await expect(page.locator("#link")).to_have_class("link live")
        async with scene.open(web={"port": scene.web_port, "token": SecretStr("the second")}):
            await expect(page.get_by_label("Access token")).to_be_visible(timeout=12_000)


async def test_it_is_logged_into_with_the_token_and_left(tmp_path: Path, browser: Browser) -> None:
    async with Sandbox(tmp_path / "other") as otrs:
        scene = Scene(otrs, tmp_path / "other")
        async with scene.open(web={"port": 0, "token": SecretStr("the right one")}):
            context = await browser.new_context(locale="en-GB")
            page = await context.new_page()
            await page.goto(f"{scene.url}?dialled=4510")
            await page.get_by_label("Access token").fill("another")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
            await page.get_by_label("Access token").fill("the right one")
            await page.keyboard.press("Enter")
            await expect(page).to_have_url(f"{scene.url}?dialled=4510")
            await expect(page.locator("#link")).to_have_class("link live")
            await scene.call(dialled="4510")
            await expect(rows(page)).to_have_count(1)
            [cookie] = await context.cookies()
            assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
            assert "the right one" not in cookie.get("value", "")
            await page.get_by_role("button", name="Log out").click()
            await expect(page.get_by_label("Access token")).to_be_visible()
            await page.goto(scene.url)
            await expect(page.get_by_label("Access token")).to_be_visible()
            await context.close()


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  function over(colours) {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return Array.from(canvas.getImageData(0, 0, 1, 1).data).slice(0, 3);
  }
  function light(rgb) {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility()) continue;
    const grounds = [];
    for (let one = element; one; one = one.parentElement) grounds.unshift(getComputedStyle(one).backgroundColor);
    const ground = over(grounds);
    const a = light(over([`rgb(${ground})`, getComputedStyle(element).color])), b = light(ground);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", DARK_OR_LIGHT)
async def test_every_text_has_the_contrast_that_wcag_aa_asks_for(scheme: Any, browser: Browser, scene: Scene) -> None:
    context = await browser.new_context(color_scheme=scheme, locale="en-GB", reduced_motion="reduce")
    await scene.call()
    await scene.parked()
    await scene.call("")
    await scene.call(NUMBER[:-3] + "000")
    scene.otrs.faults.always = CLOSED
    await scene.call()
    page = await opened(context, scene)
    await page.get_by_text("Drop …").click()
    for address in ("", "?q=nobody", "calls/2", "next"):
        if address:
            await page.goto(scene.url + address)
        contrasts = await page.evaluate(CONTRASTS)
        assert len(contrasts) > 1
        assert [(text, round(ratio, 2)) for ratio, text in contrasts if ratio < 4.5] == []
    await context.close()


async def test_it_fits_a_screen_of_13_inches(page: Page, scene: Scene) -> None:
    for number in range(12):
        await scene.call(f"849566933{number:02}", "A caller with quite a long name of several words")
    await scene.parked()
    await expect(rows(page)).to_have_count(13)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("document.querySelector('.scroll').scrollWidth <= innerWidth")
    await expect(rows(page).nth(6)).to_be_in_viewport()


async def test_no_caller_spreads_himself_over_the_list(page: Page, scene: Scene) -> None:
    await scene.call("7" * 80, "N" * 200, "8" * 80)
    await scene.parked("7" * 80, "M" * 200)
    await scene.call()
    await expect(rows(page)).to_have_count(3)
    assert await page.evaluate("document.querySelector('.scroll').scrollWidth <= innerWidth")
    for row in (rows(page).nth(1), rows(page).nth(2), page.locator("#parked li")):
        box = await row.bounding_box()
        assert box is not None
        assert box["height"] < 120
    await page.goto(scene.url + "calls/1")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("N" * 200)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
