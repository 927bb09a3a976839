// The page: what is shown, and what its buttons do. All text is put in as text, never as markup.
"use strict";

const at = (id) => document.getElementById(id);

function tell(id, sentence) {
  for (const one of ["problem", "said"]) {
    at(one).hidden = one !== id;
  }
  at(id).textContent = sentence;
}

// Does an act of the page, with its button off meanwhile; what fails is told.
async function acting(button, act, otherwise) {
  button.disabled = true;
  for (const one of ["problem", "said"]) {
    at(one).hidden = true;
  }
  try {
    await act();
  } catch (error) {
    const own = error instanceof Error && !(error instanceof DOMException) && !(error instanceof TypeError);
    tell("problem", own ? error.message : otherwise);
  } finally {
    button.disabled = false;
  }
}

function cell(row, ...content) {
  const made = document.createElement("td");
  made.append(...content);
  row.append(made);
}

let unfinished = [];

async function showSent() {
  const answer = await fetch("/api/sent");
  at("outside").hidden = answer.ok;
  at("inside").hidden = !answer.ok;
  if (!answer.ok) {
    return;
  }
  const sent = await answer.json();
  unfinished = sent.filter((one) => one.upload);
  const rows = sent.map((one) => {
    const row = document.createElement("tr");
    cell(row, one.name);
    cell(row, one.reference || "not finished: choose the same file again to go on");
    if (one.reference) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "second";
      button.textContent = "Show";
      const of = document.createElement("span");
      of.className = "hidden";
      of.textContent = ` the receipt of ${one.name}`;
      button.append(of);
      button.addEventListener("click", () =>
        acting(button, () => showReceipt(one.reference), "The receipt could not be fetched. Try again."),
      );
      cell(row, button);
    } else {
      cell(row, "none yet");
    }
    return row;
  });
  at("sent").replaceChildren(...rows);
}

async function showReceipt(reference) {
  const answer = await fetch(`/api/receipts/${reference}`);
  if (answer.status === 404) {
    throw new Error("There is no receipt yet. Look again in a minute.");
  }
  if (!answer.ok) {
    throw new Error((await answer.json()).said);
  }
  at("receipt").textContent = await answer.text();
  at("receipt").hidden = false;
  at("receipt").focus();
}

async function send() {
  const file = at("file").files[0];
  const known = unfinished.find((one) => one.name === file.name && one.length === file.size);
  const place = known ? `/api/uploads/${known.upload}` : null;
  const progress = (part) => {
    at("progress").value = part;
  };
  at("going").hidden = false;
  try {
    const reference = await Uploads.send(file, file.name, "in", progress, place);
    tell("said", `The file has arrived. Its reference is ${reference}.`);
    at("send").reset();
  } finally {
    at("going").hidden = true;
    await showSent();
  }
}

async function make() {
  const school = at("school").value.trim();
  const made = await Passkeys.make(school);
  const file = URL.createObjectURL(new Blob([made.line], { type: "text/plain" }));
  at("line").href = file;
  at("line").download = `${school}.pub`;
  at("fingerprint").textContent = made.fingerprint;
  at("made").hidden = false;
  at("made").querySelector("h2").focus();
}

at("log-in").addEventListener("click", () =>
  acting(
    at("log-in"),
    async () => {
      await Passkeys.logIn();
      await showSent();
    },
    "Your passkey was not used. Try again, or make one first.",
  ),
);
at("log-out").addEventListener("click", () =>
  acting(
    at("log-out"),
    async () => {
      await fetch("/api/logout", { method: "POST" });
      at("receipt").hidden = true;
      await showSent();
    },
    "You are still logged in. Try again.",
  ),
);
at("make").addEventListener("submit", (event) => {
  event.preventDefault();
  acting(event.submitter, make, "No passkey was made. Try again.");
});
at("send").addEventListener("submit", (event) => {
  event.preventDefault();
  acting(event.submitter, send, "The file was not sent. Look at your connection, and send it again.");
});
showSent();
