// The message log of the portal page.

import { copy, element, find } from "./page.js";

const entries = []; // { entry, item }

function matches(entry) {
  const wanted = find("log-filter").value.trim().toLowerCase();
  const fields = [entry.name, entry.wire, entry.json, entry.note, entry.dropped && `dropped ${entry.dropped}`];
  return fields.some((text) => text?.toLowerCase().includes(wanted));
}

export function addEntry(entry) {
  const item = element("li", undefined, entry.dropped ? "dropped" : entry.note ? "noted" : "");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const toPortal = entry.to === "portal";
  const arrow = element("b", toPortal ? "→" : "←", "arrow");
  arrow.setAttribute("role", "img");
  arrow.setAttribute("aria-label", toPortal ? "to the portal:" : "to the widget:");
  const time = new Date(entry.time * 1000);
  summary.append(arrow, element("span", entry.name, "what"), element("span", `${entry.size} B`, "size"),
    element("time", time.toTimeString().slice(0, 8) + "." + String(time.getMilliseconds()).padStart(3, "0")));
  if (entry.dropped) summary.append(element("span", `dropped: ${entry.dropped}`, "reason"));
  if (entry.note) summary.append(element("span", entry.note, "reason"));
  details.append(summary, element("pre", entry.wire, "wire"));
  if (entry.json) details.append(element("pre", entry.json));
  item.append(details);
  find("log-entries").append(item);
  entries.push({ entry, item });
  filterLog();
}

let following = true; // until the user scrolls away from the end

find("log-entries").addEventListener("scroll", ({ currentTarget: list }) => {
  following = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
});

export function followLog() {
  if (following) find("log-entries").scrollTop = find("log-entries").scrollHeight;
}

function filterLog() {
  for (const { entry, item } of entries) item.hidden = !matches(entry);
  const shown = entries.filter(({ item }) => !item.hidden).length;
  find("log-count").textContent = shown === entries.length ? `${shown}` : `${shown} of ${entries.length}`;
}

find("log-filter").addEventListener("input", filterLog);
find("log-clear").addEventListener("click", () => {
  entries.length = 0;
  find("log-entries").replaceChildren();
  filterLog();
});
find("log-copy").addEventListener("click", (event) => {
  const shown = entries.filter(({ item }) => !item.hidden).map(({ entry }) => entry);
  copy(event.currentTarget, JSON.stringify(shown, null, 2));
});
