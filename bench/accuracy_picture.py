"""Accuracy against labels as an SVG: a line an arm through the means, a dot a run."""
import math
import statistics

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 400, 60, 20, 130, 50
COLOURS = ["#777777", "#0072b2", "#d55e00", "#009e73"]


def picture(arms):
    """arms: {name: {labels: [accuracy of a run]}}, at most four."""
    labels = sorted({n for of_labels in arms.values() for n in of_labels})
    scores = [a for of_labels in arms.values() for runs in of_labels.values() for a in runs]
    low = math.floor(20 * min(scores)) / 20
    high = max(math.ceil(20 * max(scores)) / 20, low + 0.05)
    first, last = math.log(labels[0]), math.log(labels[-1])

    def x(n):
        place = (math.log(n) - first) / (last - first) if last > first else 0.5
        return LEFT + place * (WIDTH - LEFT - RIGHT)

    def y(accuracy):
        return TOP + (high - accuracy) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def text(at_x, at_y, words, more=""):
        return f'<text x="{at_x:.1f}" y="{at_y:.1f}" {more}>{words}</text>'

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="13">',
           "<title>Accuracy on the test images against the number of labels</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for k in range(round(20 * low), round(20 * high) + 1):
        at = y(k / 20)
        out.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, at + 4, f"{100 * k / 20:.0f} %", 'text-anchor="end"'))
    for n in labels:
        out.append(text(x(n), HEIGHT - BOTTOM + 20, f"{n:,}", 'text-anchor="middle"'))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "labelled images",
                    'text-anchor="middle"'))
    names_at = -math.inf
    ends = {arm: statistics.mean(of[max(of)]) for arm, of in arms.items() if of}
    for arm in sorted(ends, key=ends.get, reverse=True):
        colour = COLOURS[list(arms).index(arm) % len(COLOURS)]
        of_labels = arms[arm]
        means = [(x(n), y(statistics.mean(of_labels[n]))) for n in sorted(of_labels)]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in means)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for n, runs in of_labels.items():
            out += [f'<circle cx="{x(n):.1f}" cy="{y(a):.1f}" r="3" fill="{colour}"/>'
                    for a in runs]
        names_at = max(names_at + 16, means[-1][1] + 4)
        out.append(text(WIDTH - RIGHT + 10, names_at, arm, f'fill="{colour}"'))
    return "\n".join([*out, "</svg>", ""])
