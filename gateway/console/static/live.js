// Keeps what stands in [data-live] as it is now, once a minute while the page is looked at. No session lasts
// longer by it, and whoever has no script loads the page again.
"use strict";

async function refresh() {
  const shown = document.querySelector("[data-live]");
  if (document.hidden || shown.contains(document.activeElement)) {
    return;
  }
  const answer = await fetch(location.href, { headers: { "x-unattended": "yes" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (answer.ok && fresh && fresh.innerHTML !== shown.innerHTML) {
    shown.replaceWith(fresh);
    document.title = page.title;
  }
}

setInterval(() => refresh().catch(() => {}), 60000);
