// What this browser keeps, in IndexedDB: for each passkey a kit (the school's key under a lock, the gateway's keys
// that were compared), and what was sent. Sealed files on their way lie in the browser's own file system.
"use strict";

const Kits = (() => {
  const YEARS = 2 * 365 * 86_400;
  const RECOVERY_WORDS = 8;
  const LEAST_LETTERS = 16;

  const settled = (request) =>
    new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });

  async function opened() {
    const request = indexedDB.open("gateway", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("kits", { keyPath: "credential" });
      request.result.createObjectStore("sent", { keyPath: "sha256" });
    };
    return settled(request);
  }

  async function within(store, mode, act) {
    const database = await opened();
    try {
      const transaction = database.transaction(store, mode);
      // That there is no room left, a browser may tell at the end of a transaction only.
      const over = new Promise((done, failed) => {
        transaction.oncomplete = done;
        transaction.onabort = () => failed(transaction.error);
      });
      return (await Promise.all([act(transaction.objectStore(store)), over]))[0];
    } finally {
      database.close();
    }
  }

  const put = (store, value) => within(store, "readwrite", (rows) => settled(rows.put(value)));
  const remove = (store, key) => within(store, "readwrite", (rows) => settled(rows.delete(key)));
  const get = (store, key) => within(store, "readonly", (rows) => settled(rows.get(key)));
  const all = (store) => within(store, "readonly", (rows) => settled(rows.getAll()));

  // Changes fields of a kit, here and where it is kept; what another window changed meanwhile stays there.
  const change = (kit, fields) =>
    within("kits", "readwrite", async (rows) => {
      const kept = await settled(rows.get(kit.credential));
      return settled(rows.put({ ...kit, ...kept, ...fields }));
    }).then(() => Object.assign(kit, fields));

  // Throws an Error for a passphrase that others guess.
  function judge(passphrase, again, ...known) {
    const plain = known.reduce((left, one) => left.replaceAll(one.toLowerCase(), ""), passphrase.toLowerCase());
    if (passphrase !== again) {
      throw new Error("The two passphrases are not the same.");
    }
    if (plain.length < LEAST_LETTERS || new Set(plain).size < LEAST_LETTERS / 2) {
      throw new Error(
        "This passphrase is easily guessed. Take four or five words that have nothing to do with each other or with you.",
      );
    }
  }

  // Version 4, Ed25519 to sign and Curve25519 to encrypt, for two years: what GnuPG and the kit read as well. No gateway
  // takes a key from the future, and the clock here may be ahead by ten minutes, as when signing.
  async function made(name, email, date = new Date(Date.now() - 600_000)) {
    const { privateKey } = await openpgp.generateKey({
      type: "ecc",
      curve: "curve25519Legacy",
      userIDs: [{ name: name.replace(/[<>()]/g, " ").trim(), email }],
      keyExpirationTime: YEARS,
      date,
      format: "object",
    });
    return privateKey;
  }

  const orSay = (promise, said) => promise.catch(() => Promise.reject(new Error(said)));

  // Returns the opened secret key of a file. Throws an Error for what could not be enrolled.
  async function opening(armoredKey, passphrase) {
    let key = await orSay(openpgp.readPrivateKey({ armoredKey }), "This is no OpenPGP secret key in ASCII armor.");
    if (key.keyPacket.version !== 4) {
      throw new Error("This key is of another version than 4. Make a new one here.");
    }
    if (key.getCreationTime() > Date.now()) {
      throw new Error("By the clock of this computer, this key is not made yet. Set the clock.");
    }
    if (!key.isDecrypted()) {
      key = await orSay(openpgp.decryptKey({ privateKey: key, passphrase }), "The passphrase does not open the key.");
    }
    if (await key.isRevoked()) {
      throw new Error("Your key is revoked. Ring the local authority, and ask for a new invitation.");
    }
    return key;
  }

  // Returns an opened key that counts now. One that has expired can still be extended.
  const signing = (key) =>
    orSay(key.getSigningKey(), "This key cannot sign: it has expired or is too weak. Extend it, or make a new one.").then(() => key);

  const locked = async (privateKey, passphrase) => (await openpgp.encryptKey({ privateKey, passphrase })).armor();

  // Returns the key under words that are made now, for paper: { words, armored }.
  async function recovery(privateKey) {
    const numbers = Array.from(crypto.getRandomValues(new Uint16Array(RECOVERY_WORDS)));
    const words = numbers.map((number) => WORDS[number & 2047]).join(" ");
    return { words, armored: await locked(privateKey, words) };
  }

  return { put, remove, get, all, change, judge, made, opening, signing, locked, recovery };
})();
