"""The pages that compute: the exact law and the game in JavaScript, held to `sclib`, and used in Chromium."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from sclib import bounds, population
from sclib.game import KINDS, Game, name, simulate, verdict

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
LIVE = ROOT / "book" / "extra" / "live"
PAGES = ROOT / "_build" / "html" / "book"


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
    for script in ("law.js", "drift.js"):
        tab.add_script_tag(path=LIVE / script)

    def call(name, arguments):
        answer = tab.evaluate(
            """([name, calls]) => {
                 const number = (x) => (x === "inf" ? Infinity : x);
                 const plain = (x) => (ArrayBuffer.isView(x) || Array.isArray(x) ? [...x].map(plain) : x);
                 const text = (_, x) => (x === Infinity ? "inf" : x);
                 const asked = {...law, ...drift}[name];
                 return JSON.stringify(JSON.parse(calls).map((call) => plain(asked(...call.map(number)))), text);
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
    "firstRoundGain": lambda p, r, K, lam, q, t, after: (p, r, K, lam),
    "weightCap": lambda p, r, K, lam, q, t, after: (p, r, K),
    "klFromLimit": lambda p, r, K, lam, q, t, after: (p, r),
    "klFromLimitBounds": lambda p, r, K, lam, q, t, after: (p, r, K, t),
    "selectionKlBound": lambda p, r, K, lam, q, t, after: (K, t),
    "mixedKlBound": lambda p, r, K, lam, q, t, after: (K, lam),
    "sharpMixedKlBound": lambda p, r, K, lam, q, t, after: (bounds.weight_cap(p, r, K), lam),
    "reverseKlBound": lambda p, r, K, lam, q, t, after: (lam,),
    "driftKlBound": lambda p, r, K, lam, q, t, after: (min(K, 64) if K < math.inf else K, lam, t),
    "driftReverseKlBound": lambda p, r, K, lam, q, t, after: (min(K, 64) if K < math.inf else K, lam, t),
    "driftTvBound": lambda p, r, K, lam, q, t, after: (min(K, 64) if K < math.inf else K, lam, t),
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


def played(tab, seed, picks):
    """The game in the page, dealt from the numbers that NumPy deals from: offers, marginals, biases, verdict."""
    numbers = np.random.default_rng(seed).random(12 * (len(picks) + 1)).tolist()
    return tab.evaluate(
        """([numbers, picks]) => {
             const game = curator.begin(() => numbers.shift());
             picks.forEach((k) => curator.pick(game, k));
             return {...game, biases: curator.biases(game).map((b) => [b.value, b.picked, b.expected, b.sd]),
                     verdict: curator.verdict(game), names: game.offers.at(-1).map(curator.name)};
           }""",
        [numbers, picks],
    )


def test_fixed_picks_play_the_game_of_the_package(browser):
    tab = browser.new_page()
    tab.add_script_tag(path=LIVE / "curator.js")
    verdicts = set()
    for seed in range(60):
        likes_orange = simulate(2.0 * (KINDS[:, 1] == 1), rounds=seed % 30, seed=seed)
        session = Game(seed=seed)
        for k in likes_orange.picks:
            session.pick(k)
        found = played(tab, seed, likes_orange.picks)
        assert np.array_equal(found["offers"], session.offers)
        for here, there in zip(found["marginals"], session.marginals, strict=True):
            np.testing.assert_allclose(np.concatenate(here), np.concatenate(there), rtol=1e-14)
        assert [b[:2] for b in found["biases"]] == [[b.value, b.picked] for b in session.biases()]
        np.testing.assert_allclose(
            [b[2:] for b in found["biases"]], [[b.expected, b.sd] for b in session.biases()], rtol=1e-14
        )
        assert found["verdict"] == verdict(session)
        assert found["names"] == [name(candidate) for candidate in session.offers[-1]]
        verdicts.add("You picked" in found["verdict"])
    assert verdicts == {True, False}
    tab.close()


@pytest.fixture
def open_page(browser):
    """Opens a page of the built book from the disk with every host refused; a script's error fails the test."""
    contexts, wrong = [], []

    def open_page(page, width=1280, javascript=True, touch=False):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=javascript, has_touch=touch
        )
        contexts.append(context)
        context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        tab = context.new_page()
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.goto((PAGES / page.partition("#")[0]).as_uri() + "".join(page.partition("#")[1:]))
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def said(tab):
    """What the live region says once the page rests."""
    tab.wait_for_timeout(500)
    return tab.locator("#playground [role=status]").inner_text()


