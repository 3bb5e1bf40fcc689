/**
 * The command line: what there is, what each flag means, and where it goes. Each command is loaded when it is run, so
 * that --help answers at once.
 */
import { Command, CommanderError } from "commander";
import { VERSION } from "../domain/version.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

/** @returns the exit status: 0 done, 1 failed, 2 wrong usage or settings. */
export async function runProgram(args: readonly string[], io: CliIo): Promise<number> {
  let status = EXIT_OK;
  const program = new Command("murelay")
    .description("Relay between Twilio phone calls and the OpenAI Realtime API")
    .version(VERSION, "-V, --version", "print the version")
    .option(
      "--settings <path>",
      "settings file, below the environment (default: .env, if there is one)",
    )
    .showHelpAfterError("(--help explains every flag)")
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
    })
    .exitOverride();
  const run = (work: () => Promise<number> | number) => async () => {
    status = await work();
  };

  const serve = program.command("serve").description("run the relay until SIGTERM or Ctrl-C");
  serve
    .option("--print-config", "print the settings in force, secrets redacted, and exit")
    .option(
      "--record",
      "flight recorder: keep every message of every call in RECORDINGS_DIR, for replay",
    )
    .action(() =>
      run(async () =>
        (await import("./serve.js")).serve(
          io,
          serve.opts<{ printConfig?: boolean; record?: boolean }>(),
        ),
      )(),
    );

  const worker = program.command("worker", { hidden: true });
  worker
    .description("one of several relay processes; started by serve, never by hand")
    .option("--record", "as serve --record")
    .action(() =>
      run(async () =>
        (await import("./worker.js")).worker(io, worker.opts<{ record?: boolean }>()),
      )(),
    );

  program
    .command("demo")
    .description("place one whole call over loopback against simulated peers; no account needed")
    .option(
      "--keep",
      "stay up afterwards, for more calls and for talking by the browser, until Ctrl-C",
    )
    .option(
      "--live",
      "talk by the browser to OpenAI's real model (OPENAI_API_KEY); no play before it",
    )
    .option("--sip", "the call runs over SIP: conference, webhook, sideband, warm transfer")
    .allowExcessArguments(false)
    .action(() =>
      run(async () =>
        (await import("./harness-command.js")).runHarness(io, "demo", after(args, "demo")),
      )(),
    );

  program
    .command("bench")
    .description("play Twilio and the model against a relay under load, and measure it")
    // The harness reads, explains and refuses its own flags.
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() =>
      run(async () =>
        (await import("./harness-command.js")).runHarness(io, "bench", after(args, "bench")),
      )(),
    );

  program
    .command("doctor")
    .description(
      "check settings, agents file, Twilio, OpenAI, database, public URL and clock; exit 1 if any fails",
    )
    .action(() => run(async () => (await import("./doctor.js")).doctor(io))());

  const call = program
    .command("call")
    .description("place an outbound call through the running relay");
  call
    .argument("<number>", "E.164 number to call")
    .requiredOption("--agent <name>", "agent that talks")
    .option("--from <number>", "caller ID: one of the account's numbers")
    .option("--context <json>", "JSON object that the agent is given")
    .action((to: string) =>
      run(async () =>
        (await import("./call-command.js")).call(
          io,
          to,
          call.opts<{ agent: string; from?: string; context?: string }>(),
        ),
      )(),
    );

  const replay = program
    .command("replay")
    .description("play a flight recording through the relay again");
  replay
    .argument("<file>", "a flight recording: CA….flight.jsonl")
    .option("--json", "print the result as JSON")
    .option(
      "--write <path>",
      "keep the recording that the replay makes of itself, to compare by eye",
    )
    .addHelpText("after", "\nExits with 1 where what the relay sent differs from the recording.")
    .action((file: string) =>
      run(async () =>
        (await import("./replay-command.js")).replayFile(
          io,
          file,
          replay.opts<{ json?: boolean; write?: string }>(),
        ),
      )(),
    );

  const number = program.command("number").description("Twilio numbers of the account");
  const set = number
    .command("set")
    .description("point a number's voice, fallback and status webhooks at this relay");
  set
    .argument("<number>", "E.164 number of the account")
    .option("--sip", "use the SIP path instead of Media Streams")
    .option("--dry-run", "say what would change, and change nothing")
    .action((e164: string) =>
      run(async () =>
        (await import("./number-command.js")).setNumber(
          io,
          e164,
          set.opts<{ sip?: boolean; dryRun?: boolean }>(),
        ),
      )(),
    );

  program
    .command("trunk")
    .description("the SIP path: numbers in conferences, Elastic SIP Trunks")
    .command("check")
    .description(
      "say what must be set where at OpenAI and Twilio, and check it; exit 1 if anything fails",
    )
    .action(() => run(async () => (await import("./trunk-command.js")).checkTrunk(io))());

  const config = program.command("config").description("settings and the agents file's schema");
  config
    .command("print")
    .description("print the settings in force, secrets redacted")
    .option("--json", "print them as JSON")
    .action((options: { json?: boolean }) =>
      run(async () => (await import("./config-command.js")).printConfig(io, options))(),
    );
  config
    .command("schema")
    .description("print the JSON Schema of the agents file")
    .action(() => run(async () => (await import("./config-command.js")).printSchema(io))());

  if (args.length === 0) {
    io.err(program.helpInformation().trimEnd());
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
  return status;
}

/** What stands behind the command: a harness reads its own flags. */
function after(args: readonly string[], command: string): readonly string[] {
  return args.slice(args.indexOf(command) + 1);
}
