// The menu button on narrow screens and the theme buttons.
(() => {
  "use strict";
  const sidebar = document.querySelector("[data-sidebar]");
  const button = document.querySelector("[data-menu-button]");
  if (sidebar && button) {
    button.addEventListener("click", () => {
      const open = sidebar.toggleAttribute("data-open");
      button.setAttribute("aria-expanded", String(open));
    });
  }

  const themeButtons = document.querySelectorAll("[data-set-theme]");
  const mark = () => {
    const choice = document.documentElement.dataset.themeChoice;
    for (const item of themeButtons) {
      item.setAttribute("aria-pressed", String(item.dataset.setTheme === choice));
    }
  };
  for (const item of themeButtons) {
    item.closest("[hidden]")?.removeAttribute("hidden");
    item.addEventListener("click", () => window.setTheme(item.dataset.setTheme));
  }
  document.addEventListener("themechange", mark);
  mark();
})();