def shown(tab, number):
    return tab.locator(f"[data-number={number}]").inner_text()


def test_sliders_show_the_numbers_of_the_package(open_page):
    tab = open_page("playground.html#model=bumps&reward=plateau&K=4&lam=0.3&gamma=1&rounds=3")
    for key, rounds in [("ArrowRight", 4), ("ArrowRight", 5), ("End", 20), ("Home", 0), ("PageUp", None)]:
        tab.locator("#rounds").press(key)
        rounds = int(tab.locator("#rounds").input_value()) if rounds is None else rounds
        x = np.linspace(-4, 4, 400)
        p = np.exp(-((x + 1.5) ** 2) / 0.72) + np.exp(-((x - 1.5) ** 2) / 0.72)
        p /= p.sum()
        r = -np.maximum(0, abs(x - 1.5) - 0.5)
        now = population.trajectory(p, r, 4, rounds, 0.3)[-1]
        assert shown(tab, "mean") == f"{now @ r:.4f}".replace("-", "−")
        assert shown(tab, "kl") == f"{population.kl(now, p):.4f}"
        assert shown(tab, "tv") == f"{bounds.total_variation(now, p):.4f}"
        if rounds:
            assert shown(tab, "klPaper") == f"{bounds.mixed_kl_bound(4, 0.3):.4f}"
        assert f"After {rounds} rounds" in said(tab)
        assert shown(tab, "tvDrift") == f"{bounds.drift_tv_bound(4, 0.3, rounds):.4f}"
        assert shown(tab, "klDrift") == f"{bounds.drift_kl_bound(4, 0.3, rounds):.4f}"
        assert f"rounds={rounds}" in tab.url


def test_every_way_to_try_has_an_address_and_back_returns(open_page):
    tab = open_page("playground.html")
    links = tab.locator("article li a[href*='=']").all()
    assert len(links) == 6
    before = said(tab)
    seen = [before]
    for link in links:
        link.click()
        seen.append(said(tab))
        assert tab.url.endswith(link.get_attribute("href"))
        assert "Shown is the state" not in seen[-1]
    assert len(set(seen)) == 7
    for expected in seen[-2::-1]:
        tab.go_back()
        assert said(tab) == expected
    tab.go_forward()
    assert said(tab) == seen[1]


@pytest.mark.parametrize(
    "address, says",
    [
        ("K=0", "K = 0 in the address must be an integer from 1 to 64, or inf."),
        ("K=2.5", "must be an integer"),
        ("lam=", "lam = in the address must be a number from 0, or inf."),
        ("lam=-1", "must be a number from 0"),
        ("rounds=inf", "must be an integer from 0 to 20"),
        ("reward=%3Cb%3E", "must be plateau, slope, class or drawn"),
        ("model=drawn&p=AB", "must be 65 letters"),
        ("nothing=1", "is unknown to this page"),
        ("model=drawn&p=" + 65 * "A", "Nothing is drawn"),
        ("model=drawn&p=" + 44 * "A" + "_" + 20 * "A", "nothing to choose"),
        ("gamma=0", "nothing to choose"),
        ("K=1", "nobody chooses"),
    ],
)
def test_bad_input_gets_a_sentence_and_never_nan(open_page, address, says):
    tab = open_page(f"playground.html#{address}")
    assert says in said(tab)
    assert "NaN" not in tab.locator("article").inner_html()


def test_no_state_of_the_controls_shows_nan(open_page):
    tab = open_page("playground.html")
    bad = tab.evaluate(
        """() => {
             const options = (name) => [...document.querySelector(`[name=${name}]`).options].map((o) => o.value);
             const bad = [];
             for (const model of options("model")) for (const reward of options("reward"))
               for (const reference of options("reference")) for (const K of [1, 2, 64, Infinity])
                 for (const lam of [0, 0.5, Infinity]) for (const [gamma, rounds] of [[0, 1], [1, 0], [5, 20]]) {
                   const state = playground.complete({model, reward, reference, K, lam, gamma, rounds});
                   const computed = playground.compute(state);
                   const words = Object.values(playground.numbers(state, computed)).map(playground.decimals);
                   if ([...words, playground.sentence(state, computed)].join().match(/NaN|undefined/)) bad.push(state);
                 }
             return bad;
           }"""
    )
    assert bad == []


