// Keeps this version of the page for when there is no network: a file is sealed then, and sent later. With a network,
// nothing kept is used: each visit asks the gateway. A version is kept whole, and only where the digest over its files is
// the one that the gateway states, in its log and in the notes of its release.
"use strict";

const PAGE = ["/", "/worker.js"];

async function digestOf(data) {
  const told = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(told, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// `loaded`: the paths of what the page loads.
async function keep(loaded) {
  const asked = (path) => fetch(path, { cache: "no-store" });
  const stated = await (await asked("/digest")).text();
  const answers = await Promise.all([...PAGE, ...loaded].map(async (path) => [path, await asked(path)]));
  const lines = answers.map(async ([path, answer]) => {
    const name = path.split("/").pop() || "index.html";
    return `${name} ${await digestOf(await answer.clone().arrayBuffer())}\n`;
  });
  const digest = await digestOf(new TextEncoder().encode((await Promise.all(lines)).sort().join("")));
  if (digest !== stated) {
    throw new Error("other files than the stated digest is of");
  }
  const cache = await caches.open(digest);
  await Promise.all(answers.map(([path, answer]) => cache.put(path, answer)));
  const old = (await caches.keys()).filter((name) => name !== digest);
  await Promise.all(old.map((name) => caches.delete(name)));
}

self.addEventListener("message", (event) => {
  const tell = (said) => event.ports[0].postMessage(said);
  event.waitUntil(keep(event.data).then(() => tell("kept"), (error) => tell(`not kept: ${error.message}`)));
});

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === location.origin && /^\/($|static\/|worker\.js$)/.test(pathname)) {
    const kept = async () => (await caches.match(pathname)) || Response.error();
    event.respondWith(fetch(event.request).catch(kept));
  }
});
