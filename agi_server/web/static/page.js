// Keeps the list live, pops tickets up, sends decisions. All words come with the page; every piece of HTML was
// escaped by the server. The document never grows beyond `data-most` calls, however long it stays open.
"use strict";

const WINDOW = "agi-server-ticket";
const RETRY_MS = 3000;
const SILENCE_MS = 40000; // a cut network is only heard by its silence: the server speaks every 15 seconds
const NEW_MS = 30000;
const HEAD_START_MS = 1000;
const MOST_LIVE = 4; // a browser has six connections for us, and what is clicked needs one

const list = document.getElementById("calls");
const parked = document.getElementById("parked");
const link = document.getElementById("link");
const popSwitch = document.getElementById("pop");
let cursor = list.dataset.cursor;
let newest = Math.max(0, ...Array.from(list.rows, (row) => Number(row.dataset.id)));
const popped = new Set(Array.from(list.querySelectorAll("tr:has(a.ticket)"), (row) => Number(row.dataset.id)));
const tabTitle = document.title;
let stream = null;
let silence = 0;
let noticed = 0;
const pages = new BroadcastChannel("agi-server");
const ourselves = (sessionStorage.page ??= String(Math.random()));
const seenSince = new Set(); // other pages that were looked at after this one

function element(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return box.content.firstElementChild;
}

/* The list */

function place(rows, fresh) {
  // Newest first, wherever it belongs; one that was there keeps its place, one that left the list stays outside.
  const id = Number(fresh.dataset.id);
  const old = Array.from(rows.children).find((one) => Number(one.dataset.id) === id);
  if (old) {
    fresh.className = old.className;
    old.replaceWith(fresh);
    return;
  }
  const next = Array.from(rows.children).find((one) => Number(one.dataset.id) < id);
  if (!next && id < Number(rows.dataset.oldest)) {
    return;
  }
  rows.insertBefore(fresh, next ?? null);
  while (rows.children.length > Number(rows.dataset.most)) {
    rows.lastElementChild.remove();
    rows.dataset.oldest = rows.lastElementChild.dataset.id;
  }
}

function removed(rows, id) {
  const old = Array.from(rows.children).find((one) => Number(one.dataset.id) === id);
  old?.remove();
}

function placeOfFocus(id) {
  const row = document.activeElement?.closest("tr");
  return row?.id === id ? Array.from(row.querySelectorAll("a")).indexOf(document.activeElement) : -1;
}

function onCall(told) {
  if (told.line) {
    const row = element(told.line);
    const focused = placeOfFocus(row.id);
    if (told.id > newest) {
      newest = told.id;
      row.classList.add("new");
      setTimeout(() => document.getElementById(row.id)?.classList.remove("new"), NEW_MS);
      say(`${document.getElementById("said").dataset.new} ${row.dataset.caller}`);
    }
    place(list, row);
    row.querySelectorAll("a")[focused]?.focus();
    if (told.fresh) { // of all pages of a browser the one that was looked at last, if its filter lets it see the call
      setTimeout(pop, HEAD_START_MS * seenSince.size, row);
    }
  } else {
    removed(list, told.id);
  }
  const decisions = parked.querySelector("ol");
  if (!told.parked) {
    removed(decisions, told.id);
  } else if (!decisions.querySelector(`#parked-${told.id} details[open]`)) { // somebody is writing his reason
    place(decisions, element(told.parked));
  }
  document.getElementById("none").hidden = list.rows.length > 0;
}

function onHealth(told) {
  document.getElementById("health").innerHTML = told.parts;
  if (told.parked !== null) {
    const title = document.getElementById("parked-title");
    title.textContent = title.dataset.words.replace("{number}", told.parked);
    parked.hidden = told.parked === 0;
    document.title = told.parked ? `(${told.parked}) ${tabTitle}` : tabTitle;
    document.getElementById("parked-more").hidden = told.parked <= Number(parked.querySelector("ol").dataset.most);
  }
}

function say(words) {
  document.getElementById("said").textContent = words;
}

function notice(words, target, good) {
  const box = document.getElementById("notice");
  const anchor = box.querySelector("a");
  box.querySelector("span").textContent = words;
  box.classList.toggle("good", Boolean(good));
  anchor.hidden = !target;
  if (target) {
    anchor.href = target.href;
    anchor.textContent = target.textContent;
  }
  box.hidden = !words;
  clearTimeout(noticed);
  if (good) { // what went well need not be read an hour later
    noticed = setTimeout(notice, NEW_MS, "");
  }
}

/* The stream */

