// The picture of the playground: the reward, the laws below it, and the mean reward over the rounds, as one SVG.
const picture = (() => {
  const MARGIN = { left: 56, right: 14 };
  const PANELS = { reward: [8, 66], laws: [90, 238], mean: [284, 346] }; // top and bottom of each, in pixels
  const HEIGHT = 366;

  function svg(parent, tag, attributes = {}, text = "") {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return parent.appendChild(element);
  }

  const between = (value, [low, high], [from, to]) => from + ((value - low) / (high - low)) * (to - from);
  const line = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`;
  const short = (value) => String(Number((Math.abs(value) < 1e-9 ? 0 : value).toPrecision(2))).replace("-", "−");

  // `width` in pixels; `shown`: {x, shape, gamma, rewardRange, top, laws: {first, now, reference}, means}, the last two
  // empty if there is no first model, `reference` if it is the first model.
  function draw(root, width, shown) {
    root.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    root.replaceChildren();
    const across = [MARGIN.left, width - MARGIN.right];
    const range = [shown.x[0], shown.x[shown.x.length - 1]];
    const at = (values, panel, [low, high]) => {
      const [top, bottom] = PANELS[panel];
      const y = (value) => Math.max(top - 4, between(value, [low, high], [bottom, top]));
      return Array.from(values, (value, i) => [between(shown.x[i], range, across), y(value)]);
    };
    for (const [name, [top, bottom]] of Object.entries(PANELS)) {
      svg(root, "path", { d: line([[across[0], top], [across[0], bottom], [across[1], bottom]]), class: "axis" });
      const title = { reward: "reward r", laws: "density", mean: "mean reward" }[name];
      const middle = (top + bottom) / 2;
      svg(root, "text", { transform: `translate(11 ${middle}) rotate(-90)`, class: "title" }, title);
    }
    for (const value of [-4, -2, 0, 2, 4]) {
      svg(root, "text", { x: between(value, range, across), y: 254, class: "tick" }, short(value));
    }
    const ends = (panel, low, high) => {
      const [top, bottom] = PANELS[panel];
      svg(root, "text", { x: across[0] - 4, y: bottom, class: "tick end" }, short(low));
      svg(root, "text", { x: across[0] - 4, y: top + 9, class: "tick end" }, short(high));
    };
    const [low, high] = shown.rewardRange;
    ends("reward", low * shown.gamma, high * shown.gamma);
    svg(root, "path", { d: line(at(shown.shape, "reward", [low, high])), class: "reward" });
    if (!shown.laws) return;

    const scale = [0, shown.top];
    const first = at(shown.laws.first, "laws", scale);
    const floor = PANELS.laws[1];
    svg(root, "path", { d: `${line([[across[0], floor], ...first, [across[1], floor]])}Z`, class: "first" });
    const { reference } = shown.laws;
    if (reference) svg(root, "path", { d: line(at(reference, "laws", scale)), class: "reference" });
    svg(root, "path", { d: line(at(shown.laws.now, "laws", scale)), class: "now" });

    const rounds = Math.max(5, shown.means.length - 1);
    const bottom = Math.min(...shown.means);
    const top = Math.max(...shown.means);
    const room = Math.max(top - bottom, 1e-9);
    const dots = shown.means.map((mean, t) => [
      between(t, [0, rounds], across),
      between(mean, [bottom, bottom + room], [PANELS.mean[1] - 4, PANELS.mean[0] + 4]),
    ]);
    ends("mean", bottom, top);
    svg(root, "path", { d: line(dots), class: "mean" });
    for (const [cx, cy] of dots) svg(root, "circle", { cx, cy, r: 3, class: "mean" });
    for (const t of [0, rounds]) svg(root, "text", { x: between(t, [0, rounds], across), y: 361, class: "tick" }, t);
    svg(root, "text", { x: (across[0] + across[1]) / 2, y: 361, class: "tick" }, "round t");
  }

  // Where a pointer is in a panel: `x` and `height` from 0 to 1, and whether it is `inside`.
  function locate(root, event, panel) {
    const box = root.getBoundingClientRect();
    const [top, bottom] = PANELS[panel];
    const x = between(event.clientX - box.left, [MARGIN.left, box.width - MARGIN.right], [0, 1]);
    const height = between(event.clientY - box.top, [bottom, top], [0, 1]);
    const inside = height > -0.12 && height < 1.12;
    return { x: Math.min(1, Math.max(0, x)), height: Math.min(1, Math.max(0, height)), inside };
  }

  return { draw, locate };
})();
