// The school's keys are renewed, replaced and revoked here as any other key: what is signed arrives through /keys.
"use strict";

const KEY_YEARS = 2 * 365 * 86_400;
const KEY_DIGITS = 16;

// Hands in a statement of one purpose for /keys or /agreement, signed with the school's key and encrypted to the gateway's.
async function state(folder, name, purpose, text) {
  const signingKeys = await Kits.signing(await opened());
  await Trust.follow(here.kit);
  const encryptionKeys = await openpgp.readKey({ armoredKey: here.kit.gateway[here.kit.current] });
  const binary = utf8(`Statement to the gateway: ${purpose}; for /${folder} alone.\n\n${text}`);
  const message = await openpgp.createMessage({ binary });
  return handIn(folder, name, await openpgp.encrypt({ message, encryptionKeys, signingKeys, format: "binary" }));
}

// Hands in what is for /keys or /agreement; returns its row among what was sent.
async function handIn(folder, name, content) {
  const blob = new Blob([content]);
  const digest = await Sealing.digestOf(blob);
  const remote = Sealing.remoteName(name, digest);
  const one = { sha256: digest, credential: here.kit.credential, name, remote, at: Date.now() };
  await alone(() => upload(one, blob, folder));
  tell("said", "It has arrived. Its receipt says what came of it.");
  await showSent();
  return one;
}

// Shows the receipt of what was handed in. Returns what came of it: ACCEPTED, HELD or REFUSED; null without one yet.
async function outcome(one) {
  await awaitReceipt(one);
  return /^Your file (?:was|is|has) (ACCEPTED|HELD|REFUSED)/m.exec(one.receipt || "")?.[1] || null;
}

async function keepKey(kit, key, change) {
  const locked = await Kits.locked(key, here.lock);
  await Kits.change(kit, { ...change, key: locked, fingerprint: key.getFingerprint() });
  await showKey(kit, key);
}

// What was certified or revoked of a key counts for each passkey of this browser that opens it, under its own lock.
async function spread(key) {
  for (const kit of await Kits.all("kits")) {
    if (kit.fingerprint === key.getFingerprint()) {
      const own = await openpgp.readPrivateKey({ armoredKey: kit.key });
      await Kits.change(kit, { key: (await own.update(key)).armor() });
    }
  }
}

// The same key, certified anew for two years from now: what was signed with it before stays good.
async function renewKey() {
  const [kit, key] = [here.kit, await opened()];
  const { privateKey } = await openpgp.reformatKey({
    privateKey: key,
    userIDs: key.users.filter((one) => one.userID).map(({ userID: { name, email } }) => ({ name, email })),
    keyExpirationTime: Math.floor((Date.now() - key.getCreationTime()) / 1000) + KEY_YEARS,
    format: "object",
  });
  await keepKey(kit, privateKey, {});
  await spread(privateKey.toPublic());
  const name = `renewed-${kit.fingerprint.slice(0, KEY_DIGITS)}.asc`;
  await outcome(await handIn("keys", name, privateKey.toPublic().armor()));
}

// A new key is made once, and used as soon as the gateway's receipt says that it is in force.
async function replaceKey() {
  const [kit, key] = [here.kit, await opened()];
  if (!kit.next) {
    const { name, email } = key.users[0].userID;
    const made = await Kits.made(name, email);
    const next = { key: await Kits.locked(made, here.lock), fingerprint: made.getFingerprint(), sent: null };
    await Kits.change(kit, { next });
  }
  const next = await Kits.opening(kit.next.key, here.lock);
  if (!kit.next.sent) {
    const { sha256: sent } = await state("keys", "new-openpgp-key", "the key below is ours", next.toPublic().armor());
    await Kits.change(kit, { next: { ...kit.next, sent } });
  }
  const came = await outcome(await Kits.get("sent", kit.next.sent));
  if (came === "ACCEPTED") {
    await keepKey(kit, next, { before: { key: kit.key, fingerprint: kit.fingerprint }, next: null });
    tell("said", "The new key is used from now on. Revoke the one before it, and make a new recovery sheet.");
    return;
  }
  await Kits.change(kit, { next: came === "REFUSED" ? null : kit.next });
  await showKey(kit, key);
}

// Another passkey of this person, on this device or a token; it opens the same key, and counts once it is confirmed.
async function addPasskey() {
  const [kit, key] = [here.kit, await opened()];
  const made = await Passkeys.make(kit.provider);
  if (!made.secret && kit.prf) {
    throw new Error("This passkey cannot lock your key. Take another device, or log in with the passkey that you have.");
  }
  const lock = made.secret || here.lock;
  // The next key and the one before stay under the lock of the first passkey.
  const other = { ...kit, credential: made.id, passkey: made.fingerprint, prf: Boolean(made.secret), next: null, before: null };
  await Kits.put("kits", { ...other, key: await Kits.locked(key, lock) });
  at("passkey-said").textContent = made.fingerprint;
  at("new-passkey").hidden = false;
  await outcome(await state("keys", "new-passkey", "the key below is ours", made.line));
}

// A passkey or SSH key of the school that this browser does not use, by its fingerprint: it lets nobody in any more.
async function revokeLogin(fingerprint, button) {
  if (here.sure !== fingerprint) {
    here.sure = fingerprint; // Kept apart from the button, which is made anew with its row.
    button.firstChild.data = "Revoke for good";
    tell("said", "Nobody logs in with that key any more after this, and it cannot be taken back.");
    return;
  }
  await outcome(await state("keys", "lost-key", "the SSH key below is ours no more", fingerprint));
}

// The certificate with its revocation (RFC 9580, 5.2.3.31): nobody can take it back.
async function revokeKey() {
  const [kit, present] = [here.kit, await opened()];
  const before = at("which").value === "before";
  const key = before ? await Kits.opening(kit.before.key, here.lock) : present;
  const flag = openpgp.enums.reasonForRevocation[at("why").value];
  const { privateKey, publicKey } = await openpgp.revokeKey({ key, reasonForRevocation: { flag }, format: "object" });
  const name = `revoked-${key.getFingerprint().slice(0, KEY_DIGITS)}.asc`;
  const came = await outcome(await handIn("keys", name, publicKey.armor()));
  at("revoke").reset();
  await (came === "ACCEPTED" && spread(publicKey));
  if (came === "ACCEPTED" && before) {
    await keepKey(kit, present, { before: null });
  } else if (came === "ACCEPTED") {
    await keepKey(kit, privateKey, {});
    await showKey(kit, null);
    tell("said", "Your key is revoked. Ring the local authority, and ask for a new invitation.");
  }
}

// Draws a text as a QR code (ISO/IEC 18004) into an SVG element, with its quiet zone of four modules.
function drawCode(svg, text) {
  const code = qrcode(0, "L");
  code.addData(text, "Byte");
  code.make();
  const count = code.getModuleCount();
  const places = Array.from({ length: count * count }, (_, number) => [Math.floor(number / count), number % count]);
  const path = places.map((place) => (code.isDark(...place) ? `M${place[1] + 4} ${place[0] + 4}h1v1h-1z` : "")).join("");
  svg.setAttribute("viewBox", `0 0 ${count + 8} ${count + 8}`);
  svg.querySelector("path").setAttribute("d", path);
}

does("renew", "click", renewKey, "Your key was not extended. Try again.");
does("replace", "click", replaceKey, "Your key was not replaced. Try again.");
does("add-passkey", "click", addPasskey, "No passkey was made. Try again.");
does("revoke", "submit", revokeKey, "The key was not revoked. Try again.");
