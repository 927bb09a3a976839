// The gateway's key: pinned by an invitation whose six words were compared, followed by signed succession only.
// The same rules as in gateway/model/invitation.py and gateway/send/trust.py.
"use strict";

const Trust = (() => {
  const HEAD = "An invitation to the gateway, to be opened by: gateway send setup INVITATION\n\n";
  const LINE = /^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,200}$/u;
  const text = (form) => (value) => typeof value === "string" && form.test(value);
  // What an invitation holds, in the order in which its words are made.
  const FACTS = {
    purpose: text(/^gateway invitation$/),
    provider: text(/^[a-z0-9-]{1,32}$/),
    name: text(LINE),
    organisation: text(LINE),
    host: text(/^[A-Za-z0-9.:-]{1,253}$/),
    port: (value) => Number.isInteger(value) && value >= 1 && value <= 65535,
    host_keys: (value) => Array.isArray(value) && value.length >= 1 && value.length <= 4 && value.every(text(/^/)),
    gateway_key: text(/^[0-9a-f]{40,64}$/),
    certificate: text(/^/),
  };
  // The one form of a cleartext-signed message, with nothing before, in or after it (RFC 9580, 7).
  const MESSAGE = new RegExp(
    "^-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [^\n]*\n)*\n(?:(?:- .*|-|[^-\n].*|)\n)*" +
      "-----BEGIN PGP SIGNATURE-----\n(?:(?:Version|Comment): .*\n)*\n(?:[A-Za-z0-9+/]+={0,2}\n)+" +
      "(?:=[A-Za-z0-9+/]{4}\n)?-----END PGP SIGNATURE-----\n$",
  );
  const SUCCESSION = new RegExp(
    "^The gateway of [^\n]+ has a new OpenPGP key since \\d{4}-\\d\\d-\\d\\d\\.\n\n" +
      "old-key: (?<old>[0-9a-f]{40,64})\nnew-key: (?<new>[0-9a-f]{40,64})\n\n" +
      "The new one, as it is read out on the telephone:\n\n    [0-9A-Fa-f ]+\n\n" +
      "Encrypt to this certificate from now on:\n\n" +
      "(?<certificate>-----BEGIN PGP PUBLIC KEY BLOCK-----\n[A-Za-z0-9+/=:., ()\n-]+" +
      "-----END PGP PUBLIC KEY BLOCK-----)\\s*$",
  );
  const REFERENCE = /^ {4}Reference {7}(\S+)$/m;
  const DIGEST = /^ {4}\S.{15}([0-9a-f]{32})\n {20}([0-9a-f]{32})$/gm;
  const NUMBER = 6;
  const SHOWN_DIGITS = 16;
  const MOST_SUCCESSIONS = 20;
  const CHANGED =
    "The gateway’s key has changed, and the one that you compared does not vouch for the new one. Ring the local " +
    "authority, and ask for a new invitation.";

  const digest = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));

  async function sixWords(purpose, provider, facts) {
    const digests = await Promise.all(facts.map((fact) => digest(utf8(fact))));
    const told = await digest(new Uint8Array(await new Blob(digests).arrayBuffer()));
    const stretched = await scrypt.scrypt(told, utf8(`${purpose}:${provider}`), 2 ** 15, 8, 1, 9);
    const number = stretched.reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);
    return Array.from({ length: NUMBER }, (_, place) => WORDS[Number((number >> BigInt(11 * place)) & 2047n)]);
  }

  // Throws an Error that names the first word which differs, without telling the right one.
  function compare(heard, words) {
    const typed = heard.toLowerCase().match(/\p{L}+/gu) || [];
    if (typed.length !== NUMBER) {
      throw new Error(`Six words are read out, and these are ${typed.length}.`);
    }
    const wrong = typed.findIndex((word, place) => word !== words[place]);
    if (wrong >= 0) {
      const why = WORDS.includes(typed[wrong]) ? "is another here" : "is not one of the list";
      throw new Error(`Word ${wrong + 1}, ${typed[wrong]}, ${why}. Have the words read out once more.`);
    }
  }

  // Returns the certificate of exactly this fingerprint, armored, without secret parts.
  async function pinned(certificate, fingerprint) {
    const keys = await openpgp.readKeys({ armoredKeys: certificate });
    if (keys.length !== 1 || keys[0].isPrivate() || keys[0].getFingerprint() !== fingerprint) {
      throw new Error("The gateway’s key is not the one that you were told. Do not go on; ring the local authority.");
    }
    return keys[0].armor();
  }

  const tidy = (signed) => `${signed.replaceAll("\r\n", "\n").trim()}\n`;

  const claimed = async (signed) => (await openpgp.readCleartextMessage({ cleartextMessage: tidy(signed) })).getText();

  // Returns the text of a cleartext-signed message with one valid signature by one of these certificates. The
  // gateway's clock may be ahead of this computer's: the date of the signature is not judged.
  async function verified(signed, certificates) {
    const verificationKeys = await Promise.all(certificates.map((one) => openpgp.readKey({ armoredKey: one })));
    if (!MESSAGE.test(tidy(signed))) {
      throw new Error("This is not one signed text.");
    }
    const message = await openpgp.readCleartextMessage({ cleartextMessage: tidy(signed) });
    const { data, signatures } = await openpgp.verify({ message, verificationKeys, date: null });
    if (signatures.length !== 1) {
      throw new Error("This has more than one signature.");
    }
    await signatures[0].verified;
    return data;
  }

  function factsOf(said) {
    const facts = said.startsWith(HEAD) ? JSON.parse(said.slice(HEAD.length)) : {};
    const names = Object.keys(FACTS);
    if (Object.keys(facts).length !== names.length || !names.every((one) => FACTS[one](facts[one]))) {
      throw new Error("no invitation");
    }
    return Object.fromEntries(names.map((one) => [one, facts[one]]));
  }

  // Returns the facts of an invitation, with its six words and when it was signed. Anybody can sign a text with a key
  // that it names itself: nothing of it counts before the words are compared.
  async function read(file) {
    try {
      const signed = await file.text();
      const { gateway_key, certificate } = factsOf(await claimed(signed));
      const facts = factsOf(await verified(signed, [await pinned(certificate, gateway_key)]));
      const { created } = (await openpgp.readCleartextMessage({ cleartextMessage: tidy(signed) })).signature.packets[0];
      return { ...facts, at: created, words: await sixWords("invitation", facts.provider, [JSON.stringify(facts)]) };
    } catch {
      throw new Error("This is no invitation, or it was changed on its way. Ask the local authority for another.");
    }
  }

  // Returns the words on succession that lead from `current` to the key shown now, the oldest first; not proved yet.
  async function successions(current) {
    const words = [];
    for (let name = "gateway-succession.asc"; words.length < MOST_SUCCESSIONS; ) {
      const word = await published(`keys/${name}`);
      const said = word && SUCCESSION.exec(await claimed(word));
      if (!said) {
        break;
      }
      words.unshift(word);
      if (said.groups.old === current) {
        break;
      }
      name = `gateway-${said.groups.old.slice(0, SHOWN_DIGITS)}-succession.asc`;
    }
    return words;
  }

  // Switches a kit to the gateway's new key, where the one before names it. Forward only: a key that has a
  // successor is never encrypted to again. Throws an Error for any other key.
  async function follow(kit) {
    const shown = await openpgp.readKey({ armoredKey: (await published("keys/gateway.asc")) || "" });
    if (shown.getFingerprint() === kit.current) {
      return;
    }
    if (kit.gateway[shown.getFingerprint()]) {
      throw new Error("The gateway shows a key of its own that it has replaced. Do not go on; ring the local authority.");
    }
    let { current } = kit;
    const gateway = { ...kit.gateway };
    try {
      for (const word of await successions(current)) {
        const { groups: said } = SUCCESSION.exec(await verified(word, [gateway[current]]));
        if (said.old !== current || gateway[said.new]) {
          throw new Error(CHANGED);
        }
        gateway[said.new] = await pinned(said.certificate, said.new);
        current = said.new;
      }
    } catch {
      throw new Error(CHANGED);
    }
    if (current !== shown.getFingerprint()) {
      throw new Error(CHANGED);
    }
    await Kits.change(kit, { gateway, current });
  }

  // Does what needs the gateway's key, and once more with the key that has followed where the known one does not fit.
  const followed = (kit, act) => act().catch(() => follow(kit).then(act));

  // Returns a receipt's text, signed by a key of the gateway that this kit has trusted, about this very file.
  async function receipt(signed, kit, reference, sha256) {
    const said = await followed(kit, () => verified(signed, Object.values(kit.gateway))).catch(() => {
      throw new Error("This receipt is not signed by the gateway’s key that you compared. Ring the local authority.");
    });
    const digests = [...said.matchAll(DIGEST)].map((found) => found[1] + found[2]);
    // Not anywhere in it: the receipt of a file that came twice names the first one too.
    if (REFERENCE.exec(said)?.[1] !== reference || (sha256 && digests[0] !== sha256)) {
      throw new Error("This receipt is for another file. Ring the local authority.");
    }
    return said;
  }

  const keysWords = (kit) => sixWords("keys", kit.provider, [kit.current, kit.passkey, kit.fingerprint]);

  return { read, compare, pinned, verified, follow, followed, receipt, keysWords };
})();
