"use strict";
/* Everything here builds nodes and sets textContent; no text of a run is ever parsed as markup. */
(() => {
  const PER_PAGE = window.matchMedia("(max-width: 720px)").matches ? 30 : 100;
  const index = JSON.parse(document.getElementById("index").textContent);
  const names = index.names;
  const trials = index.trials.map((row, place) => {
    const [agent, scenario, faultload] = [names[row[0]], names[row[1]], names[row[2]]];
    return {
      place, agent, scenario, faultload, number: row[3], standing: row[4], outcome: index.standings[row[4]],
      kind: names[row[5]], reason: names[row[6]], attainable: names[row[7]], landed: row[8], calls: row[9],
      end: row[10], timeline: row[11], id: row[12] === undefined ? [agent, scenario, faultload, row[3]].join("/") : row[12],
    };
  });
  const byId = new Map(trials.map((trial) => [trial.id, trial]));
  const same = new Set(index.same.map((pair) => JSON.stringify(pair)));
  const filters = { agent: "", scenario: "", faultload: "", outcome: "", text: "" };
  const main = document.getElementById("run");
  const view = document.getElementById("trial");
  const title = document.title;
  let shown = trials;
  let page = 0;
  let order = null;

  function make(tag, classes, ...children) {
    const node = document.createElement(tag);
    if (classes) node.className = classes;
    for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== "") node.append(child);
    return node;
  }
  function link(text, parameters, classes) {
    const node = make("a", classes, text);
    node.href = hashOf(parameters);
    return node;
  }
  function hashOf(parameters) {
    const set = Object.entries(parameters).filter(([, value]) => value);
    return "#" + (set.map(([name, value]) => name + "=" + encodeURIComponent(value)).join("&") || "trials");
  }
  function badge(standing, hidden) {
    const node = make("span", "badge " + index.standings[standing], index.letters[standing]);
    if (hidden) node.setAttribute("aria-hidden", "true");
    else node.title = index.labels[standing];
    return node;
  }
  const seconds = (value) => (value === null || value === undefined ? "" : value.toFixed(2) + " s");
  const words = (name) => String(name).replaceAll("_", " ");
  const quoted = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'");

  /* ---- the list of trials ---- */

  const COLUMNS = [
    ["Outcome", "end", (trial) => trial.standing],
    ["Agent", "", (trial) => trial.agent],
    ["Scenario", "", (trial) => trial.scenario],
    ["Faultload", "", (trial) => trial.faultload],
    ["No.", "num", (trial) => trial.number],
    ["Because", "because", (trial) => trial.reason],
    ["Calls", "num", (trial) => trial.calls ?? -1],
    ["Ended at", "num", (trial) => trial.end ?? -1],
    ["Timeline", "mark", (trial) => (trial.timeline < 0 ? 1 : 0)],
  ];

  function cellsOf(trial) {
    const outcome = link(index.labels[trial.standing], { trial: trial.id });
    const landed = trial.faultload !== "none" && trial.landed === 0 && trial.outcome !== "missing" ? "no fault landed" : "";
    const barred = trial.attainable === "success" ? "" : "at best " + words(trial.attainable);
    const kind = trial.reason.startsWith(words(trial.kind)) ? "" : words(trial.kind);
    const because = [kind, trial.reason, landed, barred].filter(Boolean).join(" · ");
    return [
      [badge(trial.standing, true), outcome], trial.agent, trial.scenario, trial.faultload, String(trial.number), because,
      trial.calls === null ? "" : String(trial.calls), seconds(trial.end), trial.timeline < 0 ? "" : "in this file",
    ];
  }

  function matches(trial) {
    const text = filters.text.toLowerCase();
    return (!filters.agent || trial.agent === filters.agent)
      && (!filters.scenario || trial.scenario === filters.scenario)
      && (!filters.faultload || trial.faultload === filters.faultload)
      && (!filters.outcome || trial.outcome === filters.outcome)
      && (!text || [trial.id, trial.kind, trial.reason, index.labels[trial.standing]].join(" ").toLowerCase().includes(text));
  }

  function select() {
    shown = trials.filter(matches);
    if (order) {
      const key = COLUMNS[order.column][2];
      shown.sort((a, b) => {
        const [left, right] = [key(a), key(b)];
        return ((left < right ? -1 : left > right ? 1 : 0) || a.place - b.place) * order.sign;
      });
    }
  }

  function list() {
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    page = Math.min(page, pages - 1);
    const body = document.querySelector("#list tbody");
    body.replaceChildren(...shown.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map((trial) =>
      make("tr", "", cellsOf(trial).map((content, place) => {
        const cell = make("td", COLUMNS[place][1], content);
        cell.dataset.column = COLUMNS[place][0];
        return cell;
      }))));
    document.getElementById("found").textContent =
      shown.length === trials.length ? `${trials.length} trials` : `${shown.length} of ${trials.length} trials`;
    document.getElementById("pages").hidden = pages === 1;
    document.getElementById("page").textContent = `${page + 1} of ${pages}`;
    document.getElementById("before").disabled = page === 0;
    document.getElementById("after").disabled = page === pages - 1;
    document.querySelectorAll("#list thead th").forEach((head, place) => {
      if (order && order.column === place) head.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  function prepareList() {
    const head = document.querySelector("#list thead tr");
    COLUMNS.forEach(([label, classes], column) => {
      const button = make("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => {
        order = order && order.column === column && order.sign > 0 ? { column, sign: -1 } : { column, sign: 1 };
        page = 0;
        select();
        list();
      });
      const cell = make("th", classes, button);
      cell.scope = "col";
      cell.dataset.column = label;
      head.append(cell);
    });
    const options = {
      agent: index.agents.map((name) => [name, name]),
      scenario: [...new Set(trials.map((trial) => trial.scenario))].map((name) => [name, name]),
      faultload: [...new Set(trials.map((trial) => trial.faultload))].map((name) => [name, name]),
      outcome: index.standings.map((name, place) => [name, index.labels[place]]),
    };
    document.querySelectorAll("[data-filter]").forEach((field) => {
      const name = field.dataset.filter;
      if (options[name]) field.append(...[["", "all"], ...options[name]].map(([value, label]) => new Option(label, value)));
      field.addEventListener("input", () => setFilters({ ...filters, [name]: field.value }, true));
    });
    document.getElementById("clear").addEventListener("click", () => setFilters({}, true));
    for (const [id, step] of [["before", -1], ["after", 1]]) {
      document.getElementById(id).addEventListener("click", () => {
        page += step;
        list();
        document.getElementById("trials").scrollIntoView();
      });
    }
    document.getElementById("filters").hidden = false;
    document.getElementById("list").hidden = false;
  }

  function setFilters(values, remembered) {
    for (const name of Object.keys(filters)) filters[name] = values[name] || "";
    document.querySelectorAll("[data-filter]").forEach((field) => {
      if (field.value !== filters[field.dataset.filter]) field.value = filters[field.dataset.filter];
    });
    page = 0;
    select();
    list();
    if (remembered) history.replaceState(null, "", hashOf(filters));
  }

  /* ---- a scenario ---- */

  function grid(scenario) {
    const own = trials.filter((trial) => trial.scenario === scenario);
    const agents = index.agents.filter((agent) => own.some((trial) => trial.agent === agent));
    const lines = [...new Set(own.map((trial) => trial.faultload))].map((faultload) => {
      const cells = agents.map((agent) => make("td", "", own
        .filter((trial) => trial.faultload === faultload && trial.agent === agent)
        .map((trial) => {
          const node = link(index.letters[trial.standing], { trial: trial.id }, "badge " + trial.outcome);
          node.setAttribute("aria-label", `trial ${trial.number}: ${index.labels[trial.standing]}`);
          return node;
        })));
      const alike = same.has(JSON.stringify([scenario, faultload])) ? make("span", "fine", " ≡ uninformative") : "";
      return make("tr", "", make("th", "", faultload, alike), cells);
    });
    const tables = [make("table", "grid", make("thead", "", make("tr", "", make("th", "", "Faultload"),
      agents.map((agent) => make("th", "", agent)))), make("tbody", "", lines))];
    const measures = index.measures.filter((row) => row[0] === scenario);
    if (measures.length) {
      tables.push(make("table", "grid", make("tbody", "", measures.map(([, agent, label, value, interval, n, why, fault]) =>
        make("tr", "", make("th", "", label + (fault ? ", " + fault : "")), make("td", "", agent), make("td", "number", value),
          make("td", "fine", why || [interval, "n " + n].filter(Boolean).join(" · ")))))));
    }
    return tables;
  }

  document.querySelectorAll(".scenario").forEach((node) => node.addEventListener("toggle", () => {
    const place = node.querySelector(".grid-place");
    if (node.open && !place.firstChild) place.append(...grid(node.dataset.scenario));
  }));

  /* ---- values ---- */

  function value(data, depth = 0) {
    const isRecord = data !== null && typeof data === "object" && !Array.isArray(data);
    if (!isRecord || !Object.keys(data).length || depth > 2) return make("div", "lines", short(data));
    return make("dl", "lines", Object.entries(data).map(([name, item]) => make("div", "", make("dt", "", name),
      make("dd", "", item !== null && typeof item === "object" && !Array.isArray(item) ? value(item, depth + 1) : short(item)))));
  }
  function short(data) {
    const text = typeof data === "string" && data !== "" ? data : JSON.stringify(data);
    if (text.length <= 220) return text;
    const all = typeof data === "string" ? data : JSON.stringify(data, null, 2);
    const head = Array.isArray(data) ? `${data.length} items` : text.slice(0, 120) + "…";
    return make("details", "", make("summary", "", head), make("pre", "", all));
  }

  /* ---- one trial ---- */

  function effect(data) {
    const node = make("div", "effect", make("span", "op", data.op), " ", make("b", "", data.table), " ",
      make("span", "mono", Object.values(data.key).map(String).join(", ")));
    if (!data.author.startsWith("call:")) node.append(make("span", "fine", " by " + data.author));
    const columns = [...new Set([...Object.keys(data.before || {}), ...Object.keys(data.after || {})])];
    const has = (side, column) => data[side] && Object.hasOwn(data[side], column);
    node.append(make("dl", "lines", columns.map((column) => make("div", "", make("dt", "", column), make("dd", "",
      has("before", column) ? make("span", "before", short(data.before[column])) : "",
      has("before", column) && has("after", column) ? " → " : "",
      has("after", column) ? make("span", "after", short(data.after[column])) : "")))));
    return node;
  }

  function reply(data) {
    const headers = Object.keys(data.headers || {}).length ? make("details", "", make("summary", "", "headers"), value(data.headers)) : "";
    const status = data.failure ? "no reply: " + data.failure : "HTTP " + data.status;
    return [make("span", "reply " + (data.ok ? "ok" : "bad"), status), data.failure ? "" : value(data.body), headers];
  }

  function part(name, classes, ...children) {
    return make("div", classes, make("div", "part-name", name), children);
  }

  function faultMarks(event) {
    return (event.fired || []).map((each) => make("div", "", make("span", "fault-name", each.fault), " ",
      make("span", "state " + (each.state || ""), words(each.state)), make("div", "fine", "at " + seconds(each.at)),
      Object.keys(each.receipt).length ? value(each.receipt) : ""));
  }

  function memory(entries) {
    if (!entries.length) return "";
    const left = entries.filter((each) => each.left).length;
    return make("details", "memory", make("summary", "", `of ${entries.length} entries of its memory, ${left} ${left === 1 ? "was" : "were"} left`),
      make("ol", "", entries.map((each) => make("li", each.left ? "" : "forgotten", make("b", "", each.role), " ", short(each.text)))));
  }

  // What was sent on one side, what arrived on the other, and what struck between them.
  function passed(from, sent, to, received) {
    return (event) => make("div", "parts",
      part(from(event), "asked", value(sent(event))),
      part(to, "told", received(event).length ? received(event).map((each) => value(each)) : make("span", "nothing", "Nothing arrived."),
        event.abandoned ? make("div", "differs", "the sender stopped waiting") : "", memory(event.memory || [])),
      part("Fault", "faults", event.fired.length ? faultMarks(event) : make("span", "nothing", "–")));
  }

  function callParts(event) {
    const done = event.done.map((each) => make("div", "execution",
      make("span", "fine", `${seconds(each.at)} to ${seconds(each.end)} · environment answered ${each.status}`),
      each.replica ? make("div", "differs", "answered on a copy of the world; nothing was done") : "",
      each.arguments ? [make("div", "differs", "with other arguments"), value(each.arguments)] : "",
      each.effects.length ? each.effects.map(effect) : make("div", "nothing", "no row changed"),
      each.reply ? make("details", "", make("summary", "", "its reply"), reply(each.reply)) : ""));
    if (!done.length) done.push(make("span", "nothing", "Nothing: the call never reached the environment."));
    if (done.length > 1) done.unshift(make("div", "times", `executed ${done.length} times`));
    const marks = faultMarks(event);
    return make("div", "parts",
      part("Asked", "asked", make("span", "tool", event.tool), make("span", "fine", ` #${event.ordinal} · ${event.id}`), value(event.asked)),
      part("Done to the world", "done", done),
      part("Told", "told", reply(event.told), event.differs ? make("div", "differs", "not what the environment answered") : ""),
      part("Fault", "faults", marks.length ? marks : make("span", "nothing", "–")));
  }

  const BODIES = {
    user: (event) => [make("div", "who", `User, turn ${event.turn}`), make("div", "said", event.text)],
    answer: (event) => [make("div", "who", `Agent answers, turn ${event.turn}`), make("div", "said", event.text)],
    exchange: passed((event) => `User's part ${event.number}, as the script has it`, (event) => event.said, "The agent heard", (event) => event.heard),
    handover: passed((event) => `Handed over on ${event.channel}`, (event) => event.sent, "The other agent received", (event) => event.received),
    claim: (event) => [make("div", "who", "Agent claims"), make("div", "said", make("b", "", event.status), event.summary ? ": " + event.summary : ""),
      event.missing.length ? make("div", "", "missing: " + event.missing.join(", ")) : ""],
    world: (event) => [make("div", "who", `The world changes (event ${event.index})`),
      event.effects.length ? event.effects.map(effect) : make("span", "nothing", "no row changed")],
    effect: (event) => [make("div", "who", "A change outside any call"), event.effects.map(effect)],
    model: (event) => ["model " + event.model, event.end > event.at ? " · " + seconds(event.end - event.at) : "", event.in === null ? "" : ` · ${event.in} tokens in`,
      event.out === null ? "" : ` · ${event.out} tokens out`, event.error ? make("span", "reply bad", " · " + event.error) : ""],
    note: (event) => [make("b", "", words(event.kind)), event.detail ? ": " + event.detail : ""],
  };
  const MINOR = new Set(["model", "note"]);

  function item(event) {
    const took = event.end !== undefined && event.end > event.at ? make("small", "", " +" + seconds(event.end - event.at)) : "";
    const when = make("div", "when", make("span", "", seconds(event.at)), took);
    if (event.t === "call") {
      const node = make("li", "call" + (event.fired && event.fired.length ? " struck" : ""), when, callParts(event));
      node.id = "call-" + event.id;
      return node;
    }
    return make("li", event.t + (MINOR.has(event.t) ? " minor" : ""), when, make("div", "body", BODIES[event.t](event)));
  }

  function timeline(data) {
    const head = make("li", "heads", make("div", "when", "clock"), make("div", "parts",
      ["Asked", "Done to the world", "Told", "Fault"].map((name) => make("div", "", name))));
    head.setAttribute("aria-hidden", "true");
    const last = make("li", "minor", make("div", "when", seconds(data.end)), make("div", "body", "Ended: " + words(data.ending.kind),
      data.ending.detail ? ", " + data.ending.detail : ""));
    const cut = data.cut ? make("li", "minor", make("div", "when", ""), make("div", "body", `${data.cut} more events are not in this file`)) : "";
    return make("ol", "timeline", head, data.events.map(item), cut, last);
  }

  function section(name, items) {
    return items.length ? make("section", "", make("h3", "", name), make("ul", "", items)) : "";
  }

  function toCall(id) {
    const node = make("button", "", "show call " + id);
    node.type = "button";
    node.addEventListener("click", () => document.getElementById("call-" + id)?.scrollIntoView({ block: "center" }));
    return node;
  }

  function judged(judgement) {
    const verdict = (each) => make("li", "", make("span", "state " + each.result, each.result), " ", each.name,
      each.reason ? make("div", "fine", each.reason) : "");
    return make("div", "judged",
      section("Checks", judgement.checks.map(verdict)),
      section("Harms", judgement.harms.map((each) => make("li", "", make("span", "state harm", each.kind), " ", each.detail,
        each.call ? [" ", toCall(each.call)] : ""))),
      section("Injections", judgement.landings.map((each) => make("li", "", make("span", "state " + each.state, words(each.state)), " ", each.fault,
        make("div", "fine", `fired ${each.fired}, witnessed ${each.witnessed}`, each.first_call ? `, first at call ${each.first_call}` : "",
          each.reason ? ": " + each.reason : "",
          each.coping ? ` · ${each.coping}${each.coping === "absorbed" ? " by the framework" : ""}, hidden retries: ${each.hidden_retries}` : "")))),
      section("Milestones", judgement.milestones.map(verdict)),
      section("Notes", judgement.notes.map((each) => make("li", "", words(each)))));
  }

  function siblings(trial) {
    const others = trials.filter((each) => each !== trial && each.scenario === trial.scenario
      && each.faultload === trial.faultload && each.number === trial.number);
    if (!others.length) return "";
    return make("p", "commands", make("span", "fine", "Other agents, same trial:"),
      others.map((each) => make("span", "", badge(each.standing), " ", link(each.agent, { trial: each.id }))));
  }

  function open(id) {
    const trial = byId.get(id);
    const back = link("← All trials", {});
    back.href = hashOf(filters);
    if (!trial) {
      view.replaceChildren(make("p", "back", back), make("p", "warning", "There is no trial " + id + " in this run."));
      return;
    }
    const place = shown.indexOf(trial);
    const near = [["← Previous", shown[place - 1]], ["Next →", place < 0 ? undefined : shown[place + 1]]]
      .map(([text, other]) => (other ? link(text, { trial: other.id }) : ""));
    const data = trial.timeline < 0 ? null : JSON.parse(document.getElementById("timeline-" + trial.timeline).textContent);
    const judgement = data && data.judgement;
    const control = [trial.agent, trial.scenario, "none", trial.number].join("/");
    const facts = [trial.attainable === "success" ? "" : "The best that can be had here: " + words(trial.attainable) + ". ",
      judgement ? `Claim: ${judgement.claim}. ${judgement.tool_calls} tool calls. ` : "",
      data ? `Clock ${data.clock}, sandbox ${data.sandbox}, seed ${data.seed}, attempt ${data.attempt}. ` : "",
      judgement && judgement.pairing !== "control" ? `Pair with its control: ${words(judgement.pairing)}. ` : ""];
    view.replaceChildren(
      make("p", "back", back, near),
      make("div", "title", badge(trial.standing, true), make("h2", "", index.labels[trial.standing]), make("span", "mono", trial.id)),
      make("p", "verdict", trial.kind && !trial.reason.startsWith(words(trial.kind)) ? make("b", "", words(trial.kind) + ". ") : "", trial.reason),
      make("p", "verdict fine", facts),
      make("p", "commands", ["replay", "show"].map((verb) => make("code", "", `agentbench ${verb} ${quoted(index.run)} ${quoted(trial.id)}`)),
        trial.faultload !== "none" && byId.has(control) ? link("Its control trial", { trial: control }) : ""),
      siblings(trial),
      judgement ? judged(judgement) : "",
      data ? timeline(data) : make("p", "warning", trial.outcome === "missing" ? "This trial was planned and has not finished."
        : "The timeline of this trial is not in this file; the second command above prints it."));
  }

  /* ---- which page ---- */

  function parsed() {
    const found = {};
    for (const pair of location.hash.slice(1).split("&")) {
      const cut = pair.indexOf("=");
      if (cut < 0) continue;
      try { found[pair.slice(0, cut)] = decodeURIComponent(pair.slice(cut + 1)); } catch { /* not ours */ }
    }
    return found;
  }

  function route() {
    const parameters = parsed();
    const isTrial = parameters.trial !== undefined;
    main.hidden = isTrial;
    view.hidden = !isTrial;
    document.title = isTrial ? parameters.trial + " · " + title : title;
    if (isTrial) {
      open(parameters.trial);
      window.scrollTo({ top: 0, behavior: "instant" });
      view.focus({ preventScroll: true });
      return;
    }
    if (Object.keys(filters).some((name) => parameters[name])) {
      setFilters(parameters);
      document.getElementById("trials").scrollIntoView();
    } else if (/^#[a-z]+$/.test(location.hash)) {
      document.getElementById(location.hash.slice(1))?.scrollIntoView();
    }
  }

  prepareList();
  select();
  list();
  window.addEventListener("hashchange", route);
  route();
})();
