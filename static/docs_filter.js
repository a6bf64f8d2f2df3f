// The list of operations follows what is typed; without this script the form asks the server.

const field = document.querySelector("[data-docs-filter]");

function filter() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const area of document.querySelectorAll("[data-area]")) {
    let here = 0;
    for (const row of area.querySelectorAll("li")) {
      row.hidden = !words.every((word) => row.dataset.words.includes(word));
      here += row.hidden ? 0 : 1;
    }
    area.hidden = here === 0;
    shown += here;
  }
  document.querySelector("[data-docs-count]").textContent = `${shown} operations`;
}

field?.addEventListener("input", filter);
