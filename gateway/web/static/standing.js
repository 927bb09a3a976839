// What the gateway tells of this school: what is due, held and refused, its people's keys, and its agreement. All of
// it is verified before it is shown, by the rules of gateway/send/trust.py and ceremonies.py.
"use strict";

const Standing = (() => {
  const ENTITIES = { amp: "&", lt: "<", gt: ">", "#34": '"', "#39": "'" };
  const PART = /<(div|h2|p|dt|dd)((?: [a-z-]+="[^"<>]*")*)>([^<]*)/g;
  const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  const UNSIGNED = "is not signed by the gateway’s key that you compared. Do not believe it; ring the local authority.";
  const LOOKS = 3;

  const plain = (text) => text.replace(/&([a-z]+|#\d+);/g, (all, name) => ENTITIES[name] ?? all);
  const attributesOf = (text) =>
    Object.fromEntries([...text.matchAll(/ ([a-z-]+)="([^"]*)"/g)].map(([, name, value]) => [name, plain(value)]));
  const without = (text) => text.split(/\s+/).filter((word) => word).join(" ");

  // Returns the gateway's page about this school, as it was signed; null before the gateway has made one. The page
  // and its signature are two files: for a moment, one may be newer.
  async function signedPage(kit) {
    needOurs();
    Object.assign(kit, { told: (await Kits.get("kits", kit.credential))?.told ?? kit.told }); // Another window may have seen more.
    for (let look = 1; ; look++) {
      const [html, signature] = [await published("pages/status.html"), await published("pages/status.html.asc")];
      if (html === null) {
        return null;
      }
      const verified = async () => {
        const { signatures } = await openpgp.verify({
          message: await openpgp.createMessage({ binary: utf8(html) }),
          signature: await openpgp.readSignature({ armoredSignature: signature || "" }),
          verificationKeys: await openpgp.readKey({ armoredKey: kit.gateway[kit.current] }),
          date: null,
        });
        await signatures[0].verified;
        return html;
      };
      try {
        return await Trust.followed(kit, verified);
      } catch {
        if (look === LOOKS) {
          throw new Error(`The page about your school ${UNSIGNED}`);
        }
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
  }

  // Returns { at, ratify, languages: { en: [{ heading, lines }] } } of the gateway's page; a line is { about, says, data }.
  // The page is the gateway's own template, in which every mark of a text is escaped.
  function read(html, provider) {
    const main = attributesOf(/<main((?: [a-z-]+="[^"<>]*")*)>/.exec(html)?.[1] || "");
    if (JSON.parse(main["data-provider"] || "{}").id !== provider) {
      throw new Error("The page is about another school. Do not believe it; ring the local authority.");
    }
    const told = { at: main["data-at"], ratify: null, languages: {} };
    let [sections, term] = [[], {}];
    for (const [, name, attributes, text] of html.slice(html.indexOf("<main")).matchAll(PART)) {
      const [data, said] = [attributesOf(attributes), plain(text)];
      if (name === "div") {
        sections = told.languages[data.lang] = [];
      } else if (name === "h2") {
        sections.push({ heading: said, lines: [] });
      } else if (name === "dt") {
        term = { about: said, data };
      } else if (sections.length) {
        sections.at(-1).lines.push(name === "p" ? { about: "", says: said, data } : { ...term, says: said });
        told.ratify = data["data-ratify"] || told.ratify;
      }
    }
    return told;
  }

  // Throws an Error for a page older than one that was seen before.
  async function newer(kit, told) {
    if (kit.told && Date.parse(told.at) < Date.parse(kit.told)) {
      throw new Error("The gateway shows an old page about your school. Do not believe it; ring the local authority.");
    }
    await Kits.change(kit, { told: told.at });
  }

  // Returns the agreement's text: one that the gateway's key has signed among its policies, with any line ends.
  async function agreement(kit) {
    const [text, signed] = [await published("agreement/agreement.txt"), await published("agreement/policies.asc")];
    if (text === null || signed === null) {
      throw new Error("The gateway has no agreement to sign. Ring the local authority.");
    }
    const { files } = JSON.parse(await Trust.followed(kit, () => Trust.verified(signed, [kit.gateway[kit.current]])));
    const bodies = Object.entries(files).filter(([name]) => name.endsWith(".txt"));
    if (!bodies.some(([, body]) => without(body) === without(text)) || CONTROL.test(text)) {
      throw new Error(`The text of the agreement ${UNSIGNED}`);
    }
    return text;
  }

  return { signedPage, read, newer, agreement };
})();

let agreed = "";
let watches = 0;

function listOf({ heading, lines }) {
  const list = document.createElement("dl");
  const pair = ({ about, says }) => [newElement("dt", { textContent: about || heading }), newElement("dd", { textContent: says })];
  list.append(...lines.flatMap(pair));
  return [newElement("h3", { textContent: heading }), list];
}

// One row a key of the school; those of this browser are marked.
function rowsOfKeys({ lines }) {
  return lines.map(({ about, says, data }) => {
    const row = document.createElement("tr");
    const own = [here.kit.passkey, grouped(here.kit.fingerprint)].some((one) => says.includes(one));
    cell(row, about);
    cell(row, says);
    cell(row, own ? "in this browser" : "of somebody else, or on another device");
    const revoke = (button) => revokeLogin(says, button);
    const isOther = !own && data["data-key"] === "ssh";
    cell(row, isOther ? buttonOf(here.sure === says ? "Revoke for good" : "Revoke", says, revoke, "The key was not revoked. Try again.") : "");
    return row;
  });
}

// Shows what is due, waits and came, and whose keys count, in the page's language where the gateway tells it so. What
// stood there stays until it is verified anew: whoever reads it keeps their place.
async function showStanding() {
  const { kit } = here;
  const shows = (is) => ["standing-at", "standing-list", "people"].forEach((id) => (at(id).hidden = !is));
  at("standing").hidden = !kit;
  at("agreement").hidden ||= !kit;
  try {
    const html = kit && (await Standing.signedPage(kit));
    if (kit !== here.kit || !html) {
      return html || shows(false);
    }
    const told = Standing.read(html, kit.provider);
    await Standing.newer(kit, told);
    const { lang } = document.documentElement;
    const sections = told.languages[lang] || Object.values(told.languages)[0];
    const isKeys = ({ lines }) => lines.some(({ data }) => data["data-key"]);
    at("standing-at").textContent = `Signed by the gateway’s key, as of ${momentOf(new Date(told.at))}.`;
    at("standing-list").replaceChildren(...sections.filter((one) => !isKeys(one) && one.lines.length).flatMap(listOf));
    at("people-list").replaceChildren(...sections.filter(isKeys).flatMap(rowsOfKeys));
    at("sign").hidden = !told.ratify;
    shows(true);
  } catch (error) {
    shows(false);
    throw error;
  }
}

// For two minutes, shows what the gateway makes anew: that is some seconds after it has decided on what was sent. What
// cannot be asked for is asked for again. A later watch takes the place of this one.
async function watchStanding({ kit } = here) {
  const own = ++watches;
  for (let looks = 24; kit && looks; looks--) {
    await new Promise((done) => setTimeout(done, 5000));
    const html = own === watches && kit === here.kit && (await published("pages/status.html").catch(() => null));
    if (html && !html.includes(`data-at="${kit.told}"`)) {
      await showStanding();
    }
  }
}

async function readAgreement() {
  agreed = await Standing.agreement(here.kit);
  at("agreement-text").textContent = agreed;
  at("agreement").hidden = false;
  at("agreement").querySelector("h2").focus();
}

// Signs the text that was shown, as an agreement and nothing else, in the name of whoever may sign it.
async function signAgreement() {
  const [name, office] = [at("signatory").value.trim(), at("office").value.trim()];
  const said = `Signed by: ${name}, ${office}\n\n${agreed}`;
  await outcome(await state("agreement", "agreement.txt", "we agree to the text below", said));
  at("sign").reset();
  at("sign").hidden = true;
}

does("look-again", "click", showStanding, "The gateway could not be asked. Try again.");
does("read", "click", readAgreement, "The agreement could not be read. Try again.");
does("sign", "submit", signAgreement, "The agreement was not handed in. Try again.");
