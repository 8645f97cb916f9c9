"""A plot of lines as SVG, written by hand: axes linear or logarithmic, marks, a legend."""
import math
from html import escape

WIDTH, HIGH = 640, 270
LEFT, RIGHT, BOTTOM = 72, 28, 52
COLOURS = ["#1f6f8b", "#c1440e", "#4b8b3b", "#7a4f9a", "#b8860b"]
FONT = 'font-family="sans-serif" font-size="11"'


def short(value):
    """1000 is 1k, 0.5 is 0.5."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


class Axis:
    """From values to a length; `ticks` lie within what it shows."""

    def __init__(self, values, length, logarithmic):
        self.length, self.logarithmic = length, logarithmic
        low, high = min(values), max(values)
        if logarithmic:
            self.low = 10 ** math.floor(math.log10(low))
            self.high = 10 ** math.ceil(math.log10(high))
            if self.low == self.high:
                self.high *= 10
            self.ticks = [10.0 ** e for e in range(round(math.log10(self.low)),
                                                   round(math.log10(self.high)) + 1)]
        else:
            self.low = 0.0
            step = self._step(max(high, 1e-9))
            self.high = step * math.ceil(max(high, 1e-9) / step - 1e-9)
            self.ticks = [step * i for i in range(round(self.high / step) + 1)]

    @staticmethod
    def _step(high):
        raw = high / 5
        power = 10 ** math.floor(math.log10(raw))
        return power * next(m for m in (1, 2, 5, 10) if raw <= m * power * (1 + 1e-9))

    def place(self, value):
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return share * self.length


def line_plot(title, x_title, y_title, lines, x_log=False, y_log=False):
    """`lines`: name to points [(x, y)]; points without a y are left out."""
    lines = {name: [(x, y) for x, y in points if y is not None and not (y_log and y <= 0)]
             for name, points in lines.items()}
    lines = {name: points for name, points in lines.items() if points}
    every = [point for points in lines.values() for point in points]
    if not every:
        every = [(1, 1)]
    top = 40 + 18 * len(lines)  # the legend stands above
    wide, high, height = WIDTH - LEFT - RIGHT, HIGH, top + HIGH + BOTTOM
    xs = Axis([x for x, _ in every], wide, x_log)
    ys = Axis([y for _, y in every], high, y_log)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" role="img">',
           f"<title>{escape(title)}</title>",
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="22" font-family="sans-serif" font-size="14" fill="#222222">'
           f"{escape(title)}</text>"]
    bottom = top + high
    for tick in xs.ticks:
        x = LEFT + xs.place(tick)
        out.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 16}" {FONT} fill="#444444" '
                   f'text-anchor="middle">{short(tick)}</text>')
    for tick in ys.ticks:
        y = bottom - ys.place(tick)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + wide}" y2="{y:.1f}" '
                   'stroke="#e4e4e4"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" {FONT} fill="#444444" '
                   f'text-anchor="end">{short(tick)}</text>')
    out.append(f'<path d="M{LEFT} {top}V{bottom}H{LEFT + wide}" fill="none" stroke="#444444"/>')
    out.append(f'<text x="{LEFT + wide / 2:.1f}" y="{height - 12}" {FONT} fill="#222222" '
               f'text-anchor="middle">{escape(x_title)}</text>')
    out.append(f'<text transform="translate(16 {top + high / 2:.1f}) rotate(-90)" {FONT} '
               f'fill="#222222" text-anchor="middle">{escape(y_title)}</text>')
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        placed = [(LEFT + xs.place(x), bottom - ys.place(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        at = 42 + number * 18
        out.append(f'<rect x="{LEFT}" y="{at - 9}" width="10" height="10" '
                   f'fill="{colour}"/>')
        out.append(f'<text x="{LEFT + 15}" y="{at}" {FONT} fill="#222222">'
                   f"{escape(name)}</text>")
    return "\n".join([*out, "</svg>"]) + "\n"
