// After the login: files are sealed and sent, and their receipts fetched, proved and shown.
"use strict";

const LOOKS = 60;
const LOOK_SECONDS = 2;
const SPARE_BYTES = 1024 * 1024;

const progress = (part) => (at("progress").value = part);

function doing(what) {
  at("going").hidden = !what;
  at("doing").textContent = what || "";
  at("receipt").hidden ||= Boolean(what); // It is of another file.
  progress(0);
}

// Without a network the key alone is opened, to seal what is sent later.
async function entered() {
  try {
    here.offline = false;
    return await Passkeys.logIn();
  } catch (error) {
    here.offline = error instanceof TypeError;
    if (here.offline && (await Kits.all("kits")).length) {
      return Passkeys.unlock();
    }
    throw error;
  }
}

async function logIn() {
  const { id, secret } = await entered();
  const kit = (await Kits.get("kits", id)) || null;
  await showKey(kit, kit && kit.prf && secret ? await Kits.opening(kit.key, secret) : null);
  Object.assign(here, { kit, login: id, lock: secret });
  nameSchool(kit ? kit.provider : "");
  at("unlock").hidden = !kit || kit.prf;
  at("file-hint").textContent = kit
    ? "It is signed and encrypted here, in your browser, before it leaves. What is encrypted already goes as it is."
    : "This browser holds no key for your passkey: send what is encrypted already, or open your invitation here first.";
  at("made").hidden = true;
  await showSent();
  if (here.offline) {
    tell("said", "There is no connection. Files are sealed here now, and sent when you log in with one.");
    return;
  }
  await alone(goOn, { ifAvailable: true }).finally(showSent).finally(showStanding);
}

// One window of this browser sends at a time: what is on its way from one would arrive twice.
const alone = (act, more = {}) => navigator.locks.request("sending", more, (lock) => lock && act());

async function logOut() {
  if (!here.offline && isOurs()) {
    await fetch("/api/logout", { method: "POST" });
  }
  at("receipt").hidden = true;
  await showKey(null, null);
  Object.assign(here, { kit: null, lock: null, sure: null });
  await showStanding();
  await showSent();
}

// Files of this passkey, the newest first: those known here, and those of today that others of the school sent.
async function known(listed) {
  const own = (await Kits.all("sent")).filter((one) => here.kit && one.credential === here.kit.credential);
  own.sort((one, other) => other.at - one.at);
  const names = new Set(own.map((one) => one.reference || one.remote));
  return [...own, ...listed.filter((one) => !names.has(one.reference || one.name))];
}

function cell(row, ...content) {
  const place = document.createElement("td");
  place.append(...content);
  row.append(place);
}

function rowOf(one) {
  const row = document.createElement("tr");
  cell(row, one.name);
  cell(row, one.reference || "not finished: log in again, or choose the same file again, to go on");
  const failed = "The receipt could not be fetched. Try again.";
  cell(row, one.reference ? buttonOf("Show", `the receipt of ${one.name}`, () => showReceipt(one), failed) : "none yet");
  return row;
}

async function showSent() {
  const answer = here.offline && here.kit ? Response.json([]) : isOurs() ? await fetch("/api/sent") : Response.error();
  at("outside").hidden = answer.ok;
  at("inside").hidden = !answer.ok;
  if (answer.ok) {
    at("sent").replaceChildren(...(await known(await answer.json())).map(rowOf));
  }
}

// Returns the signed text of a receipt: the gateway's newest, else the one that was proved before; null without one.
const fetched = async (one) => (await published(`receipts/${one.reference}`)) ?? (one.receipt || null);

async function showReceipt(one) {
  at("receipt").hidden = true;
  const signed = await fetched(one);
  if (!signed) {
    throw new Error("There is no receipt yet. Look again in a minute.");
  }
  let [said, proof] = [signed, "Not proved: this browser does not know the gateway’s key. Open your invitation here first."];
  if (here.kit) {
    said = await Trust.receipt(signed, here.kit, one.reference, one.sha256);
    proof = one.sha256
      ? "Proved: the gateway’s key, which you compared, signed this receipt, and it is about the file that you sent here."
      : "Proved: the gateway’s key, which you compared, signed this receipt. The file was not sent from this browser.";
    proof = `${proof} ${await Proof.told(said, here.kit, one)}`;
    await (one.sha256 && Kits.put("sent", Object.assign(one, { receipt: signed })));
  }
  at("proof").textContent = proof;
  at("receipt-text").textContent = said;
  at("receipt").hidden = false;
  at("receipt").focus();
}

// Waits for the receipt of what was just sent; a slow one, as of a large file, is left to the button beside the file.
async function awaitReceipt(one) {
  for (let look = 0; look < LOOKS; look++) {
    if (await fetched(one)) {
      return showReceipt(one);
    }
    await new Promise((done) => setTimeout(done, 1000 * LOOK_SECONDS));
  }
  tell("said", `The receipt of ${one.name} takes longer. Select Show beside it in some minutes.`);
}

