// Predictions that remember: the first answer to each question is kept in the browser, marked, and counted at "Take away".
// Answers of one question share a name, and the right one begins with Yes.  Without JavaScript they are plain <details>.
document.addEventListener("DOMContentLoaded", () => {
  const answers = [...document.querySelectorAll("article details[name]")];
  const right = (answer) => /^\s*Yes\b/.test(answer.querySelector("summary").nextElementSibling?.textContent ?? "");
  const questions = new Map(answers.map((answer) => [answer.getAttribute("name"), []]));
  answers.forEach((answer) => questions.get(answer.getAttribute("name")).push(answer));
  const takeAway = [...document.querySelectorAll("article h2")].find((title) => title.textContent.startsWith("Take away"));
  if (!questions.size || !takeAway) return;

  const page = `predictions ${DOCUMENTATION_OPTIONS.pagename}`;
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(page)) ?? {};
  } catch {} // no storage, or something else under this name
  const keep = () => {
    try {
      localStorage.setItem(page, JSON.stringify(kept));
    } catch {}
  };

  const box = document.createElement("p");
  const count = document.createElement("span");
  const forget = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget my answers" });
  box.className = "predicted";
  count.setAttribute("role", "status");
  box.append(count, " ", forget);
  takeAway.after(box);

  function show() {
    let good = 0;
    let given = 0;
    for (const [name, choices] of questions) {
      choices.forEach((answer, i) => {
        answer.querySelector(".verdict")?.remove();
        if (kept[name] !== i) return;
        given += 1;
        good += right(answer);
        const verdict = Object.assign(document.createElement("span"), { className: "verdict" });
        verdict.textContent = right(answer) ? " ✓ your answer: right" : " ✗ your answer: not so";
        answer.querySelector("summary").append(verdict);
      });
    }
    box.hidden = !given && document.activeElement !== forget;
    count.textContent = `You predicted ${good} of ${questions.size} right${given < questions.size ? `, ${questions.size - given} still open` : ""}.`;
  }

  for (const [name, choices] of questions) {
    choices.forEach((answer, i) => {
      answer.removeAttribute("name"); // one that closes while another opens would move the list under the pointer
      answer.addEventListener("toggle", () => {
        if (!answer.open || name in kept) return;
        kept[name] = i;
        keep();
        show();
      });
    });
  }
  forget.addEventListener("click", () => {
    kept = {};
    keep();
    answers.forEach((answer) => (answer.open = false));
    show();
  });
  show();
});
