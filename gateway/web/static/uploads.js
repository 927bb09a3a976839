// Uploads in parts by tus 1.0: what was cut off goes on where it stopped, in this visit or the next.
"use strict";

const Uploads = (() => {
  const PART_BYTES = 1024 * 1024;
  const PATIENCE = [1, 2, 4, 8, 15, 30, 60];
  const TUS = { "Tus-Resumable": "1.0.0" };
  // What a repetition may mend: the network failed, the gateway restarts, is busy, or knows another offset.
  const PASSING = [undefined, 409, 423, 500, 502, 503, 504];
  // Not for what the file is: it may be sent once somebody has logged in again, on another day, or where there is room.
  const LATER = [401, 404, 429, 507];

  const refused = ({ status }) => ![...PASSING, ...LATER].includes(status);

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
        if (!PASSING.includes(error.status) || failures >= PATIENCE.length) {
          throw error;
        }
        offset = null;
        await new Promise((done) => setTimeout(done, 1000 * PATIENCE[failures++]));
      }
    }
    return reference;
  }

  return { send, refused };
})();
