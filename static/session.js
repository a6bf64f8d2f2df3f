// A session that ends while somebody types: signing in happens in a dialog on the same page, and what stands there stays.

import { find, findAll, say } from "./dom.js";

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const dialog = find("#sign_in_again");
  const target = typeof ctx.target === "string" ? find(ctx.target) : ctx.target;
  if (target === dialog && dialog?.childElementCount && !dialog.open) dialog.showModal();
});

document.addEventListener("app:signed-in", ({ detail }) => {
  // Somebody else may see other things than what is shown.
  if (detail.me !== document.body.dataset.me) { location.reload(); return; }
  find("meta[name=csrf-token]")?.setAttribute("content", detail.csrf);
  for (const field of findAll("input[name=csrf_token]")) field.value = detail.csrf;
  const dialog = find("#sign_in_again");
  dialog?.close();
  dialog?.replaceChildren();
  say("You are signed in again. Send the form once more.");
});
