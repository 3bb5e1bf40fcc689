/**
 * A process that fetches and transcribes two recordings at once and prints how far its memory rose, in bytes:
 * `recording-fetcher.ts TWILIO_URL OPENAI_URL DIRECTORY`. RE0 is a short one that warms everything up.
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
await Promise.all([run("RE1"), run("RE2")]);
clearInterval(sampling);
console.log(most - before);
