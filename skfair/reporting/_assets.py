"""Style and script of the page; the script is the only one, and sorts tables."""

from __future__ import annotations

LIGHT = ("#0072B2", "#C44E00", "#007A5A", "#A03C83", "#222222")
"""Colours of series on white: Okabe and Ito's, darkened where they were too pale."""

DARK = ("#56B4E9", "#E69F00", "#2CC295", "#E08CC0", "#F0F0F0")
"""The same on a dark page."""

LIGHT_GROUND, DARK_GROUND = "#ffffff", "#15181c"


def _variables(colours: tuple[str, ...], ground: str, text: str, muted: str, line: str) -> str:
    series = "".join(f" --c{i}: {colour};" for i, colour in enumerate(colours))
    return f"--ground: {ground}; --text: {text}; --muted: {muted}; --line: {line};{series}"


_LIGHT = _variables(LIGHT, LIGHT_GROUND, "#1a1d21", "#555c66", "#d5d9df")
_DARK = _variables(DARK, DARK_GROUND, "#e6e8eb", "#a6adb7", "#3a4048")
_SERIES = "\n".join(
    f"svg .s{i} {{ stroke: var(--c{i}); }} svg .f{i} {{ fill: var(--c{i}); }}\n"
    f"svg .h{i} {{ fill: var(--ground); stroke: var(--c{i}); stroke-width: 2; }}"
    for i in range(len(LIGHT))
)

STYLE = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{
:root {{ {_DARK} }}
}}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground);
 margin: 0 auto; padding: 1em; max-width: 78em; overflow-wrap: anywhere; }}
h1 {{ line-height: 1.2; }}
h2 {{ margin-top: 2.2em; padding-top: .4em; border-top: 2px solid var(--line); }}
h3 {{ margin-top: 1.8em; }}
p, ul {{ max-width: 46em; }}
summary {{ cursor: pointer; margin: 1em 0; color: var(--c0); }}
li {{ margin: .3em 0; }}
nav ul {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2em 1.2em; }}
a {{ color: var(--c0); }}
.wide {{ overflow-x: auto; margin: 1.2em 0; }}
table {{ border-collapse: collapse; width: max-content; font-size: .87em;
 font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; font-weight: 600; padding: .3em 0; }}
th, td {{ padding: .35em .7em; border-bottom: 1px solid var(--line); text-align: right;
 vertical-align: top; overflow-wrap: normal; }}
td {{ white-space: nowrap; }}
.t {{ text-align: left; }}
td.t, tbody th {{ white-space: normal; max-width: 26em; overflow-wrap: anywhere; }}
tbody th bdi {{ display: block; max-height: 6em; overflow-y: auto; }}
@media (max-width: 40em) {{ tbody th {{ max-width: 9em; }} td.t {{ max-width: 15em; }} }}
tbody th {{ font-weight: 500; text-align: left; }}
th button {{ font: inherit; font-weight: 600; color: inherit; background: none; border: 0;
 padding: 0; text-align: inherit; cursor: pointer; }}
th button::after {{ content: "\\00a0\\2195"; color: var(--muted); }}
th[aria-sort="ascending"] button::after {{ content: "\\00a0\\2191"; }}
th[aria-sort="descending"] button::after {{ content: "\\00a0\\2193"; }}
.charts {{ display: grid; gap: 1.2em 2em;
 grid-template-columns: repeat(auto-fill, minmax(min(100%, 20em), 1fr)); }}
figure {{ margin: .6em 0; max-width: 30em; }}
figcaption {{ font-weight: 600; font-size: .95em; }}
svg {{ display: block; width: 100%; height: auto; }}
svg text {{ font: 12px system-ui, sans-serif; fill: var(--text); }}
svg .tick {{ fill: var(--muted); font-size: 11px; }}
svg .grid {{ stroke: var(--line); stroke-width: 1; }}
svg line[class^="s"] {{ stroke-width: 2.5; }}
svg line.thin {{ stroke-width: 1; opacity: .55; }}
svg .curve {{ fill: none; stroke-width: 2; }}
{_SERIES}
footer {{ margin-top: 3em; color: var(--muted); font-size: .85em; }}
@media print {{ .wide {{ overflow: visible; }} }}
"""

SCRIPT = """
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
});
document.querySelectorAll("table").forEach(function (table) {
  var heads = table.tHead.rows[0].cells, body = table.tBodies[0];
  Array.prototype.forEach.call(heads, function (head, column) {
    head.querySelector("button").addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      var key = function (row) {
        var cell = row.cells[column];
        if (!head.hasAttribute("data-n")) { return cell.textContent; }
        return cell.hasAttribute("data-v") ? Number(cell.getAttribute("data-v")) : NaN;
      };
      var order = function (a, b) {
        var x = key(a), y = key(b);
        if (typeof x === "string") { return down ? y.localeCompare(x) : x.localeCompare(y); }
        if (isNaN(x) || isNaN(y)) { return isNaN(x) - isNaN(y); }
        return down ? y - x : x - y;
      };
      Array.prototype.slice.call(body.rows).sort(order).forEach(function (row) {
        body.appendChild(row);
      });
      Array.prototype.forEach.call(heads, function (other) {
        other.setAttribute("aria-sort", "none");
      });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
});
"""
