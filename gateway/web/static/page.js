// What all parts of the page share. All text is put in as text, never as markup.
"use strict";

const at = (id) => document.getElementById(id);
const newElement = (name, fields) => Object.assign(document.createElement(name), fields);

// The kit of whoever is logged in, the number of the login, and the opened key: in memory alone.
// `lock`: the passkey's secret or the passphrase, under which a new key is kept.
const here = { kit: null, key: null, lock: null, offline: false };

const CHANGED = "The file was changed, moved or deleted since you chose it, or another program holds it. Choose it again.";
const FAILED = {
  ...{ AbortError: CHANGED, NotFoundError: CHANGED, NotReadableError: CHANGED },
  QuotaExceededError: "There is no room left for what this browser keeps. Make room on this computer, then try again.",
  SecurityError: "This window keeps nothing, so no key and no file can stay here. Open this page in a window that is not private, and let it keep cookies.",
};

const utf8 = (text) => new TextEncoder().encode(text);
const raw = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const base64 = (bytes) => btoa(raw(bytes));

// Throws an Error with what the gateway said, and the `status`. An answer may be without a sentence.
async function checked(answer) {
  if (!answer.ok) {
    const told = await answer.json().catch(() => null);
    const away = answer.status >= 500 && "The gateway does not answer at the moment. Try again in a minute.";
    const ended = answer.status === 401 && "Log in with your passkey first."; // A HEAD is answered without a sentence.
    const said = told?.said || away || ended || "The gateway did not take the file. Try again later.";
    throw Object.assign(new Error(said), { status: answer.status });
  }
  return answer;
}

const isOurs = () => localStorage.login === here.login;

// Throws an Error where somebody else has logged in since: a browser has one login for all its windows.
function needOurs() {
  if (!isOurs()) {
    throw new Error("Somebody else has logged in in another window. Load this page anew, and log in again.");
  }
}

// Returns a text that the gateway publishes; null where there is none.
async function published(place) {
  const answer = await fetch(`/api/${place}`);
  return answer.status === 404 ? null : (await checked(answer)).text();
}

function tell(id, sentence) {
  for (const one of ["problem", "said"]) {
    at(one).hidden = one !== id;
    at(one).textContent = one === id ? sentence : "";
  }
}

// Does an act of the page, with its button off meanwhile; what fails is told. A button that is off loses the focus.
async function acting(button, act, otherwise) {
  const isFocused = document.activeElement === button;
  button.disabled = true;
  tell(null);
  try {
    await act();
  } catch (error) {
    const own = error instanceof Error && !(error instanceof DOMException) && !(error instanceof TypeError);
    tell("problem", own ? error.message : FAILED[error.name] || otherwise);
    await (error.status === 401 && logOut().catch(() => {}));
  } finally {
    button.disabled = false;
    if (isFocused && [button, document.body].includes(document.activeElement)) {
      (button.checkVisibility() ? button : at("main")).focus();
    }
  }
}

// Has a button, or whatever else an event is of, do an act; what fails otherwise than by a sentence of ours.
function does(id, event, act, otherwise) {
  at(id).addEventListener(event, (one) => {
    one.preventDefault();
    acting(one.submitter || at(id), () => act(one), otherwise);
  });
}

// Returns a button of a row. `of`: what it is about, for whoever does not see the row.
function buttonOf(words, of, act, otherwise) {
  const button = newElement("button", { type: "button", className: "second", textContent: words });
  button.append(newElement("span", { className: "hidden", textContent: ` ${of}` }));
  button.addEventListener("click", () => acting(button, () => act(button), otherwise));
  return button;
}

// Tells password managers whose passphrase is asked for.
function nameSchool(provider) {
  document.querySelectorAll(".who").forEach((one) => (one.value = provider));
}

// Makes a link that saves a text as a file.
function saves(link, name, content) {
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  link.download = name;
}

const grouped = (fingerprint) => fingerprint.toUpperCase().match(/.{1,4}/g).join(" ");

// A day and a moment of this browser's time zone, in words: figures alone are read differently in each country.
const dayOf = (date) => date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
const momentOf = (date) => `${dayOf(date)} at ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;

async function showKey(kit, key) {
  here.key = key;
  at("own-key").hidden = !key;
  at("sheet").hidden = true;
  at("new-passkey").hidden = true;
  if (key) {
    const ends = await key.getExpirationTime();
    const until = ends instanceof Date ? `It counts until ${dayOf(ends)}.` : "It does not expire.";
    at("own-said").textContent = `Its fingerprint is ${grouped(kit.fingerprint)}. ${until}`;
    at("next-said").textContent = kit.next
      ? `Your new key waits to be confirmed. When they ring you, read this out: ${grouped(kit.next.fingerprint)}`
      : "";
    at("replace").textContent = kit.next ? "Go on to the new key, once it is confirmed" : "Replace it by a new key";
    at("which").querySelector("[value=before]").hidden = !kit.before;
    here.kit = kit;
  }
}

async function showSheet() {
  const { kit, key } = here;
  const { words, armored } = await Kits.recovery(key);
  const made = dayOf(new Date());
  at("sheet-of").textContent = `${kit.name} (${kit.provider}), key ${grouped(kit.fingerprint)}, sheet made on ${made}`;
  at("sheet-words").textContent = words;
  at("sheet-key").textContent = armored;
  drawCode(at("sheet-code"), armored);
  saves(at("sheet-file"), `${kit.provider}-recovery.asc`, armored);
  at("sheet").hidden = false;
  at("sheet").querySelector("h2").focus();
}

const loaded = () => [...document.querySelectorAll("script[src], link[href]")].map((one) => one.src || one.href);

// Tells the SHA-256 over all files that the page loads, as the gateway writes it into its log at each start.
async function showDigest() {
  const files = new Map(loaded().map((place) => [place.split("/").pop(), place]));
  files.set("index.html", "/");
  files.set("worker.js", "/worker.js");
  let told = "";
  for (const name of [...files.keys()].sort()) {
    told += `${name} ${sha256(await (await fetch(files.get(name))).arrayBuffer())}\n`;
  }
  at("digest").textContent = sha256(told);
}

// Has this version of the page kept for when there is no network. The worker's address is the one that may become a
// script here (Trusted Types).
async function keepPage() {
  const worker = { createScriptURL: () => "/worker.js" };
  const script = (globalThis.trustedTypes?.createPolicy("worker", worker) || worker).createScriptURL("");
  await navigator.serviceWorker.register(script, { scope: "/", updateViaCache: "none" });
  const { active } = await navigator.serviceWorker.ready;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => (document.documentElement.dataset.page = data);
  active.postMessage(loaded().map((place) => new URL(place).pathname), [port2]);
}

addEventListener("load", () => keepPage().catch(() => {}));
does("recover", "click", showSheet, "The recovery sheet was not made. Try again.");
at("print").addEventListener("click", () => print());
at("about").addEventListener("toggle", () => at("about").open && showDigest());
