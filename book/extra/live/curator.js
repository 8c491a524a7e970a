// You are the curator, in the page: the game of sclib.game, with the four pictures as its buttons.
const curator = (() => {
  const ATTRIBUTES = {
    shape: ["circle", "square", "triangle"],
    colour: ["blue", "orange", "purple"],
    size: ["small", "large"],
  };
  const NAMES = Object.keys(ATTRIBUTES);
  const VALUES = Object.values(ATTRIBUTES).flat();
  const CLEAR = 2.5; // standard deviations above chance from which a bias is called one
  const K = 4;
  const RATE = 0.1;

  // `uniform()`: the next number in [0, 1); NumPy deals the same pictures from the same numbers.
  function begin(uniform = Math.random) {
    const even = Object.values(ATTRIBUTES).map((values) => values.map(() => 1 / values.length));
    const game = { uniform, offers: [], picks: [], marginals: [even] };
    deal(game);
    return game;
  }

  function deal(game) {
    const drawn = game.marginals.at(-1).map((shares) => {
      let total = 0;
      const below = shares.map((share) => (total += share)).map((sum) => sum / total);
      return Array.from({ length: K }, game.uniform).map((u) => below.filter((sum) => sum <= u).length);
    });
    game.offers.push(Array.from({ length: K }, (_, k) => drawn.map((values) => values[k])));
  }

  function pick(game, k) {
    const picked = game.offers.at(-1)[k];
    game.picks.push(k);
    game.marginals.push(
      game.marginals.at(-1).map((shares, i) => shares.map((s, value) => (1 - RATE) * s + RATE * (value === picked[i]))),
    );
    deal(game);
  }

  // For each value: how often it was picked, and mean and standard deviation if picks were blind.
  function biases(game) {
    return NAMES.flatMap((name, i) =>
      ATTRIBUTES[name].map((value, v) => {
        const bias = { value, picked: 0, expected: 0, variance: 0 };
        game.picks.forEach((k, t) => {
          const part = game.offers[t].filter((candidate) => candidate[i] === v).length / K;
          bias.picked += game.offers[t][k][i] === v;
          bias.expected += part;
          bias.variance += part * (1 - part);
        });
        return { ...bias, sd: Math.sqrt(bias.variance) };
      }),
    );
  }

  // One decimal, halves to the even digit as Python writes them.
  function tenths(value) {
    const scaled = value * 10;
    const below = Math.floor(scaled);
    return scaled - below === 0.5 ? ((below + (below % 2)) / 10).toFixed(1) : value.toFixed(1);
  }

  function verdict(game) {
    const clear = biases(game).filter((b) => b.sd > 0 && b.picked - b.expected > CLEAR * b.sd);
    if (!clear.length) return `Picks: ${game.picks.length}. Nothing yet that blind picks could not do.`;
    const found = clear.map((b) => `${b.value} ${b.picked} times (blind: ${tenths(b.expected)} ± ${tenths(b.sd)})`);
    return `Picks: ${game.picks.length}. You picked ${found.join(", ")}.`;
  }

  const name = ([shape, colour, size]) =>
    `${ATTRIBUTES.size[size]} ${ATTRIBUTES.colour[colour]} ${ATTRIBUTES.shape[shape]}`;

  function drawing([shape, colour, size]) {
    const r = [17.5, 37.5][size];
    const drawn = [
      `<circle r="${r}"/>`,
      `<rect x="${-0.88 * r}" y="${-0.88 * r}" width="${1.76 * r}" height="${1.76 * r}"/>`,
      `<path d="M0,${-1.05 * r}L${1.04 * r},${0.75 * r}L${-1.04 * r},${0.75 * r}Z"/>`,
    ][shape];
    return `<svg viewBox="-50 -50 100 100" class="${ATTRIBUTES.colour[colour]}" aria-hidden="true">${drawn}</svg>`;
  }

  const percent = (share) => `${Math.round(100 * share)} %`;

  // One row for each value: its share as a bar, and where blind picks leave nine games in ten.
  function rows(game) {
    const shares = game.marginals.at(-1).flat();
    const [low, high] = BLIND[Math.min(game.picks.length, BLIND.length - 1)];
    return VALUES.map((value, i) => {
      const colour = ATTRIBUTES.colour.includes(value) ? value : "";
      const band = `left: ${100 * low[i]}%; width: ${100 * (high[i] - low[i])}%`;
      const bar = `<i class="${colour}" style="width: ${100 * shares[i]}%"></i><b style="${band}"></b>`;
      return (
        `<tr><th scope="row">${value}</th><td>${percent(shares[i])}</td>` +
        `<td><div class="bar" aria-hidden="true">${bar}</div>${percent(low[i])} to ${percent(high[i])}</td></tr>`
      );
    }).join("");
  }

  function show(box, game) {
    box.querySelectorAll("button.candidate").forEach((button, k) => {
      const candidate = game.offers.at(-1)[k];
      button.innerHTML = `${drawing(candidate)}<span>${k + 1}: ${name(candidate)}</span>`;
    });
    box.querySelector("tbody").innerHTML = rows(game);
    box.querySelector("[role=status]").textContent = verdict(game);
  }

  function play(box) {
    let game = begin();
    const buttons = Array.from({ length: K }, () => '<button type="button" class="candidate"></button>').join("");
    box.innerHTML =
      `<div class="candidates" role="group" aria-label="Pick one of four">${buttons}</div>` +
      '<p role="status"></p>' +
      "<table><caption>What the model makes now</caption><thead><tr><th>value</th><th>share</th>" +
      "<th>bar, and where blind picks leave nine in ten</th></tr></thead><tbody></tbody></table>" +
      '<button type="button" class="again">Start again</button>';
    box.querySelectorAll("button.candidate").forEach((button, k) => {
      button.addEventListener("click", () => {
        pick(game, k);
        show(box, game);
      });
    });
    box.querySelector(".again").addEventListener("click", () => {
      game = begin();
      show(box, game);
    });
    show(box, game);
  }

  return { begin, pick, biases, verdict, name, play };
})();

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("#curator").forEach(curator.play));
