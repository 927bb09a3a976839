// OpenPGP.js at work: `node seal.js LIBRARY OPERATION …`, everything from and to files that are named.
const openpgp = require(process.argv[2]);
const fs = require('fs');
const text = path => fs.readFileSync(path, 'utf8');

const acts = {
  // KIND is `4` or `6`; an end in seconds, 0 for none.
  async key(out, certificate, kind, ends) {
    const made = await openpgp.generateKey({
      userIDs: [{ name: 'school' }], keyExpirationTime: Number(ends), format: 'armored',
      date: new Date(Date.now() - 5000),
      ...(kind === '6' ? { type: 'curve25519', config: { v6Keys: true, aeadProtect: true } } : {}),
    });
    fs.writeFileSync(out, made.privateKey);
    fs.writeFileSync(certificate, made.publicKey);
  },
  async seal(out, own, to, content, aead) {
    const sealed = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: new Uint8Array(fs.readFileSync(content)) }),
      encryptionKeys: await openpgp.readKey({ armoredKey: text(to) }),
      signingKeys: await openpgp.readPrivateKey({ armoredKey: text(own) }),
      config: aead === 'compressed' ? { preferredCompressionAlgorithm: openpgp.enums.compression.zlib } : {},
    });
    fs.writeFileSync(out, sealed);
  },
  async read(out, by, signed) {
    const found = await openpgp.verify({
      message: await openpgp.readCleartextMessage({ cleartextMessage: text(signed) }),
      verificationKeys: await openpgp.readKey({ armoredKey: text(by) }),
      expectSigned: true,
    });
    fs.writeFileSync(out, found.data);
  },
  async open(out, own, by, sealed) {
    const found = await openpgp.decrypt({
      message: await openpgp.readMessage({ binaryMessage: new Uint8Array(fs.readFileSync(sealed)) }),
      decryptionKeys: await openpgp.readPrivateKey({ armoredKey: text(own) }),
      verificationKeys: await openpgp.readKey({ armoredKey: text(by) }),
      expectSigned: true, format: 'binary',
    });
    fs.writeFileSync(out, found.data);
  },
};

acts[process.argv[3]](...process.argv.slice(4)).catch(error => {
  console.error(error.message);
  process.exit(1);
});
