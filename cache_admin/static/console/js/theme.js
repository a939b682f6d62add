// Runs in <head>, before the first paint, so that a page never flashes in the other theme.
(() => {
  "use strict";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      // Storage is blocked: the system's preference stands.
      return null;
    }
  };

  const apply = () => {
    const choice = stored();
    root.dataset.themeChoice = choice ?? "system";
    root.dataset.theme = choice ?? (system.matches ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("themechange"));
  };

  window.setTheme = (choice) => {
    try {
      if (choice === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", choice);
    } catch {
      root.dataset.theme = choice === "system" ? (system.matches ? "dark" : "light") : choice;
      document.dispatchEvent(new CustomEvent("themechange"));
      return;
    }
    apply();
  };

  root.classList.add("enhanced");
  system.addEventListener("change", apply);
  apply();
})();
