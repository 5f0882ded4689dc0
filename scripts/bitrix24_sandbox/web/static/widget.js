// The demonstration widget. It uses the BX24 library like any application.

const EVENTS = ["CallCard::EntityChanged", "CallCard::BeforeClose", "CallCard::CallStateChanged"];
const find = (id) => document.getElementById(id);

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text; // never HTML: a caller's name may be <script>
  return made;
}

function received(what, value) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(element("strong", what), element("code", JSON.stringify(value) ?? ""));
  details.append(summary, element("pre", JSON.stringify(value, null, 2) ?? ""));
  const item = document.createElement("li");
  item.append(details);
  find("received").prepend(item);
}

function cell(value) {
  if (Array.isArray(value)) return value.map((one) => Object.values(one).join(" ")).join("\n");
  return String(value);
}

function showStatus(status) {
  received("getStatus", status);
  const rows = Object.entries(status).map(([field, value]) => {
    const row = document.createElement("div");
    row.append(element("dt", field), element("dd", cell(value)));
    return row;
  });
  find("status").replaceChildren(...rows);
}

const askStatus = () => BX24.placement.call("getStatus", {}, showStatus);

const command = (name) => () =>
  BX24.placement.call(name, {}, (answer) => received(name, answer));

function askOverRest() {
  BX24.callMethod("placement.call", { PLACEMENT: "getStatus", PARAMS: {} }, (result) => {
    if (result.error()) received(`REST: ${result.error()}`, result.error_description());
    else received("REST: placement.call", result.data());
  });
}

find("ask").addEventListener("click", askStatus);
find("ask-rest").addEventListener("click", askOverRest);
find("disable").addEventListener("click", command("disableAutoClose"));
find("enable").addEventListener("click", command("enableAutoClose"));

BX24.init(() => {
  received("init", BX24.placement.info());
  BX24.placement.getInterface((answer) => received("getInterface", answer));
  for (const event of EVENTS) {
    BX24.placement.bindEvent(event, (value) => {
      received(event, value);
      if (event !== "CallCard::BeforeClose") askStatus();
    });
  }
  askStatus();
});
