"use strict";
(() => {
  const say = document.getElementById("say");
  const body = () => document.querySelector("main");
  const word = name => body().dataset[name] || "";
  let quiet = 0;
  const tell = (text, ms) => {
    say.textContent = text;
    clearTimeout(quiet);
    if (ms) quiet = setTimeout(() => { say.textContent = ""; }, ms);
  };
  const wait = ms => new Promise(done => setTimeout(done, ms));

  // ---- the sale's time: what the server said when it answered, and how long that is ago
  let base = 0, since = 0, speed = 1;
  const setClock = (now, asked, came) => { base = now; since = (asked + came) / 2; };
  const now = () => base + (performance.now() - since) * speed;
  const readClock = at => {
    if (!body().dataset.now) return;
    speed = Number(body().dataset.speed) || 1;
    setClock(Number(body().dataset.now), at, at);
  };
  const loaded = performance.getEntriesByType && performance.getEntriesByType("navigation")[0];
  readClock(loaded ? loaded.responseStart : performance.now());

  const two = n => String(n).padStart(2, "0");
  const span = ms => {
    const s = Math.max(0, Math.ceil(ms / 1000)), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24;
    const rest = (s >= 3600 ? h + ":" + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ":" + two(s % 60);
    return d ? d + word("days") + " " + rest : rest;
  };
  const began = performance.now();
  let ended = false;
  const tick = () => {
    for (const e of document.querySelectorAll("[data-until]")) {
      const left = (Number(e.dataset.until) - now()) / speed;
      e.textContent = span(left);
      if (left <= 0 && !ended && e.dataset.then) { ended = true; setTimeout(renew, 200 + Math.random() * 800); }
    }
    for (const e of document.querySelectorAll("[data-in]"))
      e.textContent = span(Number(e.dataset.in) * 1000 - (performance.now() - began));
  };
  setInterval(tick, 250);
  tick();

  // ---- the page anew, in place
  const put = (html, at) => {
    const made = new DOMParser().parseFromString(html, "text/html");
    const main = made.querySelector("main");
    if (!main) return false;
    body().replaceWith(main);
    document.title = made.title;
    ended = false;
    readClock(at);
    tick();
    return true;
  };
  const ask = async (address, options, ms) => {
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), ms);
    try {
      return await fetch(address, { cache: "no-store", credentials: "same-origin", signal: stop.signal, ...options });
    } finally { clearTimeout(timer); }
  };
  let claiming = false;
  const renew = async () => {
    if (claiming) return;
    try {
      const answer = await ask(location.href, { headers: { Accept: "text/html" } }, 10000);
      const at = performance.now();
      if (answer.status < 500 && !claiming) put(await answer.text(), at);
    } catch { ended = false; }
  };

  // ---- what changes meanwhile: asked again when the server says, less often when it does not answer
  let miss = 0, poll = 0;
  const look = async () => {
    clearTimeout(poll);
    const path = body().dataset.live;
    if (!path || document.hidden) return;
    let next = 3000;
    try {
      const asked = performance.now();
      const answer = await ask(path, { headers: { Accept: "application/json" } }, 8000);
      const came = performance.now();
      if (!answer.ok) throw new Error(answer.status);
      const is = await answer.json();
      miss = 0;
      next = is.again_ms || next;
      if (came - asked < 2000) setClock(is.now, asked, came);
      if (is.standing !== body().dataset.standing) await renew();
      else for (const e of document.querySelectorAll("main [data-live]")) {
        const value = is[e.dataset.live];
        if (value === undefined) continue;
        if (e.tagName === "rect") e.setAttribute("width", value);
        else e.textContent = (e.dataset.as || "#").replace("#", value);
      }
    } catch { next = Math.min(60000, 3000 * 2 ** miss++); }
    poll = setTimeout(look, next * (0.9 + Math.random() * 0.2));
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  addEventListener("online", () => { miss = 0; look(); });
  poll = setTimeout(look, 2000 + Math.random() * 1000);

  // ---- claiming and taking part: one id, sent until it is answered
  const online = () => new Promise(done => {
    if (navigator.onLine !== false) done();
    else addEventListener("online", done, { once: true });
  });
  const claim = async (form, pressed) => {
    const button = pressed || form.querySelector("button"), text = button.textContent;
    const sent = new URLSearchParams(new FormData(form));
    if (button.name) sent.set(button.name, button.value);
    claiming = true;
    button.setAttribute("aria-disabled", "true");
    button.textContent = word("busy");
    for (let n = 0; n < 10; n++) {
      if (navigator.onLine === false) { tell(word("offline")); await online(); }
      let rest = Math.min(8000, 700 * 2 ** n) * (0.75 + Math.random() / 2);
      try {
        const answer = await ask(form.action, { method: "POST", body: sent, headers: { Accept: "text/html" } }, 12000);
        const at = performance.now();
        if (answer.status < 500 && answer.status !== 429) {
          claiming = false;
          if (!put(await answer.text(), at)) location.reload();
          tell("");
          const head = body().querySelector("h1");
          if (head) { head.tabIndex = -1; head.focus({ preventScroll: true }); scrollTo(0, 0); }
          clearTimeout(poll);
          poll = setTimeout(look, 3000);
          return;
        }
        rest = Math.max(rest, 1000 * (Number(answer.headers.get("Retry-After")) || 0));
      } catch { /* it may have come, or not: the same id again */ }
      tell(word("again"));
      await wait(rest);
    }
    claiming = false;
    button.removeAttribute("aria-disabled");
    button.textContent = text;
    tell(word("failed"));
  };
  document.addEventListener("submit", event => {
    if (!window.fetch || !window.AbortController) return;
    event.preventDefault();
    if (!claiming) claim(event.target, event.submitter);
  });

  // ---- copying
  const byHand = code => {
    const range = document.createRange(), chosen = getSelection();
    range.selectNodeContents(code);
    chosen.removeAllRanges();
    chosen.addRange(range);
    return document.execCommand("copy");
  };
  document.addEventListener("click", async event => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const code = document.getElementById("code");
    let done = false;
    try { await navigator.clipboard.writeText(code.textContent.trim()); done = true; }
    catch { try { done = byHand(code); } catch { done = false; } }
    tell(done ? word("copied") : word("byHand"), 2500);
  });
})();
