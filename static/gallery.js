// The gallery's page: chosen pictures are shown before they are sent, and pictures are put in order by dragging.
// Without it the buttons do the same. The lists of files and pictures are found again each time, as htmx swaps them.

// ---- What was chosen, before it is sent ----
document.addEventListener("change", (event) => {
  const input = event.target.closest?.("input[type=file][data-preview]");
  const shown = input && document.getElementById(input.dataset.preview);
  if (!shown) return;
  shown.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
  shown.replaceChildren(...[...input.files].filter((file) => file.type.startsWith("image/")).map((file) => {
    const image = document.createElement("img");
    image.src = URL.createObjectURL(file);
    image.alt = file.name;
    return image;
  }));
});

// ---- Dragging: the picture moves as it is dragged, and the new order is sent when it is dropped ----
let dragged = null;
let before = "";
const orderOf = (list) => [...list.children].map((item) => item.id).join();

document.addEventListener("dragstart", (event) => {
  const item = event.target.closest?.("[data-reorder] > [draggable=true]");
  if (!item) return;
  dragged = item;
  before = orderOf(item.parentElement);
  event.dataTransfer.effectAllowed = "move";
  item.classList.add("dragged");
});

document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.("[data-reorder] > *");
  if (!over || over.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  if (over === dragged) return;
  const box = over.getBoundingClientRect();
  const isLater = event.clientX > box.left + box.width / 2;
  over.parentElement.insertBefore(dragged, isLater ? over.nextSibling : over);
});

document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });

document.addEventListener("dragend", () => {
  if (!dragged) return;
  const list = dragged.parentElement;
  dragged.classList.remove("dragged");
  dragged = null;
  if (orderOf(list) !== before) document.getElementById(list.dataset.reorder)?.requestSubmit();
});
