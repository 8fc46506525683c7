#pragma once

#include <string_view>

namespace gradus::ssgan {

/// What the toy's page does in a browser: draws the frame that the slider is at.
inline constexpr std::string_view kToyScript = R"js(
"use strict";
const toy = JSON.parse(document.getElementById("toy").textContent);
const slider = document.getElementById("step"), play = document.getElementById("play");
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
for (const f of toy.frames) { f.class_1 = bytes(f.class_1); f.real = bytes(f.real); }
slider.max = toy.frames.length - 1;
slider.value = slider.max;

function mix(low, high, t) { return low.map((v, i) => v + t * (high[i] - v)); }
function plane(id, values, low, high) {
  const canvas = document.getElementById(id), size = 600, n = toy.grid;
  canvas.width = canvas.height = size;
  const c = canvas.getContext("2d"), small = document.createElement("canvas");
  small.width = small.height = n;
  const s = small.getContext("2d"), image = s.createImageData(n, n);
  for (let i = 0; i < n * n; ++i) {
    const rgb = mix(low, high, values[i] / 255);
    image.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * i);
  }
  s.putImageData(image, 0, 0);
  c.imageSmoothingEnabled = false;
  c.drawImage(small, 0, 0, size, size);
  return c;
}
const at = v => (v / toy.range + 1) * 300;
function dots(c, xy, radius, colour, edge) {
  for (let i = 0; i < xy.length; i += 2) {
    c.beginPath();
    c.arc(at(xy[i]), 600 - at(xy[i + 1]), radius, 0, 7);
    c.fillStyle = typeof colour === "function" ? colour(i / 2) : colour;
    c.fill();
    if (edge) { c.lineWidth = 2; c.strokeStyle = edge; c.stroke(); }
  }
}
function arrows(c, from, way, colour) {
  let longest = 0;
  for (let i = 0; i < way.length; i += 2) longest = Math.max(longest, Math.hypot(way[i], way[i + 1]));
  if (longest === 0) return;
  c.strokeStyle = c.fillStyle = colour;
  c.lineWidth = 1.5;
  for (let i = 0; i < from.length; i += 2) {
    const x = at(from[i]), y = 600 - at(from[i + 1]);
    const dx = 45 * way[i] / longest, dy = -45 * way[i + 1] / longest, l = Math.hypot(dx, dy);
    c.beginPath(); c.moveTo(x, y); c.lineTo(x + dx, y + dy); c.stroke();
    if (l < 4) continue;
    const u = dx / l, v = dy / l, h = Math.min(7, l / 2);
    c.beginPath(); c.moveTo(x + dx, y + dy);
    c.lineTo(x + dx - h * (u + v / 2), y + dy - h * (v - u / 2));
    c.lineTo(x + dx - h * (u - v / 2), y + dy - h * (v + u / 2));
    c.fill();
  }
}
const orange = [250, 190, 150], blue = [160, 200, 250], white = [255, 255, 255], green = [120, 190, 170];
function show() {
  const f = toy.frames[slider.value], shade = i => toy.classes[i] ? "#0b5cc0" : "#c2410c";
  const a = plane("classes", f.class_1, orange, blue);
  dots(a, toy.unlabelled, 2.5, "#56616f");
  dots(a, toy.labelled, 9, shade, "#111111");
  const b = plane("real", f.real, white, green);
  dots(b, toy.unlabelled, 2.5, "#56616f");
  if (f.made.length) {
    dots(b, f.made, 3.5, "#86198f");
    for (const name of ["match", "fool"])
      if (document.getElementById(name).checked)
        arrows(b, f.made, f[name], name === "match" ? "#c2410c" : "#0b5cc0");
  }
  const number = v => v === null ? "–" : v.toFixed(4);
  document.getElementById("figures").textContent =
    `step ${f.step}: accuracy ${(100 * f.accuracy).toFixed(1)} %, d_class ${number(f.d_class)}, ` +
    `d_real ${number(f.d_real)}, d_fake ${number(f.d_fake)}, g ${number(f.g)}`;
}
let timer = 0;
play.addEventListener("click", () => {
  if (timer) { clearInterval(timer); timer = 0; play.textContent = "Play"; return; }
  if (slider.value === slider.max) slider.value = 0;
  play.textContent = "Stop";
  timer = setInterval(() => {
    if (slider.value === slider.max) { play.click(); return; }
    slider.value = +slider.value + 1;
    show();
  }, 250);
});
for (const id of ["step", "match", "fool"]) document.getElementById(id).addEventListener("input", show);
show();
)js";

/// SHA-256 of kToyScript in base64, for the page's policy; a test holds them together.
inline constexpr std::string_view kToyScriptSha256 = "3OZzz/6yRX63DWnMinnUNDqaWE0PFZpwfrbb67gKgGM=";

}  // namespace gradus::ssgan
