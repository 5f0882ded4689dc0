// The portal page. It decides nothing: each message of the widget goes to the sandbox unchanged,
// and the sandbox sends turns, which are carried out here in their order.

import { addEntry, followLog } from "./log.js";
import { ask, copy, element, find, say } from "./page.js";
import { followSituation, offer } from "./settings.js";

const DIRECTIONS = {
  incoming: "Incoming call",
  outgoing: "Outgoing call",
  incomingTransfer: "Transferred call",
  callback: "Callback",
};
const STATES = { connecting: "Ringing", connected: "Connected", idle: "Ended" };
const NO_FRAME = {
  "no-call": "The widget is a page of another origin. It opens with the card.",
  "no-layout": "This portal has no CRM, so the card has no widget.",
  "not-registered": "No installed application has registered a widget for the card.",
  folded: "The card is folded. It has no frame until you unfold it.",
  "other-tab": "Another tab is selected. The widget has no frame until you select its tab.",
};
const ITEMS = { CONTACT: "Contact", COMPANY: "Company", LEAD: "Lead", DEAL: "Deal" };

const SILENCE = 5000; // milliseconds

let page; // the id of this page
let widget; // { frame, origin, silence } while the card is open
let card; // the newest state of the card
let received; // when that arrived, by this page's clock

// --- the widget ----------------------------------------------------------------------------------

function openWidget({ method, action, name, allow, origin, fields }) {
  const frame = document.createElement("iframe");
  Object.assign(frame, { name, allow, title: "Widget" });
  find("frame").replaceChildren(frame);
  const silence = setTimeout(() => {
    find("silent").textContent =
      `The widget has sent no message for ${SILENCE / 1000} s. Does ${origin} respond, and may it be framed ` +
      "(X-Frame-Options, frame-ancestors)? Does its script run, and load BX24?";
  }, SILENCE);
  widget = { frame, origin, silence };
  find("widget-origin").textContent = origin;
  if (method === "GET") {
    frame.src = action; // a static application
    return;
  }

  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action, target: name, hidden: true });
  for (const [field, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: field, value });
    form.append(input);
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

function endSilence() {
  clearTimeout(widget.silence);
  find("silent").textContent = "";
}

function closeWidget() {
  if (!widget) return;
  endSilence();
  widget.frame.remove();
  widget = undefined;
  find("widget-origin").textContent = "";
}

// The reply is the size that the frame has then, which only the page knows.
function resizeWidget({ width, height, callback }) {
  if (!widget) return;
  Object.assign(widget.frame.style, { width, minHeight: 0 });
  if (height !== null) widget.frame.style.height = height;
  if (!callback) return;
  const measured = widget.frame.getBoundingClientRect();
  const json = JSON.stringify({ width: measured.width, height: measured.height });
  const wire = `${callback}:${json}`;
  widget.frame.contentWindow.postMessage(wire, widget.origin);
  addEntry({ time: Date.now() / 1000, to: "widget", name: "resizeWindow", size: wire.length, wire, json });
}

// One request at a time, so that the messages arrive in order.
let passedOn = Promise.resolve();

addEventListener("message", ({ data, origin, source }) => {
  if (source === window || page === undefined) return;
  if (source === widget?.frame.contentWindow) endSilence();
  let body;
  try {
    body = { page, origin, data: JSON.parse(JSON.stringify(data) ?? "null") };
  } catch {
    body = { page, origin, data: null }; // JSON cannot represent it, so it is not a widget's message
  }
  passedOn = passedOn.then(() => ask("/sandbox/card/message", body));
});

// --- the turns -----------------------------------------------------------------------------------

// After a reload, the same card is folded.
const seen = sessionStorage.getItem("card");
const stream = new EventSource("/sandbox/card/turns" + (seen ? `?seen=${encodeURIComponent(seen)}` : ""));

stream.addEventListener("open", () => document.body.classList.remove("lost"));
stream.addEventListener("error", () => {
  document.body.classList.add("lost");
  say("The connection to the sandbox is lost; this page will reconnect by itself.");
});