def test_a_frame_takes_less_than_sixteen_milliseconds(open_page):
    """Computed and drawn, 400 atoms, the largest range of rewards, the most rounds; the processor is not ours alone."""
    tab = open_page("playground.html#model=bumps&reward=slope&K=4&lam=2&gamma=5&rounds=20")
    said(tab)
    times = tab.evaluate(
        """() => Array.from({length: 80}, (_, i) => {
             const slider = document.getElementById("gamma");
             slider.value = 5 - i / 100;
             const start = performance.now();
             slider.dispatchEvent(new Event("input", {bubbles: true}));
             return performance.now() - start;
           })"""
    )
    quarter, median = np.quantile(times[20:], [0.25, 0.5])  # the first ones are compiled on the way
    print(f"a frame: {quarter:.1f} ms (quartile), {median:.1f} ms (median)")
    assert quarter < 16


def test_a_law_is_drawn_with_the_mouse_and_with_the_keyboard(open_page):
    tab = open_page("playground.html")
    tab.select_option("[name=model]", "drawn")
    said(tab)
    tab.click("[data-clear=model]")
    assert "Nothing is drawn" in said(tab) and shown(tab, "mean") == "–"
    box = tab.locator("#playground svg").bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 230)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 120, steps=5)
    tab.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 237, steps=5)
    tab.mouse.up()
    assert "(100 % at first)" in said(tab)
    address = tab.url
    tab.locator("#place-model").focus()
    tab.keyboard.press("Home")
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    tab.locator("#height-model").focus()
    tab.keyboard.press("End")
    assert "(100 % at first)" not in said(tab) and tab.url != address
    again = open_page("playground.html#" + address.partition("#")[2])
    assert "(100 % at first)" in said(again)


def test_a_reward_is_drawn_with_a_finger_and_the_page_stays_where_it_is(open_page):
    tab = open_page("playground.html#reward=drawn&r=" + 65 * "A", width=390, touch=True)
    assert "nothing to choose" in said(tab)
    box, top = tab.locator("#playground svg").bounding_box(), tab.evaluate("scrollY")
    session = tab.context.new_cdp_session(tab)
    for kind, x in [("touchStart", 0.7), ("touchMove", 0.8), ("touchMove", 0.9)]:
        finger = {"x": box["x"] + box["width"] * x, "y": box["y"] + 20}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [finger]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert "nothing to choose" not in said(tab)
    assert tab.evaluate("scrollY") == top


def test_targets_of_the_playground_are_large_enough_on_a_small_phone(open_page):
    tab = open_page("playground.html#model=drawn&reward=drawn", width=320)
    said(tab)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for target in tab.locator("#playground :is(select, button, input)").all():
        box = target.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44


@pytest.mark.parametrize("page, says", [("playground.html", "JavaScript is switched off"),
                                        ("08_going_further.html", "played with JavaScript")])  # fmt: skip
def test_without_javascript_a_sentence_says_so(open_page, page, says):
    tab = open_page(page, javascript=False)
    assert says in tab.locator(".live:visible").inner_text()


def test_the_game_is_played_to_its_verdict_by_keyboard(open_page):
    tab = open_page("08_going_further.html", width=390)
    tab.locator("button.candidate").first.focus()
    for t in range(1, 61):
        names = tab.locator("button.candidate").all_inner_texts()
        best = next((k for k, label in enumerate(names) if "orange" in label), 0)
        now = tab.evaluate("[...document.querySelectorAll('button.candidate')].indexOf(document.activeElement)")
        for _ in range(abs(best - now)):
            tab.keyboard.press("Tab" if best > now else "Shift+Tab")
        tab.keyboard.press("Enter")
        words = tab.locator("#curator [role=status]").inner_text()
        assert words.startswith(f"Picks: {t}.")
        if "orange" in words:
            break
    assert "You picked" in words and "orange" in words
    shares = tab.locator("#curator tbody tr", has_text="orange").locator("td").first.inner_text()
    assert int(shares.split()[0]) > 33
    tab.locator("#curator .again").press("Enter")
    assert tab.locator("#curator [role=status]").inner_text().startswith("Picks: 0.")
