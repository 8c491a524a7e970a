// sclib.population and sclib.bounds for pages that compute while a slider moves: same names, same numbers.
// `p`, `rewards`, `reference`: arrays of n numbers; `K`: an integer from 1 to 10^5 or Infinity; `lam` >= 0 or Infinity.
const law = (() => {
  const sum = (a) => a.reduce((total, value) => total + value, 0);
  const dot = (p, f) => p.reduce((total, value, i) => total + value * f(i), 0);
  const largest = (a) => a.reduce((top, value) => Math.max(top, value), -Infinity);
  const smallest = (a) => a.reduce((low, value) => Math.min(low, value), Infinity);
  const normalise = (a) => {
    const total = sum(a);
    return a.map((value) => value / total);
  };
  const average = (a, K, one = 1) => one / K + (1 - 1 / K) * a;
  const some = (P, K) => (P > 0 ? -Math.expm1(K * Math.log1p(-P)) : 0);
  const shares = (lam) => [1 / (1 + lam), lam === Infinity ? 1 : lam / (1 + lam)];

  // H = K a int_0^inf e^{-u a} Q(u)^{K-1} du by the trapezoid rule in t, u = exp(t - e^{-t}) / K.  The matrix e^{-u a}
  // depends on the rewards alone: it is made once for all rounds.
  function weigher(rewards, K) {
    const n = rewards.length;
    const top = largest(rewards);
    const levels = Float64Array.from(rewards, (r) => r - top);
    const a = levels.map(Math.exp);
    if (K === 1) return () => new Float64Array(n).fill(1);
    if (K === Infinity) {
      return (p) => {
        const mean = dot(p, (i) => a[i]);
        return a.map((value) => value / mean);
      };
    }
    const nodes = 4 * Math.ceil((Math.log(40) - smallest(levels) + 0.3 + 3.4) / 1.2);
    const logDu = new Float64Array(nodes);
    const decay = new Float64Array(nodes * n);
    for (let j = 0; j < nodes; j++) {
      const t = -3.4 + 0.3 * j;
      const logU = t - Math.exp(-t) - Math.log(K);
      logDu[j] = Math.log(0.3) + logU + Math.log1p(Math.exp(-t));
      const u = Math.exp(logU);
      for (let i = 0; i < n; i++) decay[j * n + i] = Math.exp(-u * a[i]);
    }
    return (p) => {
      const H = new Float64Array(n);
      const weight = (j, Q) => Math.exp(logDu[j] + (K - 1) * Math.log(Math.max(Q, 2.2250738585072014e-308)));
      // Four nodes at a time: each sum would wait for its last addition.
      for (let j = 0; j < nodes; j += 4) {
        const [j0, j1, j2, j3] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n];
        let [Q0, Q1, Q2, Q3] = [0, 0, 0, 0];
        for (let i = 0; i < n; i++) {
          const mass = p[i];
          Q0 += decay[j0 + i] * mass;
          Q1 += decay[j1 + i] * mass;
          Q2 += decay[j2 + i] * mass;
          Q3 += decay[j3 + i] * mass;
        }
        const [f0, f1, f2, f3] = [weight(j, Q0), weight(j + 1, Q1), weight(j + 2, Q2), weight(j + 3, Q3)];
        for (let i = 0; i < n; i++) {
          H[i] += f0 * decay[j0 + i] + f1 * decay[j1 + i] + (f2 * decay[j2 + i] + f3 * decay[j3 + i]);
        }
      }
      return H.map((value, i) => K * a[i] * value);
    };
  }

  const curationWeight = (p, rewards, K) => weigher(rewards, K)(p);

  function trajectory(p, rewards, K, rounds, lam = Infinity, reference = p) {
    const weigh = weigher(rewards, K);
    const [real, synthetic] = shares(lam);
    const laws = [Float64Array.from(p)];
    for (let t = 0; t < rounds; t++) {
      const H = weigh(laws[t]);
      const curated = normalise(laws[t].map((value, i) => value * H[i]));
      laws.push(curated.map((value, i) => real * reference[i] + synthetic * value));
    }
    return laws;
  }

  function kl(p, q) {
    if (p.some((value, i) => value > 0 && q[i] === 0)) return Infinity;
    return Math.max(0, dot(p, (i) => (p[i] > 0 ? Math.log(p[i]) - Math.log(q[i]) : 0)));
  }

  const totalVariation = (p, q) => sum(p.map((value, i) => Math.abs(value - q[i]))) / 2;

  // log(E[w] / M) and log(w / E[w]); M is the top weight of what `p` or `also` hold.
  function weights(p, rewards, also = p) {
    const top = largest(rewards.filter((_, i) => p[i] + also[i] > 0));
    const r = Float64Array.from(rewards, (value) => Math.min(value - top, 0));
    const missing = -dot(p, (i) => Math.expm1(r[i]));
    const logMean = missing < 0.5 ? Math.log1p(-missing) : Math.log(dot(p, (i) => Math.exp(r[i])));
    return [logMean, r.map((value) => value - logMean)];
  }

  function weightVariance(p, rewards) {
    const [logMean, logW] = weights(p, rewards);
    return dot(p, (i) => (Math.exp(logMean) * Math.expm1(logW[i])) ** 2);
  }

  function gain(before, after, rewards) {
    const [logMean, logW] = weights(before, rewards, after);
    return Math.exp(logMean) * dot(after, (i) => Math.expm1(logW[i]));
  }

  const gainBound = (p, rewards, K) => (1 - 1 / K) * weightVariance(p, rewards);

  function sharpGainBound(p, rewards, K) {
    const [logMean, logW] = weights(p, rewards);
    const mean = Math.exp(logMean);
    const w = logW.map((value) => Math.exp(logMean + value));
    const squares = logW.map((value, i) => p[i] * (mean * Math.expm1(value)) ** 2);
    const variance = sum(squares);
    if (K === 1 || variance === 0) return 0;
    const schwarz = variance / average(mean, K, dot(squares, (i) => w[i]) / variance);
    const jensen = sum(squares.map((value, i) => value / (w[i] / (K - 1) + mean)));
    return (1 - 1 / K) * Math.max(schwarz, jensen);
  }

  const mixedGainBound = (p, rewards, K, lam) => {
    const [real, synthetic] = shares(lam);
    return synthetic * real ** 2 * gainBound(p, rewards, K);
  };
  const firstRoundGain = (p, rewards, K, lam) =>
    shares(lam)[1] * Math.max(0, gain(p, trajectory(p, rewards, K, 1)[1], rewards));

  function selectionKlBound(K, t) {
    const logN = t ? t * Math.log(K) : 0;
    return logN + Math.expm1(-logN);
  }

  function weightCap(p, rewards, K) {
    const held = rewards.filter((_, i) => p[i] > 0);
    return 1 / average(Math.exp(smallest(held) - largest(held)), K);
  }

  function supRatioBound(cap, lam) {
    if (lam === 0 || cap === 1) return 1;
    return lam * (cap - 1) < 1 ? 1 / (1 - lam * (cap - 1)) : Infinity;
  }

  const mixedKlBound = (cap, lam) => Math.log(supRatioBound(cap, lam));

  function sharpMixedKlBound(cap, lam) {
    const m = supRatioBound(cap, lam);
    const [a, synthetic] = shares(lam);
    if (m === 1 || m === Infinity) return Math.log(m);
    const theta = synthetic / (m - a);
    return Math.max(0, theta * m * Math.log(m) - (1 - theta) * a * Math.log1p(lam));
  }

  const reverseKlBound = (lam) => Math.log1p(lam);
  const totalVariationBound = (lam) => shares(lam)[1];

  // Where mass `off` and mass `on` the top level give KL(p* || p) = log(1 + off / on).
  const logOddsPlusOne = (off, on) => (off < on ? Math.log1p(off / on) : Math.log(on + off) - Math.log(on));

  // The top reward that `p` holds, the mass at it, and [distance below it, mass] of the other atoms that `p` holds.
  function split(p, rewards) {
    const top = largest(rewards.filter((_, i) => p[i] > 0));
    const below = [...p].map((value, i) => [top - rewards[i], value]).filter(([, value]) => value > 0);
    return [sum(below.map(([distance, value]) => (distance === 0 ? value : 0))), below.filter(([d]) => d > 0)];
  }

  function klFromLimit(p, rewards) {
    const [on, rest] = split(p, rewards);
    return logOddsPlusOne(sum(rest.map(([, value]) => value)), on);
  }

  function klFromLimitBounds(p, rewards, K, t) {
    const [on, rest] = split(p, rewards);
    const a = rest.map(([distance]) => Math.exp(-distance));
    let off = rest.map(([, value]) => value);
    const fastest = sum(off.map((value, i) => value * (a[i] / (1 - 1 / K + a[i] / K)) ** t));
    const gapped = sum(off) * average(Math.max(0, ...a), K) ** t;
    for (let round = 0; round < t; round++) {
      const P = on / (on + sum(off));
      const c = K === Infinity ? 1 : P / some(P, K) - 1 / K;
      off = off.map((value, i) => value * (1 - c + c * a[i]));
    }
    return [logOddsPlusOne(fastest, on), logOddsPlusOne(Math.min(sum(off), gapped), on)];
  }

  return {
    curationWeight, trajectory, normalise, kl, totalVariation, gain, gainBound, sharpGainBound, mixedGainBound,
    firstRoundGain, selectionKlBound, weightCap, mixedKlBound, sharpMixedKlBound, reverseKlBound,
    totalVariationBound, klFromLimit, klFromLimitBounds,
  };
})();