stream.addEventListener("message", (event) => {
  const turn = JSON.parse(event.data);
  if (turn.page) {
    page = turn.page;
    closeWidget(); // it belongs to an earlier connection
    showAddresses(turn.addresses);
    offerSamples(turn.samples);
    offer(turn.choices);
    say("");
  }
  for (const text of turn.post ?? []) widget?.frame.contentWindow.postMessage(text, widget.origin);
  if (turn.pages) showPages(turn.pages);
  if (turn.close) closeWidget(); // in the same turn as the posts above, as on a portal
  if (turn.open) openWidget(turn.open);
  turn.log?.forEach(addEntry);
  if (turn.resize) resizeWidget(turn.resize);
  if (turn.scroll !== undefined) scrollTo(scrollX, turn.scroll);
  if (turn.reload) location.reload();
  find("profile").textContent = turn.profile;
  card = turn.card;
  sessionStorage.setItem("card", card.id);
  received = performance.now();
  showCard();
  followLog();
  followSituation();
});

function showPages(number) {
  find("pages").textContent = number === 1 ? ""
    : `This card is open in ${number} tabs or windows. They control the same call, and each has its own widget.`;
}

// --- the card ------------------------------------------------------------------------------------

const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

function itemName({ type, id, title }) {
  return title ?? `${ITEMS[type] ?? type} ${id}`;
}

function showCard() {
  const { call, actions } = card;
  document.body.classList.toggle("no-call", !call);
  find("no-frame").hidden = card.widget === "open";
  find("no-frame").textContent = NO_FRAME[card.widget] ?? "";
  for (const button of document.querySelectorAll("[data-action]")) {
    button.disabled = !actions.includes(button.dataset.action);
  }
  document.querySelector("[data-action=next-client]").textContent = call ? "Next client" : "Start a call list";
  find("reload-widget").disabled = card.widget !== "open";
  if (call) showCall(call);
  else showNoCall();
  tick();
}

function showNoCall() {
  find("card").dataset.state = "none";
  find("name").textContent = "No call";
  find("number").textContent = "Let it ring, or start a call list.";
  find("state").textContent = "The card is closed";
  find("initials").textContent = "";
  for (const name of ["no-activity", "hidden-number", "comment"]) press(name, false);
}

function showCall(call) {
  const main = card.items.find((item) => item.main);
  const number = call.PHONE_NUMBER === "hidden" ? "Hidden number" : call.PHONE_NUMBER;
  const name = main ? itemName(main) : (number ?? "Unknown caller");
  const list = call.CALL_LIST_MODE;
  const idle = list ? "Not dialled" : STATES.idle;

  find("card").dataset.state = call.CALL_STATE ?? "";
  find("direction").lastElementChild.textContent =
    (DIRECTIONS[call.CALL_DIRECTION] ?? call.CALL_DIRECTION) +
    (list && card.call_list.position ? `, client ${card.call_list.position} of ${card.call_list.of}` : "");
  find("direction").querySelector("use").setAttribute(
    "href", ["outgoing", "callback"].includes(call.CALL_DIRECTION) ? "#out" : "#in");
  find("line").textContent = call.LINE_NAME || call.LINE_NUMBER || "";
  find("line").title = call.LINE_NUMBER ?? "";
  find("initials").textContent = main?.title
    ? main.title.split(/\s+/).filter((word) => /^\p{L}/u.test(word)).slice(0, 2).map((word) => word[0]).join("").toUpperCase()
    : "";
  find("name").textContent = name;
  find("number").textContent = main ? (number ?? "Unknown number") : "Not in the CRM";
  const state = call.CALL_STATE === "idle" ? idle : (STATES[call.CALL_STATE] ?? call.CALL_STATE ?? "");
  if (find("state").textContent !== state) find("state").textContent = state; // announced once

  find("items").replaceChildren(...card.items.map((item) => {
    const row = element("li", undefined, item.main ? "main" : "");
    row.append(element("span", ITEMS[item.type] ?? item.type, "kind"), element("span", itemName(item)),
      element("span", String(item.id), "id"));
    return row;
  }));
  if (!card.items.length) find("items").append(element("li", "Not bound to any", "quiet"));
  const activity = call.CRM_ACTIVITY_ID;
  const none = activity === undefined || activity === "";
  find("activity").textContent = none ? "No activity" : `Activity ${activity}`;
  press("no-activity", none);
  press("hidden-number", call.PHONE_NUMBER === "hidden");
  press("comment", card.commenting);

  find("auto-close").textContent = card.auto_close ? "on" : "off";
  find("auto-close").classList.toggle("off", !card.auto_close);
  find("status").textContent = JSON.stringify(call, null, 2);
}

