// A figure of native_sliders.py: its sliders choose the picture.  The address has the position, #slider1&K=4&rounds=3;
// #K=4&rounds=3 alone, or one of them, means the first figure with these axes, or, in a link, the last one before it.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const key = (axis) => axis.name.replace("λ", "lam").replace(" ", "_");
  const word = (axis, index) => JSON.parse(axis.dataset.texts)[index].replace("∞", "inf");
  const figures = [];

  function enliven(figure) {
    const axes = [...figure.querySelectorAll("input")];
    const image = figure.querySelector("img");
    const told = figure.querySelector(".told");
    const play = figure.querySelector(".play");
    const [files, alts] = JSON.parse(figure.querySelector("script").textContent);
    let fetched, saying, playing;

    function fetchAll() {
      // Kept: a browser may drop a picture that nothing holds.
      fetched ??= files.map((file) => Object.assign(new Image(), { src: `${figure.dataset.source}/${file}` }));
    }

    function show() {
      const at = axes.reduce((sum, axis) => sum * (Number(axis.max) + 1) + Number(axis.value), 0);
      for (const axis of axes) {
        axis.previousElementSibling.value = JSON.parse(axis.dataset.texts)[axis.value];
        axis.setAttribute("aria-valuetext", axis.previousElementSibling.value);
      }
      image.src = `${figure.dataset.source}/${files[at]}`;
      image.alt = alts[at];
      clearTimeout(saying);
      saying = setTimeout(() => {
        // Once it rests: what it shows, and where it is.
        if (!playing) told.textContent = alts[at];
        const place = axes.map((axis) => `${key(axis)}=${encodeURIComponent(word(axis, axis.value))}`);
        history.replaceState(null, "", `#${[figure.id, ...place].join("&")}`);
      }, 400);
    }

    function move(wanted) {
      for (const axis of axes) {
        const found = JSON.parse(axis.dataset.texts).findIndex((_, i) => word(axis, i) === wanted.get(key(axis)));
        if (found >= 0) axis.value = found;
      }
      show();
      figure.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
    }

    function stop() {
      clearInterval(playing);
      playing = undefined;
      play.textContent = play.textContent.replace("Stop", "Play");
    }

    function start() {
      const axis = document.getElementById(play.dataset.axis);
      if (axis.value === axis.max) axis.value = 0;
      else axis.value = Number(axis.value) + 1;
      play.textContent = play.textContent.replace("Play", "Stop");
      playing = setInterval(() => {
        if (axis.value === axis.max) return stop(), show();
        axis.value = Number(axis.value) + 1;
        show();
      }, 700);
      show();
    }

    for (const axis of axes) axis.addEventListener("input", () => (playing && stop(), show()));
    for (const event of ["pointerenter", "focusin", "touchstart"]) figure.addEventListener(event, fetchAll, { once: true, passive: true });
    play.addEventListener("click", () => (fetchAll(), playing ? stop() : start()));
    const allow = () => ((play.hidden = still.matches), playing && stop());
    still.addEventListener("change", allow);
    allow();
    const names = axes.map(key);
    figures.push({ figure, move, has: (wanted) => [...wanted.keys()].every((name) => names.includes(name)) });
  }

  function go(hash, link) {
    const wanted = new URLSearchParams(decodeURI(hash.slice(1)));
    const named = figures.find(({ figure }) => wanted.has(figure.id));
    const before = ({ figure }) => !link || figure.compareDocumentPosition(link) & Node.DOCUMENT_POSITION_FOLLOWING;
    const fitting = figures.filter((one) => one.has(wanted) && before(one));
    const one = named ?? (link ? fitting.at(-1) : fitting[0]);
    one?.move(wanted);
    return Boolean(one);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("figure.slider").forEach(enliven);
    const arrive = () => location.hash.includes("=") && go(location.hash);
    arrive();
    addEventListener("hashchange", arrive); // an address of this page, pasted while it is open
    document.querySelectorAll('main a[href^="#"][href*="="]').forEach((link) => {
      link.addEventListener("click", (event) => go(link.hash, link) && event.preventDefault());
    });
  });
})();
