// Places one call for each appointment through the running relay. Run: node remind.mjs
const RELAY = process.env.RELAY ?? "http://127.0.0.1:9464";

const APPOINTMENTS = [{ to: "+12025550142", name: "Ana Lopez", day: "Friday", time: "10:30" }];

for (const { to, ...context } of APPOINTMENTS) {
  const headers = { "content-type": "application/json" };
  if (process.env.ADMIN_TOKEN) headers.authorization = `Bearer ${process.env.ADMIN_TOKEN}`;
  const body = JSON.stringify({ to, agent: "reminder", context });
  const answer = await fetch(`${RELAY}/api/calls`, { method: "POST", headers, body });
  console.log(to, answer.status, await answer.text());
}
