// Copy and share: a button with data-copy takes the text of the field or element that it names.

import { find, findAll, say } from "./dom.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const source = button && find(button.dataset.copy);
  if (!source) return;
  const text = source.value ?? source.href ?? source.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure address there is no clipboard; the old way needs a selection.
    source.select?.();
    document.execCommand("copy");
  }
  const word = find("[data-copy-word]", button) ?? button;
  const before = word.textContent;
  word.textContent = "Copied";
  say("Copied");
  setTimeout(() => { word.textContent = before; }, 2000);
});

// Sharing is offered where the browser can.
function offerShare() {
  if (navigator.share) for (const button of findAll("[data-share]")) button.hidden = false;
}
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-share]");
  const source = button && find(button.dataset.share);
  // Closing the sheet without a choice needs no message.
  if (source) navigator.share({ url: source.value ?? source.href }).catch(() => {});
});
document.addEventListener("htmx:after:swap", offerShare);
offerShare();
