// Keeps a page up to date from the server's events, counts down, and makes buttons do what their attributes say.
"use strict";

const clock = { now: Number(document.body.dataset.now), speed: Number(document.body.dataset.speed), at: performance.now() };

function sandboxNow() {
  return clock.now + (performance.now() - clock.at) * clock.speed;
}

// Sections: the fresh HTML is laid over the old, so that focus, open details and running transitions stay.

function lay(target, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  layChildren(target, fresh.content);
}

function layChildren(target, fresh) {
  const keyed = new Map();
  for (const child of target.children) {
    if (child.dataset.key) keyed.set(child.dataset.key, child);
  }
  let next = target.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = wanted.dataset?.key;
    const found = key ? keyed.get(key) : next && !next.dataset?.key && next.nodeName === wanted.nodeName ? next : null;
    if (!found) {
      target.insertBefore(wanted, next);
    } else {
      if (found === next) next = next.nextSibling;
      else target.insertBefore(found, next);
      layNode(found, wanted);
    }
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

function layNode(old, wanted) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  if (old.dataset?.keep !== undefined) return;
  const kept = old.dataset?.until !== undefined || old.dataset?.leftUntil !== undefined;
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open" && name !== "disabled") old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value && !(kept && name === "value")) old.setAttribute(name, value);
  }
  if (!kept) layChildren(old, wanted);
}

// Time

function twoDigits(number) {
  return String(number).padStart(2, "0");
}

function spoken(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours ? `${hours}:${twoDigits(minutes)}` : minutes}:${twoDigits(seconds % 60)}`;
}

function tick() {
  const now = sandboxNow();
  for (const element of document.querySelectorAll("[data-until]")) {
    const text = spoken(Number(element.dataset.until) - now);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const bar of document.querySelectorAll("[data-left-until]")) {
    bar.value = Math.max(0, Number(bar.dataset.leftUntil) - now);
  }
  for (const element of document.querySelectorAll("[data-clock]")) {
    const text = new Date(now).toISOString().slice(0, 19).replace("T", " ");
    if (element.textContent !== text) element.textContent = text;
  }
}

// Messages

let hiding = 0;

function show(id, text) {
  const other = document.getElementById(id === "alert" ? "notice" : "alert");
  const element = document.getElementById(id);
  other.hidden = true;
  element.textContent = text;
  element.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { element.hidden = true; }, id === "alert" ? 8000 : 2500);
}

function problemIn(answer) {
  const details = Object.entries(answer.details ?? {}).map(([name, text]) => `${name}: ${text}`);
  return [answer.error ?? answer.message ?? "The sandbox refused that", ...details].join(". ");
}

// Buttons

async function post(path, body, headers = {}, method = "POST") {
  const response = await fetch(path, { method, body, headers: { "Content-Type": "application/json", ...headers } });
  const answer = await response.json();
  if (!response.ok) throw new Error(problemIn(answer));
  return answer;
}

async function press(button) {
  const { post: path, method, body, bodyUnconfirmed, done, key } = button.dataset;
  const unconfirmed = bodyUnconfirmed && !document.getElementById("confirmed")?.checked;
  button.disabled = true;
  try {
    const answer = await post(path, method === "DELETE" ? undefined : unconfirmed ? bodyUnconfirmed : body, {}, method);
    if (done) show("notice", done === "message" ? answer.message : done);
  } catch (error) {
    show("alert", error.message);
  } finally {
    button.disabled = false;
  }
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    show("notice", button.dataset.copied);
  } catch {
    show("alert", "The browser does not allow copying; select the text instead.");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.post) press(button);
  if (button?.dataset.copy) copy(button);
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.post) return;
  event.preventDefault();
  // Amounts are put into the JSON as they were typed: a JavaScript number would round them.
  const members = [...new FormData(form)].map(([name, text]) => {
    const exact = form.elements[name].dataset.type === "number";
    return `${JSON.stringify(name)}: ${exact ? text.trim() || "null" : JSON.stringify(text)}`;
  });
  const headers = form.dataset.apiKey ? { "X-API-Key": form.dataset.apiKey } : {};
  try {
    const answer = await post(form.dataset.post, `{${members.join(", ")}}`, headers);
    show("notice", answer.message);
    form.reset();
  } catch (error) {
    show("alert", error.message);
  }
});

document.addEventListener("change", (event) => {
  const choice = event.target;
  if (choice.dataset.postOnChange) post(choice.dataset.postOnChange, choice.value).catch((error) => show("alert", error.message));
});

// The stream

if (document.body.dataset.live) {
  const events = new EventSource(document.body.dataset.live);
  events.addEventListener("sections", (event) => {
    for (const [id, html] of Object.entries(JSON.parse(event.data))) lay(document.getElementById(id), html);
    tick();
  });
  events.addEventListener("clock", (event) => {
    Object.assign(clock, JSON.parse(event.data), { at: performance.now() });
    tick();
  });
  events.addEventListener("gone", () => {
    events.close();
    location.reload();
  });
  events.addEventListener("open", () => document.body.classList.remove("offline"));
  events.addEventListener("error", () => document.body.classList.add("offline"));
  tick();
  setInterval(tick, 200);
}
