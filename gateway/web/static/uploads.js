// Uploads in parts by tus 1.0: what was cut off goes on where it stopped, in this visit or the next.
"use strict";

const Uploads = (() => {
  const PART_BYTES = 1024 * 1024;
  const PATIENCE = [1, 2, 4, 8, 15, 30, 60];
  const TUS = { "Tus-Resumable": "1.0.0" };

  const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

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
    throw new Refused(said);
  }

  async function begin(name, length, folder) {
    const metadata = `filename ${base64(utf8(name))},folder ${base64(utf8(folder))}`;
    const headers = { ...TUS, "Upload-Length": String(length), "Upload-Metadata": metadata };
    return (await checked(await fetch("/api/uploads", { method: "POST", headers }))).headers.get("Location");
  }

  async function reached(place) {
    const answer = await checked(await fetch(place, { method: "HEAD", headers: TUS }));
    return [Number(answer.headers.get("Upload-Offset")), answer.headers.get("Gateway-Reference")];
  }

  async function append(place, blob, offset) {
    const headers = { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    const body = blob.slice(offset, offset + PART_BYTES);
    const answer = await checked(await fetch(place, { method: "PATCH", headers, body }));
    return [Number(answer.headers.get("Upload-Offset")), answer.headers.get("Gateway-Reference")];
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
        await wait(PATIENCE[failures++]);
      }
    }
    return reference;
  }

  return { send, Refused };
})();
