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
      return await settled(act(database.transaction(store, mode).objectStore(store)));
    } finally {
      database.close();
    }
  }

  const put = (store, value) => within(store, "readwrite", (rows) => rows.put(value));
  const remove = (store, key) => within(store, "readwrite", (rows) => rows.delete(key));
  const get = (store, key) => within(store, "readonly", (rows) => rows.get(key));
  const all = (store) => within(store, "readonly", (rows) => rows.getAll());

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

  // Version 4, Ed25519 to sign and Curve25519 to encrypt, for two years: what GnuPG and the kit read as well.
  async function made(name, email) {
    const { privateKey } = await openpgp.generateKey({
      type: "ecc",
      curve: "curve25519Legacy",
      userIDs: [{ name: name.replace(/[<>()]/g, " ").trim(), email }],
      keyExpirationTime: YEARS,
      format: "object",
    });
    return privateKey;
  }

  // Returns the opened secret key of a file. Throws an Error for what could not be enrolled.
  async function opening(armoredKey, passphrase) {
    let key;
    try {
      key = await openpgp.readPrivateKey({ armoredKey });
    } catch {
      throw new Error("This is no OpenPGP secret key in ASCII armor.");
    }
    if (key.keyPacket.version !== 4) {
      throw new Error("This key is of another version than 4. Make a new one here.");
    }
    try {
      key = key.isDecrypted() ? key : await openpgp.decryptKey({ privateKey: key, passphrase });
    } catch {
      throw new Error("The passphrase does not open the key.");
    }
    try {
      await key.getSigningKey();
    } catch {
      throw new Error("This key cannot sign: it has expired, is revoked or too weak. Make a new one here.");
    }
    return key;
  }

  const locked = async (privateKey, passphrase) => (await openpgp.encryptKey({ privateKey, passphrase })).armor();

  // Returns the key under words that are made now, for paper: { words, armored }.
  async function recovery(privateKey) {
    const numbers = Array.from(crypto.getRandomValues(new Uint16Array(RECOVERY_WORDS)));
    const words = numbers.map((number) => WORDS[number & 2047]).join(" ");
    return { words, armored: await locked(privateKey, words) };
  }

  return { put, remove, get, all, judge, made, opening, locked, recovery };
})();
