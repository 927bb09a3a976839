// Whether a receipt stands in the gateway's log, and whether the log goes on as this browser saw it before.
// The same rules as in gateway/verify/verify_receipts.py and verify_files.py (RFC 9162; C2SP tlog-checkpoint).
"use strict";

const Proof = (() => {
  const FIELD = /^ {4}(?=\S)(.{16})(\S.*)$/u;
  const CONTINUED = /^ {20}(\S.*)$/;
  const SIGNATURES = /^(?:— [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+$/;
  const LEAF = ["at", "fields", "kind", "sequence", "subject", "version"];
  const DECIDED = ["decided", "released", "refused", "withdrawn", "redelivered"];
  const LIST = new RegExp(
    "^The gateway of [^\n]+ signs its log and its receipts with the last of these keys, and signed with the others " +
      "up to the size of the log that is named:\n\nopenpgp-key: [0-9a-f]+\n(?:log-key: [^\n]+\\s*)+$",
  );
  const KEYS = /^log-key: (\S+)(?: until ([1-9][0-9]{0,17}) (\S+) (?:superseded|compromised))?$/gm;
  const MOST_HEADS = 60;
  const NOT_SHOWN = "Not shown: that the log goes on from all that this browser saw of it. Ask the local authority why.";
  const RING = "Ring the local authority.";

  const hashed = (...parts) => parts.reduce((told, part) => told.update(part), sha256.create()).array();
  const parent = (left, right) => hashed([1], left, right);
  const same = (one, other) => base64(one) === base64(other);
  const half = (number) => Math.floor(number / 2);

  // Throws an Error that tells why something is not proved.
  function need(holds, why) {
    if (!holds) {
      throw new Error(`${why} ${RING}`);
    }
  }

  function unbase64(text, length = null) {
    let data = [];
    try {
      data = Array.from(atob(text), (c) => c.charCodeAt(0));
    } catch {
      // No base64: told below.
    }
    const whole = data.length > 0 && base64(data) === text && (length === null || data.length === length);
    need(whole, "The proof of this receipt is damaged.");
    return data;
  }

  // Returns the labelled values of a text receipt, and the hashes of its proof.
  function fieldsOf(text) {
    const [fields, hashes] = [new Map(), []];
    let label = "";
    for (const line of text.split("\n")) {
      const [found, more] = [FIELD.exec(line), CONTINUED.exec(line)];
      if (found) {
        label = found[1].trim();
        if (label === "Hash") {
          hashes.push(unbase64(found[2], 32));
        } else if (!fields.has(label)) {
          fields.set(label, found[2]);
        }
      } else if (more && fields.has(label)) {
        fields.set(label, fields.get(label) + more[1]);
      }
    }
    return [fields, hashes];
  }

  // RFC 8785 for what a leaf holds: a second spelling of the same would be another leaf.
  function canonical(value) {
    if (value === null || typeof value !== "object") {
      return JSON.stringify(value);
    }
    const each = Array.isArray(value)
      ? value.map(canonical)
      : Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
    return Array.isArray(value) ? `[${each.join(",")}]` : `{${each.join(",")}}`;
  }

  // Returns { name, id, material } of a verifier key.
  function keyOf(logKey) {
    const [name, id, ...rest] = logKey.split("+");
    const material = unbase64(rest.join("+"), 33);
    const expected = hashed(utf8(`${name}\n`), material).slice(0, 4);
    const hex = expected.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    need(material[0] === 1 && hex === id, "The key of the gateway’s log cannot be read.");
    return { name, id: expected, material: new Uint8Array(material.slice(1)) };
  }

  async function isSigned({ material }, signature, text) {
    try {
      const key = await crypto.subtle.importKey("raw", material, "Ed25519", false, ["verify"]);
      return await crypto.subtle.verify("Ed25519", key, new Uint8Array(signature), utf8(text));
    } catch {
      throw new Error("This browser is too old to check the gateway’s log. Take a newer one.");
    }
  }

  // Returns { origin, size, root, key } of a signed head of the log. `keys`: verifier keys that may have signed it.
  async function headOf(note, keys) {
    const cut = note.lastIndexOf("\n\n");
    const [lines, signed] = [note.slice(0, cut).split("\n"), note.slice(cut + 2)];
    const given = signed.split("\n").filter((line) => line).map((line) => unbase64(line.split(" ").pop()));
    const known = keys.map((key) => ({ ...keyOf(key), key }));
    const signer = known.find(({ id }) => given.some((blob) => same(blob.slice(0, 4), id)));
    const fits = signer && lines.length === 3 && lines[0] === signer.name && /^(?:0|[1-9][0-9]{0,14})$/.test(lines[1]);
    need(fits && SIGNATURES.test(signed), "The head of the gateway’s log is not signed with the log’s key.");
    for (const line of signed.split("\n").filter((one) => one.startsWith(`— ${signer.name} `))) {
      const blob = unbase64(line.split(" ").pop());
      const ours = same(blob.slice(0, 4), signer.id);
      const good = !ours || (await isSigned(signer, blob.slice(4), `${note.slice(0, cut)}\n`));
      need(good, "The head of the gateway’s log is not signed with the log’s key.");
    }
    return { origin: lines[0], size: Number(lines[1]), root: unbase64(lines[2], 32), key: signer.key };
  }

  // Returns the roots of the older and the newer tree after a path from node `at` of 0..`last`.
  function climb(at, last, start, path) {
    let [older, newer] = [start, start];
    for (const node of path) {
      need(last > 0, "The proof of this receipt is too long.");
      if (at % 2 || at === last) {
        [older, newer] = [parent(node, older), parent(node, newer)];
        while (at % 2 === 0 && at > 0) {
          [at, last] = [half(at), half(last)];
        }
      } else {
        newer = parent(newer, node);
      }
      [at, last] = [half(at), half(last)];
    }
    need(last === 0, "The proof of this receipt is too short.");
    return [older, newer];
  }

  // Throws an Error unless the log of `second` begins with the log of `first`.
  function checkConsistency(first, second, proof) {
    const power = Number.isInteger(Math.log2(first.size));
    const path = [...(power ? [first.root] : []), ...proof.map((node) => unbase64(node, 32))];
    let [at, last] = [first.size - 1, second.size - 1];
    while (at % 2) {
      [at, last] = [half(at), half(last)];
    }
    const [older, newer] = path.length ? climb(at, last, path[0], path.slice(1)) : [[], []];
    const whole = same(older, first.root) && same(newer, second.root);
    need(whole, "The gateway’s log was rewritten since this browser saw it.");
  }

  // Returns the log's keys that the gateway's newest certificate lists: [{ key, last }]; none while it has had one.
  async function listedKeys(kit) {
    const answer = await fetch("/api/keys/gateway-log-keys.asc");
    if (answer.status === 404) {
      return [];
    }
    const list = await answer.text();
    const said = await Trust.followed(kit, () => Trust.verified(list, [kit.gateway[kit.current]]));
    const found = LIST.test(said) ? [...said.matchAll(KEYS)] : [];
    const keys = found.map(([, key, size, root]) => ({ key, last: size ? { size: Number(size), root } : null }));
    const ordered = keys.every((one, place) =>
      place === keys.length - 1 ? !one.last : one.last && (!place || one.last.size > keys[place - 1].last.size),
    );
    need(keys.length > 0 && ordered, "The list of the keys of the gateway’s log is not in order.");
    return keys;
  }

  // Each key of the log signs heads of its time only. Without a list of them, any time is.
  function checkInTime(keys, head) {
    const place = keys.findIndex(({ key }) => key === head.key);
    const [one, before] = [keys[place], keys[place - 1]];
    const early = before && head.size <= before.last.size;
    const late = one?.last && (head.size > one.last.size || (head.size === one.last.size && base64(head.root) !== one.last.root));
    need(!keys.length || (one && !early && !late), "A key of the gateway’s log signed outside its time: this is a forgery.");
  }

  // Returns { head, index } of a receipt's signed text, after checking that it stands in the log as it says.
  async function ofReceipt(said, keys) {
    const cut = said.lastIndexOf("\n\nProof\n\n");
    need(cut > 0, "This receipt carries no proof.");
    const stated = said.slice(0, cut);
    const [[above], [below, hashes]] = [fieldsOf(stated), fieldsOf(said.slice(cut + 9))];
    const field = (name) => below.get(name) ?? above.get(name) ?? "";
    const [leaf, origin, index] = [field("Leaf"), field("Origin"), Number(field("Index"))];
    let entry = {};
    try {
      entry = JSON.parse(leaf);
    } catch {
      // No entry: told below.
    }
    const shaped = canonical(entry) === leaf && Object.keys(entry).sort().join() === LEAF.join();
    const state = /^Your file (?:was|is|has) (ARRIVED|ACCEPTED|HELD|REFUSED)/m.exec(stated)?.[1];
    const ours =
      shaped &&
      state &&
      entry.subject === above.get("Reference") &&
      entry.sequence === index &&
      (state === "ARRIVED" ? ["landed"] : DECIDED).includes(entry.kind) &&
      entry.fields.receipt === below.get("Record") &&
      (entry.fields.text ?? sha256(stated)) === sha256(stated);
    need(ours, "The entry of the gateway’s log is for another receipt.");
    const note = `${origin}\n${field("Size")}\n${field("Root")}\n\n— ${origin} ${field("Signed")}\n`;
    const head = await headOf(note, [field("Log key")]);
    checkInTime(keys, head);
    const start = hashed([0], utf8(leaf));
    const inside = index >= 0 && index < head.size && same(climb(index, head.size - 1, start, hashes)[1], head.root);
    need(inside, "The proof does not lead to the head of the gateway’s log: the receipt was not recorded so.");
    return { head, index };
  }

  // Adds a head to those that this browser has seen. Throws an Error where another of that size was seen.
  function remember(seen, head) {
    const known = seen.heads[head.size];
    need(!known || known === base64(head.root), "The gateway shows two different logs of the same size.");
    seen.heads[head.size] = base64(head.root);
    Object.assign(seen, { origin: head.origin, key: head.key });
  }

  // Compares what the gateway shows of its log now with all that this browser saw. Returns a sentence.
  async function goesOn(kit, seen, keys) {
    const answer = await fetch("/api/log");
    if (!answer.ok) {
      return seen.newest ? NOT_SHOWN : "";
    }
    const told = await answer.json();
    const head = await headOf(told.head, keys.length ? keys.map(({ key }) => key) : [seen.key]);
    checkInTime(keys, head);
    need(head.origin === seen.origin, "The gateway shows another log than before.");
    need(head.size >= (seen.newest || 0), "The gateway’s log is shorter than it was when this browser saw it before.");
    let open = "The log goes on as this browser saw it before.";
    for (const [size, root] of Object.entries(seen.heads).map(([number, text]) => [Number(number), text])) {
      if (size < head.size && told.proofs[size]) {
        checkConsistency({ size, root: unbase64(root, 32) }, head, told.proofs[size]);
      } else if (size < head.size) {
        open = NOT_SHOWN;
        delete seen.heads[size];
      }
    }
    seen.newest = head.size;
    remember(seen, head);
    return open;
  }

  // Proves a receipt's signed text in the log, and the log against what any window has seen. Returns a sentence.
  async function told(said, kit, one) {
    const keys = await listedKeys(kit);
    const { head, index } = await ofReceipt(said, keys);
    const seen = (await Kits.get("kits", kit.credential))?.log || kit.log || { heads: {} };
    need(!seen.origin || seen.origin === head.origin, "The gateway shows another log than before.");
    need(index >= (one.after || 0), "The receipt stands earlier in the gateway’s log than the file was sent.");
    remember(seen, head);
    const open = await goesOn(kit, seen, keys);
    const sizes = Object.keys(seen.heads).map(Number).sort((a, b) => b - a);
    sizes.slice(MOST_HEADS).forEach((size) => delete seen.heads[size]);
    await Kits.change(kit, { log: seen });
    return `It stands in the gateway’s log, as entry ${index} of ${head.size}. ${open}`.trim();
  }

  // One window at a time: another would write over the heads that this one has seen.
  return { told: (...all) => navigator.locks.request("log", () => told(...all)) };
})();