async function opened() {
  if (!here.key) {
    const passphrase = at("unlocking").value;
    if (here.kit.prf || !passphrase) {
      throw new Error(here.kit.prf ? "Your passkey did not open your key. Log out, and in again." : "Type the passphrase of your key.");
    }
    await showKey(here.kit, await Kits.opening(here.kit.key, passphrase));
    here.lock = passphrase;
    at("unlock").hidden = true;
  }
  const kept = await Kits.get("kits", here.kit.credential);
  if (kept && kept.fingerprint !== here.kit.fingerprint) {
    throw new Error("Your key was replaced in another window. Log out here, and in again.");
  }
  Object.assign(here.kit, kept);
  return here.key;
}

// Throws an Error for a file that the gateway would not take for its size, before it is read.
async function checkSize(file) {
  const most = Number((await fetch("/api/uploads", { method: "OPTIONS" })).headers.get("Tus-Max-Size"));
  if (file.size === 0) {
    throw new Error("The file is empty. Look whether it is the one that you meant.");
  }
  if (most && file.size > most - file.size / 1024 - SPARE_BYTES) {
    throw new Error(`The file is too large: the gateway takes ${Math.floor(most / SPARE_BYTES)} MiB at most. Divide it.`);
  }
}

// Returns { one, blob }: the row of a file, and what is to be sent.
async function sealed(file) {
  const whose = here.kit ? here.kit.credential : "";
  if (!here.offline && (await Sealing.isSealed(file))) {
    const one = { sha256: await Sealing.digestOf(file), credential: whose, name: file.name, remote: file.name, at: Date.now() };
    return { one, blob: file };
  }
  if (!here.kit) {
    throw new Error("This browser holds no key for your passkey, so it cannot encrypt the file. Open your invitation here first.");
  }
  const key = await Kits.signing(await opened());
  if (!here.offline) {
    await Trust.follow(here.kit);
    await checkSize(file);
  }
  doing("Signed and encrypted so far");
  const made = await Sealing.seal(file, key, here.kit.gateway[here.kit.current], progress);
  const remote = Sealing.remoteName(file.name, made.sha256);
  const one = { sha256: made.sha256, credential: whose, name: file.name, remote, at: Date.now(), waiting: made.id };
  await Kits.put("sent", one).catch((error) => Sealing.forget(made.id).then(() => Promise.reject(error)));
  return { one, blob: made.file };
}

// Sends what is sealed, from where it stopped, and notes its reference.
async function upload(one, blob, folder = "in") {
  needOurs();
  one.after = one.after ?? (here.kit?.log?.newest || 0); // Its receipt stands later in the log than all seen so far.
  const listed = await (await checked(await fetch("/api/sent"))).json();
  const begun = listed.find((other) => other.upload && other.name === one.remote && other.length === blob.size);
  const place = begun ? `/api/uploads/${begun.upload}` : null;
  // The page was closed after the last part: the name of what was sealed here holds its digest.
  const arrived = one.waiting && listed.find((other) => other.reference && other.name === one.remote);
  doing("Sent so far");
  try {
    one.reference = arrived ? arrived.reference : await Uploads.send(blob, one.remote, folder, progress, place);
    await Kits.put("sent", one).catch(() => forget(one).then(() => Kits.put("sent", one)));
  } catch (error) {
    if (Uploads.refused(error) && one.waiting) {
      await forget(one);
    }
    throw error;
  } finally {
    doing(null);
  }
  watchStanding().catch((error) => tell("problem", error.message)); // Not waited for.
  if (one.waiting) {
    await Sealing.forget(one.waiting);
  }
}

async function forget(one) {
  await Sealing.forget(one.waiting);
  await Kits.remove("sent", one.sha256);
}

async function send() {
  try {
    const { one, blob } = await sealed(at("file").files[0]);
    if (here.offline) {
      tell("said", "The file is sealed, and waits in this browser. It is sent when you log in with a connection.");
      at("send").reset();
      return;
    }
    await alone(() => upload(one, blob));
    tell("said", `The file has arrived. Its reference is ${one.reference}. Its receipt comes within seconds.`);
    at("send").reset();
    await showSent();
    await awaitReceipt(one);
  } finally {
    doing(null);
    await showSent();
  }
}

// Goes on with what an earlier visit sealed and could not send.
async function goOn() {
  const isBegun = (one) => one.waiting && !one.reference && here.kit && one.credential === here.kit.credential;
  for (const one of (await Kits.all("sent")).filter(isBegun)) {
    const blob = await Sealing.waiting(one.waiting);
    await (blob ? upload(one, blob) : forget(one));
    tell("said", blob ? `${one.name} has arrived. Its reference is ${one.reference}.` : `Choose ${one.name} again, and send it.`);
  }
}

does("log-in", "click", logIn, "Your passkey was not used. Try again, or make one first.");
does("log-out", "click", logOut, "You are still logged in. Try again.");
does("send", "submit", send, "The file was not sent. Look at your connection, and send it again.");
