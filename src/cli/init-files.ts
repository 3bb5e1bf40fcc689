/** The files of a new project: answers go in, texts come out. */
import { readFileSync } from "node:fs";

export interface ProjectAnswers {
  /** Of the business that the agent answers for. */
  readonly business: string;
  /** BCP 47 tag. */
  readonly language: string;
  /** IANA name. */
  readonly timeZone: string;
  /** E.164; null: there is no human to transfer callers to. */
  readonly human: string | null;
  /** `https://…`; null: not known yet. */
  readonly publicUrl: string | null;
}

export interface ProjectFile {
  readonly path: string;
  readonly text: string;
  /** Contains secrets. */
  readonly secret?: boolean;
}

/** @param schemas  folder of murelay's schemas, from the folder of the project. */
export function projectFiles(
  answers: ProjectAnswers,
  schemas = "node_modules/murelay",
): readonly ProjectFile[] {
  return [
    { path: "agents.yaml", text: agentsYaml(answers, schemas) },
    { path: ".env", text: envFile(answers), secret: true },
    { path: "tools/order-status.mjs", text: template("order-status.mjs") },
    { path: "tools/order-status.test.mjs", text: template("order-status.test.mjs") },
    { path: "conversations/support.yaml", text: conversations(answers, schemas) },
    { path: "README.md", text: readme(answers) },
    { path: ".gitignore", text: ".env\ndata/\nnode_modules/\n" },
  ];
}

/** A file of `templates/init`, two folders up from here, both from `src` and from `dist`. */
function template(name: string): string {
  return readFileSync(new URL(`../../templates/init/${name}`, import.meta.url), "utf8");
}

/** A double-quoted YAML text: JSON is a part of YAML. */
const quoted = (text: string): string => JSON.stringify(text);

function agentsYaml(
  { business, language, timeZone, human }: ProjectAnswers,
  schemas: string,
): string {
  const tools = ["order_status", ...(human === null ? [] : ["transfer_call"]), "end_call"];
  const isEnglish = /^en\b/i.test(language);
  const transfer =
    human === null
      ? [
          "    # Without a human, key 0 does nothing, and callers hear an apology when the agent fails. Set",
          "    # HUMAN_AGENT_NUMBER in .env and add transfer_call to tools, or name several destinations:",
        ]
      : [
          "    # Callers who ask for a human, press 0 or whose agent fails reach HUMAN_AGENT_NUMBER of .env. To",
          "    # have several destinations, name them here; the agent chooses by their descriptions:",
        ];
  return [
    `# yaml-language-server: $schema=./${schemas}/agents.schema.json`,
    "# The agents of this project. Check this file with: npx murelay config check",
    "# All keys: node_modules/murelay/docs/agents.md. Editors complete them by the schema above.",
    "",
    "agents:",
    "  support:",
    "    # What the agent is told. Placeholders: {{date}} {{time}} {{weekday}} {{caller_number}}",
    "    instructions: |",
    `      You are the phone agent of ${oneLine(business)}. You are friendly, calm and brief.`,
    "      This is a phone call: say one or two short sentences at a time, without lists.",
    "      Look orders up with order_status before you say anything about them. Never guess.",
    ...(human === null
      ? []
      : [
          "      If the caller asks for a person, say that you will connect them and use transfer_call.",
        ]),
    "      When the caller has no further question, say goodbye and use end_call.",
    ...(isEnglish ? [] : [`      Speak only the language with the code "${language}".`]),
    ...(isEnglish ? [] : ["    # Translate the greeting: the agent says exactly this."]),
    `    greeting: ${quoted(`Thank you for calling ${oneLine(business)}. How can I help?`)}`,
    "    voice: marin",
    `    language: ${language}`,
    `    time_zone: ${timeZone}`,
    `    tools: [${tools.join(", ")}]`,
    ...transfer,
    "    # transfer:",
    "    #   destinations:",
    '    #     front_desk: {dial: "+15551112222", description: general questions, timeout_s: 20}',
    "    limits: {max_call_minutes: 20, idle_hangup_s: 60}",
    "",
    '# Which agent answers which number. "*" stands for every number that is not named.',
    'numbers: {"*": support}',
    "",
    "tools:",
    "  order_status:",
    "    # A module of yours. To call a server over HTTP instead, see docs/tools.md there.",
    "    module: ./tools/order-status.mjs",
    ...(isEnglish
      ? []
      : ["    # Translate this too: the agent says it when the tool takes longer."]),
    "    say_while_waiting: Let me look that up.",
    "",
  ].join("\n");
}

function conversations({ human }: ProjectAnswers, schemas: string): string {
  return [
    `# yaml-language-server: $schema=../${schemas}/conversations.schema.json`,
    "# Conversations with the agent, run by: npx murelay test",
    "# The simulated model calls a tool when the caller's words match the tool's description. All keys:",
    "# node_modules/murelay/docs/testing.md",
    "",
    "agents_file: ../agents.yaml",
    "conversations:",
    "  - name: the status of an order",
    "    turns:",
    "      - caller: Hello, where is my order?",
    "        expect: {tools: []}",
    '      - caller: "The number is 4217."',
    "        expect:",
    '          tool: {name: order_status, arguments: {order: "4217"}}',
    "          says: on its way",
    "",
    "  - name: goodbye",
    "    turns:",
    "      - caller: Thanks, goodbye!",
    "        expect: {tool: end_call, ended: true}",
    "",
    ...(human === null
      ? []
      : [
          "  - name: a caller who wants a person",
          "    turns:",
          "      - caller: I would like to speak to a person.",
          "        expect: {transfer: human}",
          "",
        ]),
  ].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function envFile({ human, publicUrl }: ProjectAnswers): string {
  return `# Settings of this project. It contains secrets: do not commit it. All settings: npx murelay config print

# OpenAI: a key with access to a Realtime model.
OPENAI_API_KEY=

# Twilio: the account that has the phone number.
TWILIO_ACCOUNT_SID=
TWILIO_AUTH_TOKEN=

# The public address of this relay, as Twilio reaches it: https:// and host, without a path.
PUBLIC_URL=${publicUrl ?? ""}

# The human that callers are transferred to.
HUMAN_AGENT_NUMBER=${human ?? ""}
`;
}

function readme({ business }: ProjectAnswers): string {
  return `# Phone agent of ${oneLine(business)}

| file | is |
|---|---|
| \`agents.yaml\` | the agent: instructions, greeting, tools, transfers |
| \`tools/\` | tools of the agent, with their tests |
| \`conversations/\` | conversations with the agent, as tests |
| \`.env\` | settings and secrets; not committed |

## Try it

\`\`\`sh
npm install                  # the packages of package.json
npx murelay config check     # checks agents.yaml and the tools
npx murelay test             # runs the conversations with a simulated model
npx murelay dev              # talk to the agent in the browser, by voice or by text
node --test                  # tests of the tools
\`\`\`

## Answer a real number

1. Fill in \`.env\`: an OpenAI key, the Twilio account, and the public https address of this machine.
2. \`npx murelay serve\`, and leave it running.
3. In a second terminal, \`npx murelay number set +1555…\` points your Twilio number here.
4. \`npx murelay doctor\` checks everything, a line each. Then call the number.

Step 6 of \`node_modules/murelay/docs/tutorial.md\` explains each of these.
`;
}
