// The page in the card: it shows the client and the notes, and saves new ones.
const find = (id) => document.getElementById(id);
const headers = { "X-Session": document.body.dataset.session };

async function ask(path, options) {
  const answer = await fetch(path, { headers, ...options });
  if (!answer.ok && answer.status !== 409) {
    find("problem").textContent = await answer.text();
    throw new Error(`${path}: ${answer.status}`);
  }
  return answer;
}

async function show(answer) {
  const { client, notes } = await answer.json();
  find("client").textContent = client;
  find("notes").replaceChildren(
    ...notes.map(({ text, seconds }) => {
      const item = document.createElement("li");
      item.textContent = seconds === null ? text : `${text} (${seconds} s)`;
      return item;
    }),
  );
}

async function load() {
  const answer = await ask("/client");
  if (answer.status !== 409) return show(answer);
  // Current portals answer only here.
  BX24.placement.call("getStatus", {}, async (call) => {
    show(await ask("/client", { method: "POST", body: JSON.stringify(call) }));
  });
}

find("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await ask("/notes", { method: "POST", body: find("text").value });
  find("text").value = "";
  load();
});
// The client may change while the card is open.
BX24.placement.bindEvent("CallCard::EntityChanged", load);
load();