function press(action, pressed) {
  document.querySelector(`[data-action="${action}"]`).setAttribute("aria-pressed", String(pressed));
}

function tick() {
  if (!card?.call) {
    find("timer").textContent = "";
    return;
  }
  const since = (performance.now() - received) / 1000;
  find("timer").textContent = clock(card.state_seconds + since);
  const left = card.closes_in === null ? null : Math.max(0, card.closes_in - since);
  find("countdown").hidden = left === null;
  find("countdown").value = left === null ? 0 : left / card.close_after;
  find("auto-close-text").textContent =
    left !== null ? `The card closes in ${clock(Math.ceil(left))}.`
    : card.auto_close && !card.commenting ? "The card closes when the far end hangs up."
    : `The card stays open for ${card.close_after} seconds after the far end hangs up.`;
}

setInterval(tick, 250);

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", async () => {
    const before = JSON.stringify(card.call);
    const response = await ask(`/sandbox/card/${button.dataset.action}`);
    if (!response) return;
    const now = await response.json();
    if (!response.ok) say(now.error_description);
    else if (now.events.length) say("");
    else if (JSON.stringify(now.call) === before) say("This fires no event.");
    else say("This fires no event: the widget sees the change when it calls getStatus.");
  });
}
// As on a portal, where selecting another tab removes the frame; the log stays.
find("reload-widget").addEventListener("click", async () => {
  await ask("/sandbox/card/other-tab");
  await ask("/sandbox/card/widget-tab");
});
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", async () => {
    const response = await ask(button.dataset.ask);
    if (response?.ok) say(button.dataset.done);
  });
}

// --- the addresses -------------------------------------------------------------------------------

function showAddresses(addresses) {
  find("addresses").replaceChildren(...Object.entries(addresses).map(([name, text]) => {
    const row = document.createElement("div");
    const value = document.createElement("dd");
    const button = element("button", "Copy", "small");
    button.type = "button";
    button.setAttribute("aria-label", `Copy: ${name}`);
    button.addEventListener("click", () => copy(button, text));
    value.append(button, element("code", text));
    row.append(element("dt", name), value);
    return row;
  }));
}

// --- the programs --------------------------------------------------------------------------------

function offerSamples(samples) {
  const chosen = { who: "Webhook", language: "cURL" };
  const choices = { who: Object.keys(samples), language: Object.keys(samples.Webhook) };
  for (const [part, names] of Object.entries(choices)) {
    find(`sample-${part}`).replaceChildren(...names.map((name) => {
      const button = element("button", name, "small");
      button.type = "button";
      button.addEventListener("click", () => {
        chosen[part] = name;
        showSample();
      });
      return button;
    }));
  }
  function showSample() {
    for (const part of Object.keys(choices)) {
      for (const button of find(`sample-${part}`).children) {
        button.setAttribute("aria-pressed", String(button.textContent === chosen[part]));
      }
    }
    find("sample").textContent = samples[chosen.who][chosen.language];
  }
  showSample();
}

find("sample-copy").addEventListener("click", ({ currentTarget }) => copy(currentTarget, find("sample").textContent));
