// Copies the text of the element that a button names, and says so.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.removeAttribute("hidden");
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(source.textContent.trim());
      button.querySelector("[data-copy-label]").textContent = button.dataset.copied;
    });
  }
})();
