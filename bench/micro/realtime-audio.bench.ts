import { bench, describe } from "vitest";
import { parseServerEvent } from "../../src/wire/realtime.js";
import { AppendWriter, DeltaScan, scanDelta } from "../../src/wire/realtime-audio.js";

function delta(bytes: number): Uint8Array {
  const audio = Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 37) & 0xff)).toString(
    "base64",
  );
  return new Uint8Array(
    Buffer.from(
      `{"type":"response.output_audio.delta","event_id":"event_DXyz0123456789abcdefg","response_id":"resp_DXyz0123456789abcdefg","item_id":"item_DXyz0123456789abcdefg","output_index":0,"content_index":0,"delta":"${audio}"}`,
    ),
  );
}

for (const bytes of [400, 8000]) {
  describe(`an audio delta in, ${bytes / 8} ms`, () => {
    const event = delta(bytes);
    const out = new DeltaScan();
    bench("scanDelta", () => {
      if (!scanDelta(event, out)) throw new Error("not found");
    });
    bench("parseServerEvent", () => {
      parseServerEvent(event);
    });
  });
}

describe("an append out, 20 ms", () => {
  const writer = new AppendWriter();
  const frame = new Uint8Array(160);
  const base64 = new Uint8Array(Buffer.from(Buffer.from(frame).toString("base64")));
  bench("AppendWriter.append", () => {
    writer.append(base64, 0, base64.length);
  });
  bench("AppendWriter.appendUlaw", () => {
    writer.appendUlaw(frame, 0, frame.length);
  });
  bench("JSON.stringify", () => {
    const audio = Buffer.from(base64).toString("latin1");
    Buffer.from(JSON.stringify({ type: "input_audio_buffer.append", audio }));
  });
});
