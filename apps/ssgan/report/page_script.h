#pragma once

#include <string_view>

namespace gradus::ssgan {

/// What a page does in a browser: figures of one `.slider` are shown one at a time, by a slider,
/// and charts say their values at the pointer. Without it all figures are shown, and no values.
inline constexpr std::string_view kPageScript = R"js(
"use strict";
for (const box of document.querySelectorAll(".slider")) {
  const figures = [...box.querySelectorAll("figure")];
  if (figures.length < 2) continue;
  const input = document.createElement("input");
  input.type = "range";
  input.min = 0;
  input.max = input.value = figures.length - 1;
  input.setAttribute("aria-label", box.dataset.label);
  const show = () => figures.forEach((f, i) => {
    f.hidden = i != input.value;
    if (!f.hidden) input.setAttribute("aria-valuetext", f.textContent.trim());
  });
  input.addEventListener("input", show);
  box.append(input);
  show();
}
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg[data-x]");
  const [x0, x1, left, right] = svg.dataset.x.split(" ").map(Number);
  const [y0, y1, bottom, top] = svg.dataset.y.split(" ").map(Number);
  const names = [...chart.querySelectorAll(".legend li")].map(li => li.textContent);
  const lines = [...svg.querySelectorAll(".line")].map(path =>
    [...path.getAttribute("d").matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)]
      .map(m => [Number(m[1]), Number(m[2])]));
  const y = at => y0 + (at - bottom) / (top - bottom) * (y1 - y0);
  const x = at => x0 + (at - left) / (right - left) * (x1 - x0);
  const text = v => "percent" in svg.dataset ? (100 * v).toFixed(1) + " %"
                                             : String(Number(v.toPrecision(3)));
  const rule = document.createElementNS("http://www.w3.org/2000/svg", "path");
  rule.setAttribute("class", "rule");
  svg.append(rule);
  const box = document.createElement("div");
  box.className = "values";
  box.hidden = true;
  chart.append(box);
  const hide = () => { box.hidden = true; rule.removeAttribute("d"); };
  svg.addEventListener("pointerleave", hide);
  const show = event => {
    const frame = svg.getBoundingClientRect();
    const at = (event.clientX - frame.left) / frame.width * svg.viewBox.baseVal.width;
    let nearest = null;
    for (const line of lines)
      for (const p of line)
        if (nearest === null || Math.abs(p[0] - at) < Math.abs(nearest - at)) nearest = p[0];
    if (nearest === null) return hide();
    rule.setAttribute("d", `M${nearest},${top}V${bottom}`);
    const rows = [`${svg.dataset.label} ${Math.round(x(nearest)).toLocaleString("en")}`];
    lines.forEach((line, i) => {
      let best = null;
      for (const p of line)
        if (best === null || Math.abs(p[0] - nearest) < Math.abs(best[0] - nearest)) best = p;
      const flat = line.length == 2 && line[0][1] == line[1][1];
      if (best && (flat || Math.abs(best[0] - nearest) < 4))
        rows.push(`${names[i]}: ${text(y(best[1]))}`);
    });
    box.replaceChildren(...rows.map(row => {
      const p = document.createElement("p");
      p.textContent = row;
      return p;
    }));
    box.hidden = false;
    const width = chart.clientWidth, place = nearest / svg.viewBox.baseVal.width * frame.width;
    box.style.left = Math.max(4, Math.min(place + 24, width - box.offsetWidth - 4)) + "px";
    box.style.top = svg.offsetTop + "px";
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
}
)js";

/// Of these bytes, in base64: the one script that a page allows.
inline constexpr std::string_view kPageScriptSha256 =
    "Ojgeu0w5cuckIYz2mIWvs6s3dvjlXR//GPNlLa7yJ9U=";

}  // namespace gradus::ssgan
