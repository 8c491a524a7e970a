// Widgets ask MathJax 2 to typeset their labels.  MathJax 3 is the one that is loaded: answer in its name.
window.addEventListener("load", () => {
  if (window.MathJax) window.MathJax.Hub = { Queue: (call) => window.MathJax.typesetPromise([call[2]]) };
});

// A slider's handle carries its label and its current value for those who do not see them.
function nameSliders() {
  document.querySelectorAll(".widget-hslider").forEach((slider) => {
    const handle = slider.querySelector(".noUi-handle");
    const label = slider.querySelector(".widget-label");
    const readout = slider.querySelector(".widget-readout");
    if (!handle || !label || !readout) return;
    const name = label.textContent.trim();
    if (handle.getAttribute("aria-label") !== name) handle.setAttribute("aria-label", name);
    const value = readout.textContent.trim();
    if (handle.getAttribute("aria-valuetext") !== value) handle.setAttribute("aria-valuetext", value);
  });
}
document.addEventListener("DOMContentLoaded", () => {
  new MutationObserver(nameSliders).observe(document.querySelector("main") || document.body, {
    childList: true,
    subtree: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["aria-valuetext"],
  });
});
