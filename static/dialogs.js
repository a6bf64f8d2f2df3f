// Dialogs: htmx loads the page of a confirmation into the one dialog; closing it empties it.

import { find } from "./dom.js";
import { closeToast } from "./toasts.js";

document.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-toast-close], [data-dialog-close]");
  if (closer?.matches("[data-toast-close]")) closeToast(closer.closest("[data-toast]"));
  const dialog = event.target.closest("dialog");
  if (dialog && closer?.matches("[data-dialog-close]")) {
    event.preventDefault();
    dialog.close();
  } else if (dialog && event.target === dialog) {
    dialog.close();
  }
});
// The event comes a frame late: by then the dialog may hold, and show, what was asked for next.
let inDialog;
document.addEventListener("close", ({ target }) => {
  if (target.id === "dialog" && !target.open && target.firstElementChild === inDialog) target.replaceChildren();
}, true);

export function openDialog() {
  const dialog = find("#dialog");
  if (!dialog) return;
  if (!dialog.childElementCount) { if (dialog.open) dialog.close(); return; }
  inDialog = dialog.firstElementChild;
  if (!dialog.open) dialog.showModal();
}
