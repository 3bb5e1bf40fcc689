/**
 * A process that fetches and transcribes two recordings, one after the other as the jobs are done, and prints how far its memory rose, in bytes:
 * `recording-fetcher.ts TWILIO_URL OPENAI_URL DIRECTORY`. RE0 comes first, so that
 * V8 has its working set: it lets some 30 MB of read buffers pile up before it first collects them, whatever the length.
 */
import { TwilioRecordings } from "../../src/adapters/recordings.js";
import { OpenAiTranscriptions } from "../../src/adapters/transcriptions.js";

const [twilioUrl = "", openAiUrl = "", directory = ""] = process.argv.slice(2);
const source = new TwilioRecordings({
  baseUrl: twilioUrl,
  accountSid: "AC1",
  user: "AC1",
  password: "secret",
  directory,
});
const transcriber = new OpenAiTranscriptions({ baseUrl: openAiUrl, apiKey: "sk-test", directory });

async function run(sid: string): Promise<void> {
  const file = await source.download(sid, "dual");
  await transcriber.transcribe(file, { model: "whisper-1", words: true, dual: true });
}

await run("RE0");
const before = process.memoryUsage().rss;
let most = before;
const sampling = setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
}, 10);
for (const sid of ["RE1", "RE2"]) await run(sid);
clearInterval(sampling);
console.log(most - before);
