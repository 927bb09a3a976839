// Lets the browser's passkey sign or be made, and puts what it gave into the form. Nothing else needs a script.
// Where there is one, what was typed in a form is there again once the browser's Back leads to it.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

function asked(options) {
  options.challenge = bytes(options.challenge);
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const one of list || []) {
      one.id = bytes(one.id);
    }
  }
  if (options.user) {
    options.user.id = bytes(options.user.id);
  }
  return options;
}

function given(credential) {
  const response = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) {
      response[part] = text(credential.response[part]);
    }
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response,
  });
}

async function signThenSend(button) {
  const form = button.form;
  const problem = form.querySelector("[data-passkey-problem]");
  problem.hidden = button.disabled = true; // A second click would end what the first has begun.
  try {
    const publicKey = asked(JSON.parse(button.dataset.options));
    const credential = await navigator.credentials[button.dataset.passkey]({ publicKey });
    form.elements.credential.value = given(credential);
    if (form.dataset.back) { // The browser's Back leads there: this page would have to be sent again.
      history.replaceState(null, "", form.dataset.back);
    }
    form.submit();
  } catch (error) {
    problem.textContent = whatWentWrong(error, button.dataset.passkey);
    problem.hidden = button.disabled = false;
    button.focus();
  }
}

const WRONG = {
  en: {
    lacking:
      "This browser or device has no passkeys. Use another one, or a security key; a new invitation brings it in.",
    known: "This device holds a passkey of yours already: log in with it.",
    cancelled:
      "Nothing was done: the passkey was cancelled, or took too long, or this device holds none of yours. Press the button to try once more.",
    unused:
      "Your passkey was not used. Load this page again and try once more; if it stays so, ask for a new invitation.",
  },
  cy: {
    lacking:
      "Nid oes goriadau gan y porwr neu'r ddyfais hon. Defnyddiwch un arall, neu allwedd ddiogelwch; mae gwahoddiad newydd yn ei derbyn.",
    known: "Mae goriad i chi ar y ddyfais hon eisoes: mewngofnodwch ag ef.",
    cancelled:
      "Ni wnaed dim: canslwyd y goriad, neu cymerodd ormod o amser, neu nid oes un i chi ar y ddyfais hon. Pwyswch y botwm i roi cynnig arall arni.",
    unused:
      "Ni ddefnyddiwyd eich goriad. Llwythwch y dudalen hon eto a rhowch gynnig arall arni; os yw'n aros felly, gofynnwch am wahoddiad newydd.",
  },
}[document.documentElement.lang];

function whatWentWrong(error, way) {
  if (!window.PublicKeyCredential || error.name === "NotSupportedError") {
    return WRONG.lacking;
  }
  if (error.name === "InvalidStateError" && way === "create") {
    return WRONG.known;
  }
  return error.name === "NotAllowedError" ? WRONG.cancelled : WRONG.unused;
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    signThenSend(button);
  });
  button.disabled = false;
}

// The code of a one-time link stands behind the #, which no browser sends anywhere.
const invitation = document.querySelector("[data-code-from-link]");
function takeCode() {
  if (invitation && location.hash.length > 1) {
    invitation.elements.code.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
  }
}
takeCode();
window.addEventListener("hashchange", takeCode);  // A second link, opened in the same tab.

document.addEventListener("submit", ({ target }) => {
  const keeps = (target.dataset.keeps || "").split(" ");
  const typed = [...target.elements].filter((one) => one.id && keeps.includes(one.name));
  if (typed.length) {
    history.replaceState(typed.map((one) => [one.id, one.value, one.checked]), "");
  }
});
for (const [id, value, checked] of history.state || []) {
  const field = document.getElementById(id);
  if (field && (field.value !== value || field.checked !== checked)) {
    Object.assign(field, { value, checked });
    field.closest("details")?.setAttribute("open", "");
  }
}
