// Binds the controls of the playground's page to its state, and the state to the address.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("playground");
  const root = box.querySelector("svg");
  const control = (name) => box.querySelector(`[name="${name}"]`);
  const said = box.querySelector("[role=status]");
  let state, problem, drawing, timer, width;

  // Positions of the sliders and what they stand for.
  const SLIDERS = {
    K: [(K) => (K === Infinity ? 65 : K), (at) => (at === 65 ? Infinity : at), (K) => playground.plain(K)],
    lam: [
      (lam) => (lam === Infinity ? playground.PARTS : (playground.PARTS * lam) / (1 + lam)),
      (at) => at / (playground.PARTS - at),
      (lam) => `${playground.plain(lam)}, ${Math.round(lam === Infinity ? 100 : (100 * lam) / (1 + lam))} % picks`,
    ],
    gamma: [(v) => v, (v) => v, playground.plain],
    rounds: [(v) => v, (v) => v, playground.plain],
  };
  const DRAWN = { model: ["p", "laws", "first model"], reward: ["r", "reward", "reward"] };
  const drawn = () => Object.keys(DRAWN).filter((name) => state[name] === "drawn");

  function show() {
    const computed = playground.compute(state);
    const { first, reference, shape, laws, means, mass } = computed;
    const numbers = first ? playground.numbers(state, computed) : {};
    const now = laws?.[state.rounds];
    const peak = Math.max(...(first || [1]));
    // A drawn model lies under the pen: 1.1 times the pen's full height is the top, unless the law now is higher.
    const full = first && state.model === "drawn" ? 1.1 / mass.reduce((total, value) => total + value, 0) : 2.2 * peak;
    picture.draw(root, width, {
      x: playground.x,
      shape,
      gamma: state.gamma,
      rewardRange: playground.ranges[state.reward],
      top: drawing === "model" || !now ? full : Math.max(full, 1.05 * Math.max(...now)),
      laws: first && { first, now, reference: state.reference === "same" ? null : reference },
      means,
    });
    print("[data-number]", numbers);
    print("[data-number$=Drift]", {}, "…");
    const words = playground.sentence(state, computed);
    box.querySelector(".legend .reference").hidden = state.reference === "same";
    root.setAttribute("aria-label", `The reward, the laws and the mean reward. ${words}`);
    clearTimeout(timer);
    timer = setTimeout(() => {
      print("[data-number$=Drift]", first ? playground.driftNumbers(state) : {});
      said.textContent = problem ? `${problem} Shown is the state that the page begins with.` : words;
      remember();
    }, 300); // once the slider rests
  }

  function print(places, numbers, missing = "–") {
    document.querySelectorAll(places).forEach((place) => {
      const value = numbers[place.dataset.number];
      const none = value === Infinity && place.dataset.bound !== undefined;
      place.textContent = value === undefined ? missing : none ? "none" : playground.decimals(value);
    });
  }

  // Controls from the state.
  function fill() {
    for (const name of ["model", "reward", "reference"]) control(name).value = state[name];
    for (const [name, [position, , words]] of Object.entries(SLIDERS)) {
      control(name).value = position(state[name]);
      nameSlider(name, words(state[name]));
    }
    box.querySelectorAll("[data-pen]").forEach((pen) => {
      pen.hidden = !drawn().includes(pen.dataset.pen);
      if (!pen.hidden) placePen(pen);
    });
    root.classList.toggle("drawable", drawn().length > 0);
    box.querySelector(".how").hidden = !drawn().length;
  }

  function nameSlider(name, words) {
    control(name).setAttribute("aria-valuetext", words);
    control(name).closest(".slider").querySelector(".value").textContent = words;
  }

  function change(changes) {
    state = playground.complete({ ...state, ...changes });
    problem = "";
    fill();
    show();
  }

  // Addresses: one for each state in which the reader pauses.
  function remember() {
    if (problem || location.hash === playground.address(state)) return;
    if (location.hash || playground.address(state) !== playground.address(playground.parse("")[0])) {
      history.pushState(null, "", playground.address(state));
    }
  }
  function restore() {
    if (location.hash && !location.hash.includes("=")) return; // a heading
    [state, problem] = playground.parse(location.hash);
    fill();
    show();
  }

  // The pen: heights about one knot of a drawn curve, for those who do not draw with a pointer.
  function placePen(pen) {
    const [curve] = DRAWN[pen.dataset.pen];
    const [place, height] = pen.querySelectorAll("input");
    const knot = Number(place.value);
    height.value = playground.heights(state[curve])[knot];
    place.setAttribute("aria-valuetext", `x = ${playground.plain(-4 + knot / 8)}`);
    height.setAttribute("aria-valuetext", `${Math.round((100 * height.value) / 63)} %`);
    for (const input of [place, height]) {
      input.closest(".slider").querySelector(".value").textContent = input.getAttribute("aria-valuetext");
    }
  }
  function usePen(pen) {
    const [curve] = DRAWN[pen.dataset.pen];
    const [place, height] = pen.querySelectorAll("input");
    const old = playground.heights(state[curve]);
    const raise = height.value - old[place.value];
    const raised = old.map((h, i) => h + raise * Math.max(0, 1 - Math.abs(i - place.value) / 4));
    change({ [curve]: playground.written(raised) });
  }

  // Drawing with a finger or a mouse: heights from the pointer's last place to this one.
  let last;
  function stroke(event) {
    const [curve, panel] = DRAWN[drawing];
    const here = picture.locate(root, event, panel);
    const full = drawing === "model" ? 1.1 : 1; // the panel's height, in heights of the pen
    const to = { knot: here.x * (playground.KNOTS - 1), h: 63 * Math.min(1, full * here.height) };
    const from = last || to;
    const values = playground.heights(state[curve]);
    for (let knot = 0; knot < playground.KNOTS; knot++) {
      if (knot < Math.min(from.knot, to.knot) - 0.5 || knot > Math.max(from.knot, to.knot) + 0.5) continue;
      const along = from.knot === to.knot ? 1 : (knot - from.knot) / (to.knot - from.knot);
      values[knot] = from.h + Math.min(1, Math.max(0, along)) * (to.h - from.h);
    }
    last = to;
    change({ [curve]: playground.written(values) });
  }
  root.addEventListener("pointerdown", (event) => {
    drawing = drawn().find((name) => picture.locate(root, event, DRAWN[name][1]).inside);
    if (!drawing) return;
    root.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
  });
  root.addEventListener("pointermove", (event) => drawing && stroke(event));
  for (const end of ["pointerup", "pointercancel"]) {
    root.addEventListener(end, () => {
      if (!drawing) return;
      drawing = undefined;
      show();
    });
  }

  box.addEventListener("input", ({ target }) => {
    const pen = target.closest("[data-pen]");
    if (pen) return target.name.startsWith("place") ? placePen(pen) : usePen(pen);
    const slider = SLIDERS[target.name];
    change({ [target.name]: slider ? slider[1](Number(target.value)) : target.value });
  });
  box.querySelectorAll("[data-clear]").forEach((button) => {
    const [curve] = DRAWN[button.dataset.clear];
    const empty = playground.written(new Array(playground.KNOTS).fill(0));
    button.addEventListener("click", () => change({ [curve]: empty }));
  });
  document.querySelectorAll('main a[href^="#"][href*="="]').forEach((link) => {
    link.addEventListener("click", () => box.scrollIntoView({ block: "start" }));
  });

  window.addEventListener("hashchange", restore);
  box.hidden = false;
  width = root.clientWidth;
  new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    show();
  }).observe(root);
  restore();
  if (!state) change(playground.parse("")[0]); // opened at a heading
});
