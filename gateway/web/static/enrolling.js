// The first time: an invitation is opened and compared, keys are made, and their public halves handed over.
"use strict";

let invited = null;
let passkey = null;

const kitsOf = async (provider) => (await Kits.all("kits")).filter((kit) => kit.provider === provider);

async function invite() {
  at("enrol").hidden = true;
  invited = await Trust.read(at("invitation").files[0]);
  passkey = null;
  nameSchool(invited.provider);
  at("lock").hidden = true;
  at("keep").hidden = (await kitsOf(invited.provider)).length === 0;
  at("invited").textContent = `${invited.organisation} invites ${invited.name}, known as ${invited.provider}`;
  at("enrol").hidden = false;
  at("invited").focus();
}

// Trusts the invitation's gateway from now on; its keys of before go on proving old receipts.
async function pinnedTo(kit) {
  const { certificate, gateway_key: current } = invited;
  return { ...kit, gateway: { ...kit.gateway, [current]: await Trust.pinned(certificate, current) }, current };
}

async function keep() {
  Trust.compare(at("heard").value, invited.words);
  for (const kit of await kitsOf(invited.provider)) {
    await Kits.put("kits", await pinnedTo(kit));
  }
  at("enrol").hidden = true;
  tell("said", "Your keys stay, and files are encrypted to the gateway of this invitation from now on. Log in.");
}

async function enrol() {
  Trust.compare(at("heard").value, invited.words);
  const file = at("own").files[0];
  let key = file ? await Kits.signing(await Kits.opening(await file.text(), at("own-passphrase").value)) : null;
  await navigator.storage.getDirectory(); // Fails where nothing stays, before a passkey is made.
  passkey = passkey || (await Passkeys.make(invited.provider));
  if (!passkey.secret) {
    if (at("lock").hidden) {
      at("lock").hidden = false;
      at("passphrase").focus();
      throw new Error("Your passkey is made. Choose a passphrase for your key, then select Make my keys once more.");
    }
    Kits.judge(at("passphrase").value, at("again").value, invited.provider, invited.name, at("email").value);
  }
  key = key || (await Kits.made(invited.name, at("email").value.trim(), invited.at));
  const kit = await pinnedTo({
    credential: passkey.id,
    provider: invited.provider,
    name: invited.name,
    passkey: passkey.fingerprint,
    fingerprint: key.getFingerprint(),
    prf: Boolean(passkey.secret),
    key: await Kits.locked(key, passkey.secret || at("passphrase").value),
  });
  await Kits.put("kits", kit);
  navigator.storage.persist().catch(() => {}); // Not waited for: Firefox asks the person, who may answer later.
  const known = file && at("known").checked;
  const words = known ? kit.passkey : (await Trust.keysWords(kit)).join(" ");
  handOver(kit.provider, known ? "pub" : "keys", passkey.line + (known ? "" : key.toPublic().armor()), words);
  at("enrol").reset();
  at("enrol").hidden = true;
  at("invitation").value = "";
  await showKey(kit, key);
  passkey = null;
}

function handOver(provider, ending, content, aloud) {
  saves(at("line"), `${provider}.${ending}`, content);
  at("fingerprint").textContent = aloud;
  const title = at("made").querySelector("h2");
  title.textContent = ending === "keys" ? "Your keys are made" : "Your passkey is made";
  at("made").hidden = false;
  title.focus();
}

async function makePasskey() {
  const school = at("school").value.trim();
  const made = await Passkeys.make(school);
  handOver(school, "pub", made.line, made.fingerprint);
}

does("invitation", "change", invite, "The invitation could not be read. Try again.");
does("enrol", "submit", ({ submitter }) => (submitter === at("keep") ? keep() : enrol()), "No keys were made. Try again.");
does("make", "submit", makePasskey, "No passkey was made. Try again.");
