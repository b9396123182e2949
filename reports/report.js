"use strict";
(() => {
  // Sorting: click or Enter/Space on a column head. Cells may carry data-value.
  const value = (row, column, numeric) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (!numeric) return text;
    const number = Number.parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(number) ? -Infinity : number;
  };
  const sort = (table, head, column) => {
    const numeric = head.dataset.sort === "num";
    const first = numeric && column > 0 ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, Number(head.dataset.by ?? column), numeric), row]);
    rows.sort(([a], [b]) => sign * (numeric ? (a < b ? -1 : a > b ? 1 : 0) : a.localeCompare(b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, column));
      head.append(button);
    });
  }

  // Filtering: a field that hides the rows of a table which lack one of its words.
  for (const table of document.querySelectorAll("table[data-filter]")) {
    const rows = [...table.tBodies[0].rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const box = document.createElement("div");
    const label = document.createElement("label");
    const field = document.createElement("input");
    const shown = document.createElement("span");
    box.className = "filter";
    field.type = "search";
    field.id = "filter";
    label.htmlFor = field.id;
    label.textContent = table.dataset.filter;
    shown.className = "soft";
    shown.setAttribute("role", "status");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) row.hidden = !words.every((word) => texts.get(row).includes(word));
      const left = rows.filter((row) => !row.hidden).length;
      shown.textContent = words.length ? `${left} of ${rows.length} rows` : "";
    });
    box.append(label, field, shown);
    table.closest(".scroll").before(box);
  }

  // Copy: the button exists only where scripts run.
  const copy = async (code, button) => {
    const selection = getSelection();
    selection.removeAllRanges();
    const range = document.createRange();
    range.selectNodeContents(code);
    selection.addRange(range);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  };
  for (const box of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", () => copy(box.querySelector("code"), button));
    box.append(button);
  }

  // Paper cannot unfold: open everything before printing, close it again after. Column heads are
  // plain text meanwhile: a browser that repeats a table's head on the next page leaves out buttons.
  let opened = [];
  let buttons = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const item of opened) item.open = true;
    buttons = [...document.querySelectorAll("thead button")].map((button) => [button.parentNode, button]);
    for (const [head, button] of buttons) {
      head.append(...button.childNodes);
      button.remove();
    }
  });
  addEventListener("afterprint", () => {
    for (const item of opened) item.open = false;
    for (const [head, button] of buttons) {
      button.append(...head.childNodes);
      head.append(button);
    }
  });
})();
