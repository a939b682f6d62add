// Keeps a slider and its number field in step, and marks the band that the value falls in.
(() => {
  "use strict";
  for (const slider of document.querySelectorAll("[data-slider-for]")) {
    const number = document.getElementById(slider.dataset.sliderFor);
    const bands = [...document.querySelectorAll(`[data-band-of="${slider.dataset.sliderFor}"]`)];

    const markBand = () => {
      const value = Number(number.value);
      const reached = bands.filter((band) => value >= Number(band.dataset.from));
      for (const band of bands) band.toggleAttribute("data-active", band === reached.at(-1));
    };

    slider.removeAttribute("hidden");
    slider.disabled = number.matches(":disabled");
    slider.value = number.value;
    slider.addEventListener("input", () => {
      number.value = slider.value;
      markBand();
    });
    number.addEventListener("input", () => {
      slider.value = number.value;
      markBand();
    });
    markBand();
  }
})();
