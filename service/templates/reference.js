// Lets a signed-in reader of the reference try a call. The session is the cookie of this site.

const reader = document.getElementById("reader");
const signInForm = document.getElementById("sign-in");
const signedIn = document.getElementById("signed-in");

async function call(service, args) {
  const response = await fetch("/-/svc/" + service, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(args),
  });
  return { status: response.status, text: await response.text() };
}

async function data(service, args = {}) {
  return JSON.parse((await call(service, args)).text).data;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function showReader() {
  const { user } = await data("yp.get_env");
  const isSignedIn = user.signed_in === 1;
  reader.hidden = false;
  signInForm.hidden = isSignedIn;
  signedIn.hidden = !isSignedIn;
  document.getElementById("reader-name").textContent = isSignedIn ? user.fullname || user.ident : "";
  for (const form of document.querySelectorAll(".try")) form.hidden = !isSignedIn;
}

async function signIn(event) {
  event.preventDefault();
  const { ident, password } = Object.fromEntries(new FormData(signInForm));
  const answer = await data("yp.login", { vars: { ident, password } });
  const wrong = document.getElementById("wrong");
  wrong.textContent = answer.status === "ok" ? "" : answer.status;
  signInForm.reset();
  await showReader();
}

async function send(event) {
  const button = event.target.closest("button[data-service]");
  if (!button) return;
  const form = button.closest(".try");
  const output = form.querySelector("output");
  let args;
  try {
    args = JSON.parse(form.querySelector("textarea").value || "{}");
  } catch (problem) {
    output.textContent = "The request is not JSON: " + problem.message;
    return;
  }
  output.textContent = "…";
  const { status, text } = await call(button.dataset.service, args);
  output.textContent = "HTTP " + status + "\n" + pretty(text);
  if (["yp.login", "yp.reset_session", "drumate.logout"].includes(button.dataset.service)) await showReader();
}

signInForm.addEventListener("submit", signIn);
document.getElementById("sign-out").addEventListener("click", () => data("drumate.logout").then(showReader));
document.addEventListener("click", send);
showReader();
