// The page in Welsh: whatever text is shown, from wherever in the page, is looked up in one table (welsh.js), whose
// English has blanks in braces, as gateway/reasons/languages.py does it. What is not in it stays as it is: names, words
// to be read out, and what the gateway has signed, which is in its own languages already.
"use strict";

const Tongue = (() => {
  const DATE = /^(\d{1,2} )([A-Z][a-z]+)( \d{4})(?:( at)( \d\d:\d\d))?$/;
  const blanks = Object.keys(WELSH)
    .filter((english) => english.includes("{"))
    .sort((one, other) => other.replace(/\{\w+\}/g, "").length - one.replace(/\{\w+\}/g, "").length)
    .map((english) => {
      const names = [...english.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const literal = english.split(/\{\w+\}/).map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return { form: new RegExp(`^${literal.join("([^]*)")}$`), names, welsh: WELSH[english] };
    });
  const english = new WeakMap();

  function told(text) {
    if (Object.hasOwn(WELSH, text)) {
      return WELSH[text];
    }
    for (const { form, names, welsh } of blanks) {
      const found = form.exec(text);
      if (found) {
        return welsh.replace(/\{(\w+)\}/g, (_, name) => told(found[names.indexOf(name) + 1]));
      }
    }
    return text.replace(DATE, (_, ...parts) => parts.slice(0, 5).map((part = "") => WELSH[part] || part).join(""));
  }

  // Puts a text into a place: its English is remembered, so that the page turns back.
  function put(node, key, text, write) {
    const known = english.get(node) || {};
    const said = known[key]?.shown === text ? known[key].english : text;
    const plain = said.trim().replace(/\s+/g, " ");
    const inWelsh = document.documentElement.lang === "cy" ? told(plain) : plain;
    const shown = inWelsh === plain ? said : said.match(/^\s*/)[0] + inWelsh + said.match(/\s*$/)[0];
    english.set(node, { ...known, [key]: { english: said, shown } });
    if (shown !== text) {
      write(shown);
    }
  }

  function turn(root) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = root; node; node = walk.nextNode()) {
      if ((node.parentElement || node).closest("script, pre, output, [translate=no]")) {
        continue;
      }
      if (node.nodeType === Node.TEXT_NODE) {
        put(node, "text", node.data, (text) => (node.data = text));
      } else {
        const label = node.getAttribute("aria-label");
        if (label) {
          put(node, "label", label, (text) => node.setAttribute("aria-label", text));
        }
      }
    }
  }

  function speak(lang) {
    document.documentElement.lang = lang;
    localStorage.setItem("lang", lang);
    turn(document.documentElement);
    document.querySelectorAll("#languages button").forEach((one) => one.setAttribute("aria-pressed", String(one.lang === lang)));
  }

  return { turn, speak };
})();

new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes) {
    (addedNodes.length ? [...addedNodes] : [target]).forEach(Tongue.turn);
  }
}).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
for (const one of document.querySelectorAll("#languages button")) {
  one.addEventListener("click", () => {
    Tongue.speak(one.lang);
    showStanding().catch(() => {});
  });
}
Tongue.speak(localStorage.getItem("lang") || (navigator.language.startsWith("cy") ? "cy" : "en"));
