// Before a file leaves: a first look at its name, its first bytes and its headings, by the list that the gateway signed.
// It decides nothing: what the page does not know is shown, and the receipt has the last word.
"use strict";

const Look = (() => {
  const HEAD_BYTES = 1024 * 1024;
  const ROWS = 20;
  const LEAST_KNOWN = 2;
  const NAME_LENGTH = 100;
  const DAY = /\s*[([]\s*\d{1,4}(?:[/. -]\w+){1,2}[^()[\]]*[)\]]\s*$/; // Of a column, as systems add it at its end.
  const MOST_TAKEN = 64 * 1024 * 1024;
  const TAG = /<(\/?)(?:[\w.-]+:)?([\w.-]+)((?:\s[^<>]*?)?)(\/?)>/g;
  const [QUOTE, LF, CR] = [0x22, 0x0a, 0x0d];
  // What is no data from a school's system, by its first bytes.
  const DOCUMENTS = [
    [/^%PDF-/, "a PDF document"],
    [/^\{\\rtf/, "a text document"],
    [/^(\x89PNG|\xff\xd8\xff|GIF8|II\*\x00|MM\x00\*)/, "a picture"],
    [/^MZ/, "a program"],
  ];
  const DOCUMENT_NAMES = /\.(docx?|odt|pptx?|odp|msg|eml|pages)$/i;

  // As gateway.classify.format_rules has it: without case, blanks and punctuation.
  const plain = (name) =>
    name.replaceAll("%", "percent").replaceAll(" & ", "and").replace(/[^\p{L}\p{N}]+/gu, "").toLowerCase() || name.trim();

  // Python's patterns in JavaScript: the end of a text, and repetitions that are not tried again.
  function pattern(text, words, number) {
    const whole = text.replaceAll("\\Z", "$");
    const of = whole.replaceAll("{words}", () => `(?=(?<w${number}>${words.replace(/\+$/, "")}))\\k<w${number}>`);
    return new RegExp(`^(?:${of})$`);
  }

  // Returns { column(name), element({ parent, name, within }), kind(name) } of a list: "" for what the agreement or a system has,
  // a label for what stands outside the agreement, and null for what is not known.
  function known(list) {
    const [columns, elements, patterns] = [new Map(), new Map(), []];
    const [containers, theirs] = [new Set(list.containers), new Set()];
    for (const field of list.fields) {
      const is = field.outside || "";
      field.columns.forEach((name) => columns.set(name, is));
      field.elements.forEach((name) => elements.set(name, is));
      field.elements.forEach((name) => field.of_others && theirs.add(name));
      field.patterns.forEach((text) => patterns.push([pattern(text, list.words, patterns.length), is]));
    }
    list.subjects.forEach((name) => columns.set(name, columns.get(name) || ""));
    list.by_law.forEach((name) => elements.set(name, elements.get(name) || ""));
    const notes = new RegExp(list.notes, "i");
    const [prefixes, suffixes] = list.affixes;

    function column(name) {
      const text = plain(name.replace(DAY, ""));
      const bare = text.slice((prefixes.find((one) => text.startsWith(one)) || "").length);
      const end = suffixes.find((one) => text.endsWith(one)) || " ";
      const cut = (form) => (form.endsWith(end) ? form.slice(0, -end.length) : form);
      const form = [text, bare, cut(text), cut(bare)].find((one) => columns.has(one));
      const wide = form === undefined && text && text.length <= NAME_LENGTH && !notes.test(name);
      return columns.get(form) ?? (wide ? patterns.find(([one]) => one.test(text))?.[1] : null) ?? null;
    }

    // Within people around a pupil, only what is named with them, and such as telephone numbers: the rest is not the pupil's.
    function element({ parent, name, within }) {
      const forms = [`${parent}/${name}`, `${parent}/*`, name];
      const named = [`${within}/${name}`, `${within}/*`, ...forms.filter((one) => theirs.has(one))];
      const form = (within ? named : forms).find((one) => elements.has(one));
      return elements.get(form) ?? (containers.has(name) ? "" : null);
    }

    const kind = (name) => list.kinds.find(([text]) => new RegExp(text, "i").test(name))?.[1] || null;
    return { column, element, kind, others: new Set(list.others) };
  }

  // Yields the rows of bytes as cells, [start, end[ each, with the end of the row; separators are ASCII.
  function* rows(bytes, separator) {
    let [cells, start, quoted, filled] = [[], 0, false, false];
    for (let at = 0; at <= bytes.length; at++) {
      const byte = at < bytes.length ? bytes[at] : LF;
      if (byte === QUOTE && (quoted || !filled)) {
        quoted = !quoted;
        filled = true;
      } else if (!quoted && (byte === separator || byte === LF)) {
        cells.push([start, at - (byte === LF && bytes[at - 1] === CR && at > start ? 1 : 0)]);
        [start, filled] = [at + 1, false];
        if (byte === LF) {
          yield { cells, end: Math.min(at + 1, bytes.length) };
          cells = [];
        }
      } else if (byte !== 0x20) {
        filled = true;
      }
    }
  }

  function separatorOf(head) {
    const count = (sign) => raw(head.subarray(0, 8192)).split(sign).length;
    return [",", ";", "\t", "|"].sort((one, other) => count(other) - count(one))[0].charCodeAt(0);
  }

  function decoded(bytes) {
    const text = new TextDecoder().decode(bytes);
    return text.includes("\ufffd") ? new TextDecoder("windows-1252").decode(bytes) : text;
  }

  // Returns { row, separator, headings } of a table: the row that has most known headings; null without one.
  function headingsOf(head, of) {
    const separator = separatorOf(head);
    let [best, row] = [null, 0];
    for (const { cells } of rows(head, separator)) {
      const names = cells.map(([start, end]) => decoded(head.subarray(start, end)).trim().replace(/^\ufeff?"(.*)"$/s, "$1"));
      const score = names.filter((name) => name && of.column(name) !== null).length;
      if (score >= LEAST_KNOWN && score > (best ? best.score : 0)) {
        best = { row, separator, score, headings: names };
      }
      if (++row === ROWS) {
        break;
      }
    }
    return best;
  }

  // Yields the elements of XML that hold no others: { parent, name, within, start, end }. `within`: the path from one of
  // `others`, the elements of people around a pupil, or "".
  function* leaves(text, others) {
    const stack = [];
    let start = null;
    for (const { 0: tag, 1: end, 2: name, 4: empty, index } of text.matchAll(TAG)) {
      if (end && start !== null && stack.length > 2) {
        const from = stack.slice(0, -1).findLastIndex((one) => others.has(one));
        const within = from < 0 ? "" : stack.slice(from, -1).join("/");
        yield { parent: stack.at(-2), name, within, start, end: index + tag.length };
      }
      void (end ? stack.pop() : empty || stack.push(name));
      start = end || empty ? null : index;
    }
  }

  // Returns the names of elements at the start of XML that the agreement does not have: [names, label or null] each.
  function elementsOf(text, of) {
    const by = new Map();
    for (const leaf of leaves(text, of.others)) {
      const label = of.element(leaf);
      void (label === "" || by.set(label, (by.get(label) || new Set()).add(leaf.name)));
    }
    return [...by].map(([label, names]) => [[...names].join(", "), label, names]);
  }

  // Returns { kind, others, cut }: what is told of a file, the headings that the agreement does not have, and what takes
  // one out of the file's bytes.
  async function first(file) {
    const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    const start = raw(head.subarray(0, 64));
    const is = DOCUMENTS.find(([one]) => one.test(start))?.[1] || (DOCUMENT_NAMES.test(file.name) ? "a document" : null);
    if (await Sealing.isSealed(file)) {
      return { kind: "It is encrypted already, and goes as it is. The page cannot look into it; its receipt will say." };
    }
    if (is || file.size === 0) {
      const stop = `This is ${is}, and no data as your system exports it. Choose the one that your system exported.`;
      return { stop: file.size ? stop : "The file is empty. Look whether it is the one that you meant." };
    }
    if (start.startsWith("PK") || start.startsWith("\xd0\xcf\x11\xe0")) {
      return { kind: "It is a workbook or an archive. The page does not look into it; its receipt will say." };
    }
    const of = known(await list());
    const kind = of.kind(file.name);
    const told = kind ? `By its name, it is of the kind: ${kind}.` : "Its name does not tell its kind; its receipt will.";
    if (/^(\xef\xbb\xbf)?\s*</.test(start)) {
      const isOut = (leaf, names) => names.has(leaf.name) && of.element(leaf) !== "";
      const cut = (bytes, names) => withoutElements(bytes, of.others, (one) => isOut(one, names));
      return { kind: told, others: elementsOf(decoded(head), of), cut };
    }
    const table = /^(\xff\xfe|\xfe\xff)/.test(start) ? null : headingsOf(head, of);
    if (!table) {
      return { kind: `${told} The page finds no row of headings that it knows; its receipt will say.` };
    }
    const others = table.headings.map((name, column) => [name, name ? of.column(name) : "", column]);
    const cut = (bytes, column) => withoutColumn(bytes, table, column);
    return { kind: told, others: others.filter(([, label]) => label !== ""), cut };
  }

  // Returns a new file without what is cut out; every other byte stays.
  async function without(file, cut, which) {
    if (file.size > MOST_TAKEN) {
      throw new Error("The file is too large to be changed here. Leave the column out when you export it.");
    }
    return new File(cut(new Uint8Array(await file.arrayBuffer()), which), file.name, { type: file.type });
  }

  function withoutElements(bytes, others, isOut) {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const [parts, out] = [[], [...leaves(text, others)].filter(isOut)];
    [...out, { start: text.length }].forEach(({ start }, place) => parts.push(text.slice(place && out[place - 1].end, start)));
    return parts;
  }

  function withoutColumn(bytes, table, column) {
    const [parts, separator] = [[], Uint8Array.of(table.separator)];
    let row = 0;
    for (const { cells, end } of rows(bytes, table.separator)) {
      const left = row++ < table.row ? cells : cells.filter((_, place) => place !== column);
      left.forEach(([from, to], place) => parts.push(...(place ? [separator] : []), bytes.subarray(from, to)));
      parts.push(bytes.subarray(cells.at(-1)[1], end));
    }
    return parts;
  }

  // Returns the list of headings that the gateway signed, never an older one than before. Throws an Error without it.
  async function list() {
    if (!here.kit) {
      throw new Error("this browser does not know the gateway’s key");
    }
    try {
      const { headings = "" } = { ...here.kit, ...(await Kits.get("kits", here.kit.credential)) };
      const list = await (await fetch("/api/agreement/headings.asc")).text();
      const verified = () => Trust.verified(list, Object.values(here.kit.gateway));
      const told = JSON.parse(await Trust.followed(here.kit, verified));
      if (told.at >= headings) {
        await Kits.change(here.kit, { headings: told.at });
        return told;
      }
    } catch {
      // Told below, as an older list is.
    }
    throw new Error("the list of headings is missing, older than before, or not signed by the gateway’s key");
  }

  // Returns what is told of a file, whether or not the list is there.
  const told = (file) =>
    first(file).catch(({ message }) => ({ kind: `The page did not look into the file: ${message}. Its receipt will say.` }));

  return { known, told, without };
})();

let looks = 0;

function rowOfHeading(file, cut, [name, label, column]) {
  const row = at("heading").content.cloneNode(true);
  const [of, why, out] = ["strong", "p", "button"].map((one) => row.querySelector(one));
  of.textContent = name;
  why.textContent = label
    ? `${label}: the agreement does not list it. The gateway keeps it from whoever may not have it, or refuses the file.`
    : why.textContent;
  out.textContent = `Take out ${name}`;
  out.addEventListener("click", () =>
    acting(out, () => takeOut(file, cut, name, column), "The column was not taken out. Leave it out when you export."),
  );
  return row;
}

async function takeOut(file, cut, name, column) {
  const given = new DataTransfer();
  given.items.add(await Look.without(file, cut, column));
  at("file").files = given.files;
  await lookAt();
  tell("said", `${name} is taken out of what is sent. The file on your disk stays as it is.`);
}

async function lookAt() {
  const [file, turn] = [at("file").files[0], ++looks];
  at("seen").hidden = at("problem").hidden = true;
  if (!file) {
    return;
  }
  const { stop, kind, others = [], cut } = await Look.told(file);
  if (turn === looks) {
    Object.assign(at("seen-said"), { textContent: stop || kind, className: stop ? "problem" : "hint" });
    at("seen-others").replaceChildren(...others.map((other) => rowOfHeading(file, cut, other)));
    at("seen-list").hidden = others.length === 0;
    at("seen").hidden = false;
  }
}

["change", "cancel"].forEach((event) => at("file").addEventListener(event, lookAt)); // Chromium: the same path, chosen again.
at("send").addEventListener("reset", () => {
  looks++;
  at("seen").hidden = true;
});
