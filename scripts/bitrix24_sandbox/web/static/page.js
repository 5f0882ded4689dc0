// Shared by the scripts of the portal page.

export const find = (id) => document.getElementById(id);

export function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text; // never HTML: the text is untrusted
  if (className) made.className = className;
  return made;
}

export function say(text) {
  find("said").textContent = text;
}

export async function ask(path, body, method = "POST") {
  try {
    return await fetch(path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    say("The sandbox does not respond. Is it still running?");
    return undefined;
  }
}

export async function copy(button, text) {
  button.dataset.label ??= button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = button.dataset.label; }, 1200);
}
