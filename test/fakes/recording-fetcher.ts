/**
 * A process that fetches and transcribes two recordings and prints how far its memory rose above
 * what it was before the first, in bytes: `recording-fetcher.ts TWILIO_URL OPENAI_URL DIRECTORY
 * in-turn|at-once`.
 */

import { OpenAiTranscriptions } from "../../src/adapters/openai/transcriptions.js";
import { TwilioRecordings } from "../../src/adapters/twilio/recordings.js";

const [twilioUrl = "", openAiUrl = "", directory = "", order = "in-turn"] = process.argv.slice(2);
const source = new TwilioRecordings({
  baseUrl: twilioUrl,
  accountSid: "AC1",
  user: "AC1",
  password: "secret",
  directory,
});
const transcriber = new OpenAiTranscriptions({ baseUrl: openAiUrl, apiKey: "sk-test", directory });

async function fetchAndTranscribe(sid: string): Promise<void> {
  const file = await source.download(sid, "dual");
  await transcriber.transcribe(file, { model: "whisper-1", words: true, dual: true });
}

const before = process.memoryUsage().rss;
let most = before;
const sampling = setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
}, 10);
if (order === "at-once") await Promise.all(["RE1", "RE2"].map(fetchAndTranscribe));
else for (const sid of ["RE1", "RE2"]) await fetchAndTranscribe(sid);
clearInterval(sampling);
console.log(most - before);
