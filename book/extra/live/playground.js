// The exact law, live: controls, address and numbers.  law.js computes, picture.js draws.
const playground = (() => {
  const N = 400;
  const KNOTS = 65; // of a drawn curve, evenly spaced, one letter each in the address
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const PARTS = 240; // of the slider for lam: how many of them are curated
  const START = {
    model: "bumps", reward: "plateau", reference: "same", K: 4, lam: 2, gamma: 1, rounds: 3, p: null, r: null,
  };
  const x = Float64Array.from({ length: N }, (_, i) => -4 + (8 * i) / (N - 1));
  const bump = (center) => (v) => Math.exp(-((v - center) ** 2) / 0.72);
  const near = (center) => (v) => (Math.abs(v - center) <= 0.5 ? 1 : 0);
  const MODELS = {
    bumps: (v) => bump(-1.5)(v) + bump(1.5)(v),
    normal: (v) => Math.exp(-(v ** 2) / 2),
    levels: (v) => 0.9 * near(-1.5)(v) + 0.1 * near(1.5)(v),
  };
  const REWARDS = {
    plateau: (v) => -Math.max(0, Math.abs(v - 1.5) - 0.5),
    slope: (v) => v,
    class: (v) => 1 / (1 + Math.exp(-3 * v / 0.36)), // of the right-hand bump, given v
  };
  const ranges = { plateau: [-5, 0], slope: [-4, 4], class: [0, 1], drawn: [0, 1] };

  // A drawn curve is a text of KNOTS letters, heights from 0 to 63; straight in between.
  const heights = (text) => [...text].map((letter) => LETTERS.indexOf(letter));
  const written = (values) => values.map((h) => LETTERS[Math.round(Math.min(63, Math.max(0, h)))]).join("");
  function curve(text) {
    const h = heights(text);
    return x.map((_, i) => {
      const at = (i / (N - 1)) * (KNOTS - 1);
      const left = Math.min(Math.floor(at), KNOTS - 2);
      return (h[left] + (at - left) * (h[left + 1] - h[left])) / 63;
    });
  }
  function traced(shape) {
    const values = Array.from({ length: KNOTS }, (_, i) => shape(-4 + (8 * i) / (KNOTS - 1)));
    const low = Math.min(0, ...values);
    const high = Math.max(...values);
    return written(values.map((v) => (63 * (v - low)) / (high - low)));
  }

  const ALLOWED = {
    K: [(v) => v === Infinity || (Number.isInteger(v) && v >= 1 && v <= 64), "an integer from 1 to 64, or inf"],
    lam: [(v) => v >= 0, "a number from 0, or inf"],
    gamma: [(v) => v >= 0 && v <= 5, "a number from 0 to 5"],
    rounds: [(v) => Number.isInteger(v) && v >= 0 && v <= 20, "an integer from 0 to 20"],
    model: [(v) => v in MODELS || v === "drawn", "bumps, normal, levels or drawn"],
    reward: [(v) => v in REWARDS || v === "drawn", "plateau, slope, class or drawn"],
    reference: [(v) => v === "same" || v in MODELS, "same, bumps, normal or levels"],
    p: [(v) => /^[\w-]{65}$/.test(v), "65 letters, digits, - or _"],
    r: [(v) => /^[\w-]{65}$/.test(v), "65 letters, digits, - or _"],
  };

  // The state that an address describes, and a sentence if it describes none.
  function parse(hash) {
    const state = { ...START };
    for (const part of hash.replace(/^#/, "").split("&").filter(Boolean)) {
      const [name, text = ""] = part.split("=");
      if (!Object.hasOwn(ALLOWED, name)) return [{ ...START }, `“${part}” in the address is unknown to this page.`];
      const numeric = typeof START[name] === "number";
      const value = !numeric ? text : text === "inf" ? Infinity : text.trim() ? Number(text) : NaN;
      const [allowed, words] = ALLOWED[name];
      if (!allowed(value)) return [{ ...START }, `${name} = ${text} in the address must be ${words}.`];
      state[name] = value;
    }
    return [complete(state), ""];
  }

  // A curve to begin with, where one is to be drawn.
  function complete(state) {
    if (state.model === "drawn" && !state.p) state.p = traced(MODELS.bumps);
    if (state.reward === "drawn" && !state.r) state.r = traced(REWARDS.class);
    return state;
  }

  function address(state) {
    const used = Object.keys(START).filter((name) => {
      if (name === "p") return state.model === "drawn";
      if (name === "r") return state.reward === "drawn";
      return name !== "reference" || state.reference !== "same";
    });
    return `#${used.map((name) => `${name}=${state[name] === Infinity ? "inf" : state[name]}`).join("&")}`;
  }

  // {first, reference, rewards, laws, means}; `first` is null if no mass was drawn.
  function compute(state) {
    const shape = state.reward === "drawn" ? curve(state.r) : x.map(REWARDS[state.reward]);
    const rewards = shape.map((value) => state.gamma * value);
    const mass = state.model === "drawn" ? curve(state.p) : x.map(MODELS[state.model]);
    if (!mass.some((value) => value > 0)) return { shape, rewards, mass, first: null };
    const first = law.normalise(mass);
    const reference = state.reference === "same" ? first : law.normalise(x.map(MODELS[state.reference]));
    const laws = law.trajectory(first, rewards, state.K, state.rounds, state.lam, reference);
    const means = laws.map((p) => p.reduce((total, value, i) => total + value * rewards[i], 0));
    return { shape, rewards, mass, first, reference, laws, means };
  }

  // What the table shows; a bound that does not hold for this kind of loop is left out.
  function numbers({ K, lam, rounds: t, reference: chosen }, { first, reference, rewards, laws, means }) {
    const now = laws[t];
    const found = {
      mean: means[t],
      meanFirst: means[0],
      kl: law.kl(now, reference),
      klReverse: law.kl(reference, now),
      tv: law.totalVariation(now, reference),
    };
    const same = chosen === "same";
    if (lam === Infinity && t > 0) {
      const before = laws[t - 1];
      found.lastGain = law.gain(before, now, rewards);
      found.lastGainPaper = law.gainBound(before, rewards, K);
      found.lastGainOurs = law.sharpGainBound(before, rewards, K);
    }
    if (lam === Infinity) {
      found.klLimit = law.klFromLimit(now, rewards);
      [found.klLimitLow, found.klLimitHigh] = law.klFromLimitBounds(first, rewards, K, t);
      if (same) found.klSelection = law.selectionKlBound(K, t);
    }
    if (lam < Infinity && t > 0) {
      found.klReverseBound = law.reverseKlBound(lam);
      found.tvBound = law.totalVariationBound(lam);
    }
    if (lam < Infinity && t > 0 && same) {
      found.gain = Math.max(0, law.gain(reference, now, rewards));
      found.gainPaper = law.mixedGainBound(first, rewards, K, lam);
      found.gainOurs = law.firstRoundGain(first, rewards, K, lam);
      found.klPaper = law.mixedKlBound(K, lam);
      found.klOurs = law.sharpMixedKlBound(law.weightCap(first, rewards, K), lam);
    }
    return found;
  }

  // Bounds that take longer than a frame: the page waits for its sliders to rest.
  function driftNumbers({ K, lam, rounds: t, reference }) {
    if (reference !== "same") return {};
    return {
      klDrift: drift.driftKlBound(K, lam, t),
      klReverseDrift: drift.driftReverseKlBound(K, lam, t),
      tvDrift: drift.driftTvBound(K, lam, t),
    };
  }

  const share = (p) => p.reduce((total, value, i) => total + (x[i] > 0 ? value : 0), 0);
  const percent = (value) => `${Math.round(100 * value)} %`;
  const exact = (value) => (Math.abs(value) < 1e-14 ? 0 : value); // what is smaller is rounding
  const rounded = (value) => String(Number(exact(value).toPrecision(3)));
  const plain = (value) => (value === Infinity ? "∞" : rounded(value).replace("-", "−"));
  function decimals(number) {
    const value = exact(number);
    if (value === Infinity) return "∞";
    if (value !== 0 && Math.abs(value) < 5e-5) {
      const [digits, power] = value.toExponential(0).split("e");
      const raised = [...power].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
      return `${digits}·10${raised}`.replace("-", "−");
    }
    return value.toFixed(value >= 100 ? 1 : 4).replace("-", "−");
  }

  // The state in words: what was asked for, and what came of it.
  function sentence(state, { first, reference, rewards, laws, means }) {
    if (!first) return "Nothing is drawn, so there is no first model. Draw one in the middle panel, or with the pen.";
    const held = rewards.filter((_, i) => first[i] + reference[i] > 0);
    const t = state.rounds;
    const told =
      `After ${t} ${t === 1 ? "round" : "rounds"}, ${percent(share(laws[t]))} of what is made lies right of 0 ` +
      `(${percent(share(first))} at first), and the mean reward is ${plain(means[t])} ` +
      `(${plain(means[0])} at first).`;
    if (held.every((r) => r === held[0])) {
      return `${told} All that can be made has the same reward: there is nothing to choose.`;
    }
    return state.K === 1 ? `${told} With one candidate nobody chooses.` : told;
  }

  return {
    x, KNOTS, PARTS, ranges, heights, written, parse, complete, address, compute, numbers, driftNumbers, decimals,
    plain, sentence,
  };
})();