function connect() {
  if (stream || !hasRoom()) {
    return;
  }
  stream = new EventSource(`${list.dataset.events}&cursor=${cursor}`);
  silence = setTimeout(lost, SILENCE_MS);
  const hear = (name, react) =>
    stream.addEventListener(name, (event) => {
      clearTimeout(silence);
      silence = setTimeout(lost, SILENCE_MS);
      cursor = event.lastEventId || cursor;
      react(JSON.parse(event.data));
    });
  hear("hello", (told) => {
    link.className = "link live";
    link.textContent = link.dataset.live;
    for (const field of document.querySelectorAll("input[name=form_token]")) {
      field.value = told.form_token;
    }
  });
  hear("call", onCall);
  hear("health", onHealth);
  hear("reload", () => location.reload());
  hear("alive", () => {});
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) {
      lost();
    } else { // the server ends each stream after a while, and the next one is there in a second
      setTimeout(() => stream?.readyState === EventSource.OPEN || broken(), RETRY_MS);
    }
  };
}

function broken() {
  link.className = "link broken";
  link.textContent = link.dataset.broken;
}

function leave() {
  clearTimeout(silence);
  stream?.close();
  stream = null;
  broken();
}

function lost() {
  leave();
  setTimeout(reconnect, RETRY_MS);
}

async function reconnect() {
  // The browser has given up: we are down, or he who looks is not logged in any more.
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      redirect: "manual",
      signal: AbortSignal.timeout(SILENCE_MS),
    });
    if (answer.type === "opaqueredirect") {
      location.reload();
      return;
    }
  } catch {
    setTimeout(reconnect, RETRY_MS);
    return;
  }
  connect();
}

/* Room for all pages of a browser: those that were looked at longest ago stand still until one looks again */

function hasRoom() {
  return !document.hidden || seenSince.size < MOST_LIVE;
}

function lookedAt() {
  seenSince.clear();
  pages.postMessage({ lookedAt: ourselves });
  connect();
}

function makeRoom() {
  if (!hasRoom()) {
    leave();
  }
}

/* The screen pop */

function pop(row) {
  const ticket = row.querySelector("a.ticket");
  const id = Number(row.dataset.id);
  if (!ticket || !popSwitch.value || popped.has(id)) {
    return;
  }
  hasPopped(id);
  pages.postMessage({ popped: id });
  if (popSwitch.value === "window") {
    openTicket(ticket);
  } else if (window.Notification?.permission === "granted") {
    const note = new Notification(row.dataset.caller, { body: ticket.textContent, tag: row.id }); // once in all pages
    note.onclick = () => {
      note.close();
      openTicket(ticket);
    };
  } else {
    notice(popSwitch.dataset.denied, ticket);
  }
}

function hasPopped(id) {
  popped.add(id);
  if (popped.size > Number(list.dataset.most)) {
    popped.delete(popped.values().next().value);
  }
}

function openTicket(ticket) {
  const opened = window.open(ticket.href, WINDOW);
  if (opened) {
    opened.focus();
    notice("");
  } else {
    notice(popSwitch.dataset.blocked, ticket);
  }
}

async function switchPop() {
  notice("");
  if (popSwitch.value === "window" && !window.open("/next", WINDOW)) {
    notice(popSwitch.dataset.blocked, { href: "/next", textContent: popSwitch.dataset.next });
  }
  if (popSwitch.value === "notification") {
    if (!window.isSecureContext || !window.Notification) {
      notice(popSwitch.dataset.insecure);
    } else if ((await Notification.requestPermission()) !== "granted") {
      notice(popSwitch.dataset.denied);
    }
  }
  localStorage.setItem("pop", popSwitch.value);
}

/* Decisions */

async function decide(event) {
  const form = event.target;
  if (!form.closest("#parked")) {
    return;
  }
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    notice((await answer.json()).said, null, answer.ok);
  } catch {
    notice(link.dataset.broken);
  } finally {
    button.disabled = false;
  }
}

function askWhy(event) {
  if (event.target.open) {
    event.target.querySelector("input[name=why]")?.focus();
  }
}

document.addEventListener("submit", decide);
document.addEventListener("toggle", askWhy, true);
if (list.dataset.events) {
  lookedAt();
  pages.onmessage = ({ data }) => {
    if (data.popped) {
      hasPopped(data.popped);
    } else {
      seenSince.add(data.lookedAt);
      makeRoom();
    }
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? makeRoom() : lookedAt()));
  popSwitch.addEventListener("change", switchPop);
  popSwitch.value = popSwitch.disabled ? "" : (localStorage.getItem("pop") ?? "");
}
