// Passkeys of a school's people: made here, used here. The secret half never leaves the device.
"use strict";

const Passkeys = (() => {
  const KIND = "sk-ecdsa-sha2-nistp256@openssh.com";
  const ES256 = -7;
  const POINT_BYTES = 65;
  // What the passkey's own secret is asked for (WebAuthn Level 3, PRF): it opens the OpenPGP key, where there is one.
  const PRF = { prf: { eval: { first: new TextEncoder().encode("gateway: the lock of an OpenPGP key") } } };

  const encoded = (buffer) => base64(new Uint8Array(buffer));
  const url = (buffer) => encoded(buffer).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const decoded = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

  // The public key in OpenSSH's form: that of a token for this site (PROTOCOL.u2f).
  function sshBlob(point) {
    const parts = [utf8(KIND), utf8("nistp256"), point, utf8(`ssh:${location.hostname}`)];
    return Uint8Array.from(parts.flatMap((part) => [0, 0, part.length >> 8, part.length & 255, ...part]));
  }

  // Returns the secret that a passkey gave, as text; null where it gives none.
  function secretOf(credential) {
    const { prf } = credential.getClientExtensionResults();
    return prf?.results?.first ? encoded(prf.results.first) : null;
  }

  // Asks a new passkey for its secret, where it has one and did not give it when it was made.
  async function secretOfNew(credential) {
    if (secretOf(credential) || !credential.getClientExtensionResults().prf?.enabled) {
      return secretOf(credential);
    }
    return (await unlock([{ type: "public-key", id: credential.rawId }])).secret;
  }

  // Returns { id, line, fingerprint, secret }: the line to enrol, and what opens a key. The handle tells the school at the login, and is random
  // beyond that: two people who share a device keep a passkey each.
  async function make(school) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    const credential = await navigator.credentials.create({
      publicKey: {
        rp: { id: location.hostname, name: "File gateway" },
        user: { id: utf8(`${school}:${url(random)}`), name: school, displayName: school },
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        pubKeyCredParams: [{ type: "public-key", alg: ES256 }],
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        attestation: "none",
        extensions: PRF,
      },
    });
    const point = new Uint8Array(credential.response.getPublicKey()).slice(-POINT_BYTES);
    const blob = sshBlob(point);
    const digest = encoded(await crypto.subtle.digest("SHA-256", blob)).replaceAll("=", "");
    const line = `${KIND} ${encoded(blob)}\n`;
    return { id: credential.id, line, fingerprint: `SHA256:${digest}`, secret: await secretOfNew(credential) };
  }

  // Returns { id, secret } without the gateway: what opens a key here, and logs nobody in.
  async function unlock(allowCredentials = []) {
    const challenge = crypto.getRandomValues(new Uint8Array(32));
    const publicKey = { challenge, allowCredentials, userVerification: "required", extensions: PRF };
    const credential = await navigator.credentials.get({ publicKey });
    return { id: credential.id, secret: secretOf(credential) };
  }

  // Returns { id, secret } of the passkey that let in. The secret is not sent.
  async function logIn() {
    const publicKey = await (await checked(await fetch("/api/login"))).json();
    publicKey.challenge = decoded(publicKey.challenge);
    publicKey.allowCredentials = [];
    publicKey.extensions = PRF;
    const credential = await navigator.credentials.get({ publicKey });
    const parts = ["clientDataJSON", "authenticatorData", "signature", "userHandle"];
    const response = Object.fromEntries(parts.map((part) => [part, url(credential.response[part] || new ArrayBuffer(0))]));
    const { id, type } = credential;
    const body = JSON.stringify({ id, rawId: url(credential.rawId), type, response });
    await checked(await fetch("/api/login", { method: "POST", body }));
    localStorage.login = id;
    return { id, secret: secretOf(credential) };
  }

  return { make, logIn, unlock };
})();
