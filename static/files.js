// A file that is dropped on its place, or chosen there: the place then says which one it is.

import { find } from "./dom.js";

const placeOf = (element) => element.closest?.(".drop-file");

for (const kind of ["dragover", "dragleave"]) {
  document.addEventListener(kind, (event) => {
    const place = placeOf(event.target);
    if (!place) return;
    event.preventDefault();
    place.classList.toggle("is-over", kind === "dragover");
  });
}
document.addEventListener("drop", (event) => {
  const place = placeOf(event.target);
  if (!place || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  place.classList.remove("is-over");
  const field = find("input", place);
  field.files = event.dataTransfer.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
document.addEventListener("change", ({ target }) => {
  const place = target.type === "file" && placeOf(target);
  if (!place) return;
  const [file] = target.files;
  place.classList.toggle("is-chosen", Boolean(file));
  find("[data-chosen]", place).textContent = file?.name ?? place.dataset.words;
});
