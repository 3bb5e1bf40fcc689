// The sign-in page: exchanges the token for a cookie, then asks for the console again.

const SESSION = new URL("session", import.meta.url);
/** Set while this page reloads itself, so that it does so once. */
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
        ? "That is not the token."
        : answer.status === 403
          ? "The relay refuses this address: a proxy in front must pass the Host header on."
          : `The relay answered ${answer.status}.`;
  } catch {
    problem.textContent = "The relay cannot be reached.";
  }
  token.select();
}

/** A link on another site brings no cookie along on its first request, though there may be one. */
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
    // Nobody has asked for anything yet: the form will say what is wrong.
  }
}
