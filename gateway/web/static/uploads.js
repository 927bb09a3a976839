// Uploads in parts by tus 1.0: what was cut off goes on where it stopped, in this visit or the next.
"use strict";

const Uploads = (() => {
  const PART_BYTES = 1024 * 1024;
  const PATIENCE = [1, 2, 4, 8, 15, 30, 60];
  const TUS = { "Tus-Resumable": "1.0.0" };

  // `later`: not for what the file is. It may be sent once somebody has logged in again, or on another day.
  class Refused extends Error {}

  async function checked(answer) {
    if (answer.ok) {
      return answer;
    }
    const told = await answer.json().catch(() => null); // An answer may be without a sentence.
    const said = told?.said || "The gateway did not take the file. Try again later.";
    // What a repetition may mend: the gateway restarts, is full for a moment, or knows another offset.
    if ([409, 423, 500, 502, 503, 504].includes(answer.status)) {
      throw new Error(said);
    }
    throw Object.assign(new Refused(said), { later: [401, 404, 429].includes(answer.status) });
  }

  async function begin(name, length, folder) {
    const metadata = `filename ${base64(utf8(name))},folder ${base64(utf8(folder))}`;
    const headers = { ...TUS, "Upload-Length": String(length), "Upload-Metadata": metadata };
    return (await checked(await fetch("/api/uploads", { method: "POST", headers }))).headers.get("Location");
  }

  async function reached(place, asked = { method: "HEAD", headers: TUS }) {
    const { headers } = await checked(await fetch(place, asked));
    return [Number(headers.get("Upload-Offset")), headers.get("Gateway-Reference")];
  }

  async function append(place, blob, offset) {
    const headers = { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    return reached(place, { method: "PATCH", headers, body: blob.slice(offset, offset + PART_BYTES) });
  }

  // Sends a blob under a name; returns its reference. `place`: an upload that an earlier visit began.
  async function send(blob, name, folder, progress, place = null) {
    let [offset, reference, failures] = [null, null, 0];
    while (!reference) {
      try {
        place = place || (await begin(name, blob.size, folder));
        [offset, reference] = offset === null ? await reached(place) : await append(place, blob, offset);
        failures = 0;
        progress(offset / blob.size);
      } catch (error) {
        if (error instanceof Refused || failures >= PATIENCE.length) {
          throw error;
        }
        offset = null;
        await new Promise((done) => setTimeout(done, 1000 * PATIENCE[failures++]));
      }
    }
    return reference;
  }

  return { send, Refused };
})();
