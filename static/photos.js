// Photos to send from the pay page: the one that is chosen is shown, so that its writer sees whether it can be read.

document.addEventListener("change", (event) => {
  const drop = event.target.matches('.drop > input[type="file"]') && event.target.closest(".drop");
  if (!drop) return;
  const file = event.target.files[0];
  drop.classList.toggle("is-chosen", Boolean(file));
  drop.querySelector("[data-chosen]").textContent = file ? "Change photo" : "Take a photo";
  const before = drop.querySelector("img");
  if (before) { URL.revokeObjectURL(before.src); before.remove(); }
  if (!file?.type.startsWith("image/")) return;
  const image = document.createElement("img");
  image.src = URL.createObjectURL(file);
  image.alt = "";
  image.addEventListener("error", () => image.remove());
  drop.prepend(image);
});
