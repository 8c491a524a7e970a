"""The pages that compute: the exact law and the game in JavaScript, held to `sclib`, and used in Chromium."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from sclib import bounds, population

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
LIVE = ROOT / "book" / "extra" / "live"


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Chromium is not installed"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def law(browser):
    """Calls a function of `law.js` on a list of argument lists; infinities travel as text."""
    tab = browser.new_page()
    tab.add_script_tag(path=LIVE / "law.js")

    def call(name, arguments):
        answer = tab.evaluate(
            """([name, calls]) => {
                 const number = (x) => (x === "inf" ? Infinity : x);
                 const plain = (x) => (ArrayBuffer.isView(x) || Array.isArray(x) ? [...x].map(plain) : x);
                 const text = (_, x) => (x === Infinity ? "inf" : x);
                 return JSON.stringify(JSON.parse(calls).map((call) => plain(law[name](...call.map(number)))), text);
               }""",
            [name, json.dumps(arguments, default=np.ndarray.tolist).replace("Infinity", '"inf"')],
        )
        return [np.array(value, dtype=float) for value in json.loads(answer)]

    yield call
    tab.close()


def random_laws(number, seed):
    """(p, rewards, K, lam, reference, rounds): from even to extreme, some atoms empty, rewards over up to 699 nats."""
    rng = np.random.default_rng(seed)
    for i in range(number):
        n = int(rng.integers(1, 41))
        p, reference = rng.dirichlet(np.full(n, 10.0 ** rng.uniform(-1, 1)), size=2)
        p = np.where(rng.random(n) < 0.1, 0, p) if n > 1 else p
        p = p / p.sum() if p.sum() > 0 else reference
        rewards = rng.normal(size=n) if i % 2 else rng.integers(-2, 3, n).astype(float)
        span = [0.01, 1, 5, 30, 699][i % 5]
        rewards = rewards * span / max(np.ptp(rewards), 1e-300) if np.ptp(rewards) else rewards
        K = [1, 2, 3, 4, 8, 33, 64, 1000, 10**5, math.inf][i // 5 % 10]
        lam = [0, 0.1, 0.5, 2, 30, math.inf][i // 50 % 6]
        yield p, rewards, K, lam, reference, int(rng.integers(1, 8))


def test_a_thousand_random_laws_agree_with_the_package(law):
    cases = list(random_laws(1000, seed=0))
    found = law("trajectory", [(p, r, K, t, lam, q) for p, r, K, lam, q, t in cases])
    for (p, r, K, lam, q, t), laws in zip(cases, found, strict=True):
        exact = population.trajectory(p, r, K, t, lam, q)
        # Masses below 1e-290 are at the edge of float64, where digits are lost.
        np.testing.assert_allclose(laws, exact, rtol=1e-9, atol=1e-290)


def test_weights_agree_with_the_package(law):
    cases = [(p, r, K) for p, r, K, *_ in random_laws(1000, seed=1)]
    for case, H in zip(cases, law("curationWeight", cases), strict=True):
        np.testing.assert_allclose(H, population.curation_weight(*case), rtol=1e-9, atol=1e-290)


ON_LAWS = {  # arguments of each function of `law.js`; its counterpart in the package has the same name, in snake case
    "kl": lambda p, r, K, lam, q, t, after: (after, q),
    "totalVariation": lambda p, r, K, lam, q, t, after: (p, after),
    "gain": lambda p, r, K, lam, q, t, after: (p, after, r),
    "gainBound": lambda p, r, K, lam, q, t, after: (p, r, K),
    "sharpGainBound": lambda p, r, K, lam, q, t, after: (p, r, K),
    "mixedGainBound": lambda p, r, K, lam, q, t, after: (p, r, K, lam),
    "sharpMixedGainBound": lambda p, r, K, lam, q, t, after: (p, r, K, lam),
    "weightCap": lambda p, r, K, lam, q, t, after: (p, r, K),
    "klFromLimit": lambda p, r, K, lam, q, t, after: (p, r),
    "klFromLimitBounds": lambda p, r, K, lam, q, t, after: (p, r, K, t),
    "selectionKlBound": lambda p, r, K, lam, q, t, after: (K, t),
    "mixedKlBound": lambda p, r, K, lam, q, t, after: (K, lam),
    "sharpMixedKlBound": lambda p, r, K, lam, q, t, after: (bounds.weight_cap(p, r, K), lam),
    "reverseKlBound": lambda p, r, K, lam, q, t, after: (lam,),
    "totalVariationBound": lambda p, r, K, lam, q, t, after: (lam,),
}


@pytest.mark.parametrize("name", ON_LAWS)
def test_bounds_agree_with_the_package(law, name):
    cases = [(*case, population.trajectory(*case[:3], case[5], *case[3:5])[-1]) for case in random_laws(300, seed=2)]
    arguments = [ON_LAWS[name](*case) for case in cases]
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    python = getattr(bounds, snake, None) or getattr(population, snake)
    for asked, found in zip(arguments, law(name, arguments), strict=True):
        # Divergences and gains are differences of numbers up to 700 and 1, both exact to 1e-15.
        np.testing.assert_allclose(found, python(*asked), rtol=1e-9, atol=1e-12, err_msg=str(asked))
