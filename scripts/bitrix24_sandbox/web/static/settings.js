// The settings of the portal page, which show and change the sandbox's situation.

import { ask, element, find } from "./page.js";

const panel = find("settings");
const shown = new Map(); // the value of each control before an edit

function options(names) {
  return names.map((name) => new Option(name));
}

export function offer({ fault, ...lists }) {
  for (const [name, names] of Object.entries(lists)) {
    find(`set-${name}`).elements[name].replaceChildren(...options(names));
  }
  const groups = Object.entries(fault).map(([label, names]) => {
    const group = Object.assign(document.createElement("optgroup"), { label });
    group.append(...options(names));
    return group;
  });
  find("add-fault").elements.fault.replaceChildren(...groups);
  shown.clear();
  showMembers();
}

// --- the situation --------------------------------------------------------------------------------

function show(control, value) {
  const edited = shown.has(control) && control.value !== shown.get(control);
  if (!edited) control.value = value;
  shown.set(control, edited ? shown.get(control) : control.value);
}

function showSituation({ call, profile, form, limits, faults }) {
  show(find("set-profile").elements.profile, profile);
  show(find("set-form").elements.form, form);
  show(find("set-limits").elements.burst, limits?.burst ?? "");
  show(find("set-limits").elements.rate, limits?.rate ?? "");
  show(find("set-call").elements.call, JSON.stringify(call, null, 2));
  find("faults").replaceChildren(...faults.map(({ fault, ...members }) =>
    element("li", [fault, ...Object.entries(members).map((pair) => pair.join(" "))].join(", "))));
  if (!faults.length) find("faults").append(element("li", "None", "quiet"));
}

let reading = false;
let changed = false; // since the last request for the situation

export async function followSituation() {
  changed = true;
  if (reading || !panel.open) return;
  reading = true;
  while (changed) {
    changed = false;
    const response = await ask("/sandbox/state", undefined, "GET");
    if (response?.ok) showSituation(await response.json());
  }
  reading = false;
}

panel.addEventListener("toggle", followSituation);

// --- the forms ------------------------------------------------------------------------------------

async function change(form, method, path, body, done) {
  const response = await ask(path, body, method);
  if (!response) return;
  const situation = await response.json();
  find("settings-said").textContent = response.ok ? done : situation.error_description;
  find("settings-said").classList.toggle("refused", !response.ok);
  if (!response.ok) return;
  for (const control of form.elements) shown.delete(control);
  showSituation(situation);
}

function onSubmit(id, send) {
  const form = find(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, form.elements);
  });
}

const number = (control) => (control.value === "" ? undefined : Number(control.value));

for (const name of ["scenario", "profile", "form"]) {
  onSubmit(`set-${name}`, (form, controls) => {
    const { value } = controls[name];
    change(form, "PUT", `/sandbox/${name}`, { [name]: value }, `The ${name} is ${value}.`);
  });
}

onSubmit("set-limits", (form, { burst, rate }) => {
  const limits = burst.value || rate.value ? { burst: number(burst), rate: number(rate) } : null;
  change(form, "PUT", "/sandbox/limits", { limits }, limits ? "The limits are set." : "There are no limits.");
});

onSubmit("add-fault", (form, { fault, times, status, seconds, location }) => {
  const members = {
    status: status.disabled ? undefined : number(status),
    seconds: seconds.disabled ? undefined : number(seconds),
    location: location.disabled ? undefined : location.value || undefined,
  };
  const body = { fault: fault.value, times: number(times), ...members };
  change(form, "POST", "/sandbox/faults", body, `${fault.value} is pending.`);
});

function showMembers() {
  const { fault, status, seconds, location } = find("add-fault").elements;
  const broken = fault.selectedOptions[0]?.parentElement.label === "Broken responses";
  const takes = [
    [status, !broken || fault.value === "redirect"],
    [seconds, fault.value === "slow"],
    [location, fault.value === "redirect"],
  ];
  for (const [control, taken] of takes) {
    control.disabled = !taken;
    control.parentElement.hidden = !taken;
  }
}

find("add-fault").elements.fault.addEventListener("change", showMembers);

find("forget-faults").addEventListener("click", () =>
  change(find("add-fault"), "DELETE", "/sandbox/faults", undefined, "No faults are pending."));

onSubmit("set-call", (form, { call }) => {
  let value;
  try {
    value = JSON.parse(call.value);
  } catch (error) {
    find("settings-said").textContent = `The call is not valid JSON: ${error.message}`;
    find("settings-said").classList.add("refused");
    call.focus();
    return;
  }
  change(form, "PUT", "/sandbox/call", value, "The call is set.");
});

find("end-call").addEventListener("click", () =>
  change(find("set-call"), "DELETE", "/sandbox/call", undefined, "There is no call."));

find("show-call").addEventListener("click", () => {
  shown.delete(find("set-call").elements.call);
  followSituation();
});
