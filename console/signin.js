// The sign-in page: exchanges the token for a cookie, then reloads the console.

const SESSION = new URL("session", import.meta.url);
/** Set when the page reloads itself, so that it does so only once. */
const RETRIED = "murelay.retried";

const form = /** @type {HTMLFormElement} */ (document.getElementById("signin"));
const token = /** @type {HTMLInputElement} */ (document.getElementById("token"));
const problem = /** @type {HTMLElement} */ (document.getElementById("problem"));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});
token.focus();
void passThrough();

async function signIn() {
  problem.textContent = "";
  try {
    const answer = await fetch(SESSION, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: token.value }),
    });
    if (answer.ok) {
      sessionStorage.removeItem(RETRIED);
      location.reload();
      return;
    }
    problem.textContent =
      answer.status === 401
        ? "The token is wrong."
        : answer.status === 403
          ? "The relay refuses this address: the proxy in front must pass on the Host header."
          : `The relay answered ${answer.status}.`;
  } catch {
    problem.textContent = "The relay cannot be reached.";
  }
  token.select();
}

/** The first request after a link from another site carries no cookie, although there may be one. */
async function passThrough() {
  if (sessionStorage.getItem(RETRIED) !== null) {
    sessionStorage.removeItem(RETRIED);
    return;
  }
  try {
    const answer = await fetch(SESSION);
    const { signedIn } = /** @type {{ signedIn?: boolean }} */ (await answer.json());
    if (signedIn !== true) return;
    sessionStorage.setItem(RETRIED, "1");
    location.reload();
  } catch {
    // The user has not asked for anything yet. If the relay is unreachable, the form reports it.
  }
}
