// Buttons that print the page; hidden where there is no script to do it.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-print]")) {
    button.removeAttribute("hidden");
    button.addEventListener("click", () => window.print());
  }
})();
