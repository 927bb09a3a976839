// Signs and encrypts a file as a stream; what is sealed lies in the browser's own file system until it has arrived,
// so that memory does not grow with the file, and a cut-off upload goes on with the very same bytes.
"use strict";

const Sealing = (() => {
  const HEAD_BYTES = 64;
  const NAME_BYTES = 180;
  const SHOWN_DIGITS = 12;
  const ARMORED = "-----BEGIN PGP MESSAGE-----";

  const place = () => navigator.storage.getDirectory();

  // Passes a stream on, telling of each part before it goes.
  const telling = (tell) =>
    new TransformStream({ transform: (part, onwards) => (tell(part), onwards.enqueue(part)) });

  // Returns whether a file is encrypted already, so that it goes as it is: by its name, and by its first bytes, those
  // of an OpenPGP message (packet of tag 1; RFC 9580, 4.2). By bytes alone, a text that begins with Á would be one.
  async function isSealed(file) {
    if (!/\.(gpg|pgp|asc)$/i.test(file.name)) {
      return false;
    }
    const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    const binary = head[0] === 0xc1 || (head[0] >= 0x84 && head[0] <= 0x87);
    return binary || new TextDecoder().decode(head).trimStart().startsWith(ARMORED);
  }

  async function digestOf(file) {
    const told = sha256.create();
    await file.stream().pipeTo(new WritableStream({ write: (part) => void told.update(part) }));
    return told.hex();
  }

  // Returns { id, sha256, file } of a file signed by `own` and encrypted to the armored certificate `recipient`.
  async function seal(file, own, recipient, progress) {
    const [id, { size }] = [crypto.randomUUID(), file];
    const handle = await (await place()).getFileHandle(id, { create: true });
    try {
      let read = 0;
      const told = sha256.create();
      const counted = telling((part) => progress((read += part.length) / size));
      const sealed = await openpgp.encrypt({
        message: await openpgp.createMessage({ binary: file.stream().pipeThrough(counted) }),
        encryptionKeys: await openpgp.readKey({ armoredKey: recipient }),
        signingKeys: own,
        format: "binary",
      });
      await sealed.pipeThrough(telling((part) => told.update(part))).pipeTo(await handle.createWritable());
      if (read !== size) {
        throw new TypeError("A file that was changed meanwhile, of which browsers do not tell");
      }
      return { id, sha256: told.hex(), file: await handle.getFile() };
    } catch (error) {
      await forget(id);
      throw error instanceof TypeError ? new Error(CHANGED) : error;
    }
  }

  // Returns a sealed file that waits to be sent; null where the browser has removed it.
  const waiting = (id) =>
    place().then((folder) => folder.getFileHandle(id)).then((one) => one.getFile()).catch(() => null);

  // Returns the name under which a file is sent: its own, shortened, with digits of what is sealed.
  function remoteName(name, sha256) {
    const short = new TextDecoder().decode(new TextEncoder().encode(name).slice(0, NAME_BYTES));
    return `${short.replace(/\ufffd+$/, "").trim()}.${sha256.slice(0, SHOWN_DIGITS)}.pgp`;
  }

  // What is gone already is no fault.
  const forget = (id) => place().then((folder) => folder.removeEntry(id)).catch(() => {});

  return { isSealed, digestOf, seal, remoteName, waiting, forget };
})();
