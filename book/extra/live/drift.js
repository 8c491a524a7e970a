// sclib.bounds.drift for pages: how far t rounds of the mixed loop may drift from the reference, whatever the reward.
// `K`: an integer from 1 to 64 or Infinity; `lam` from 0 to Infinity; `t`: a finite number of rounds.
const drift = (() => {
  // Gauss and Legendre's nodes and weights for 16 points, the positive half.
  const NODES = [
    [0.09501250983763744, 0.18945061045506864], [0.2816035507792589, 0.18260341504492364],
    [0.45801677765722737, 0.16915651939500265], [0.6178762444026438, 0.1495959888165767],
    [0.755404408355003, 0.12462897125553407], [0.8656312023878318, 0.0951585116824926],
    [0.9445750230732326, 0.062253523938647456], [0.9894009349916499, 0.027152459411754176],
  ];
  const CELL = 4;
  const logAddExp = (x, y) => {
    const [low, high] = x < y ? [x, y] : [y, x];
    return high === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
  };
  const share = (z) => Math.exp(Math.min(z, 0));
  // phi(P) = 1 - (1 - P)^K at P = e^z, and its slope, in logarithms.
  const logLift = (K, z) =>
    z < -300 ? Math.log(K) + z : Math.log(-Math.expm1(K * Math.log1p(-share(z))));
  const logSlope = (K, z) => Math.log(K) + (K > 1 ? (K - 1) * Math.log1p(-share(z)) : 0);

  // log G_t and log G_t' at v = e^z.
  function grown(K, lam, t, z) {
    const logB = -Math.log1p(lam);
    const logC = lam === Infinity ? 0 : Math.log(lam / (1 + lam));
    let [ell, g] = [z, 0];
    for (let round = 0; round < t; round++) {
      g = logAddExp(logB, logC + logSlope(K, ell) + g);
      ell = logAddExp(logB + z, logC + logLift(K, ell));
    }
    return [ell, g];
  }

  // The integral over z from -length to 0; finer and finer cells near 0.
  function integral(integrand, length) {
    const cells = Math.max(1, Math.ceil(length / CELL));
    const edges = Array.from({ length: cells + 1 }, (_, i) => -length + (length * i) / cells);
    const [from, to] = [Math.log(1e-9), Math.log(CELL)];
    for (let i = 0; i < 40; i++) edges.push(-Math.exp(from + ((to - from) * i) / 39) * Math.min(1, length / CELL));
    edges.sort((x, y) => x - y);
    let total = 0;
    for (let i = 0; i + 1 < edges.length; i++) {
      const half = (edges[i + 1] - edges[i]) / 2;
      const middle = edges[i] + half;
      for (const [node, weight] of NODES) {
        total += half * weight * (integrand(middle - half * node) + integrand(middle + half * node));
      }
    }
    return total;
  }

  const none = (K, lam, t) => K === 1 || lam === 0 || t === 0;

  function driftKlBound(K, lam, t) {
    if (none(K, lam, t)) return 0;
    if (K === Infinity) return Infinity;
    const steepest = grown(K, lam, t, -Infinity)[1];
    const integrand = (z) => {
      const g = grown(K, lam, t, z)[1];
      return g === -Infinity ? 0 : Math.exp(z + g) * g;
    };
    return Math.max(0, integral(integrand, 50 + steepest));
  }

  function driftReverseKlBound(K, lam, t) {
    if (none(K, lam, t)) return 0;
    if (K === Infinity || lam === Infinity) return Math.log1p(lam);
    return Math.max(0, integral((z) => -grown(K, lam, t, z)[1] * Math.exp(z), 50));
  }

  function driftTvBound(K, lam, t) {
    if (none(K, lam, t)) return 0;
    if (K === Infinity) return lam === Infinity ? 1 : lam / (1 + lam);
    let [low, high] = [-700, 0];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      [low, high] = grown(K, lam, t, middle)[1] > 0 ? [middle, high] : [low, middle];
    }
    const z = (low + high) / 2;
    return Math.max(0, Math.exp(grown(K, lam, t, z)[0]) - Math.exp(z));
  }

  return { driftKlBound, driftReverseKlBound, driftTvBound };
})();
