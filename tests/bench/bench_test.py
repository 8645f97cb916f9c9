"""What the bench writes, without measuring: `bench_test.py ROOT`."""

import os
import sys
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = sys.argv.pop(1)
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "bench"))

import compare  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402


class Plot(unittest.TestCase):
    def test_values_have_their_places_on_linear_and_logarithmic_axes(self):
        linear = plot.Axis([3, 47], 100, logarithmic=False)
        self.assertEqual((linear.low, linear.high), (0, 50))
        self.assertEqual(linear.place(25), 50)
        self.assertEqual(linear.ticks, [0, 10, 20, 30, 40, 50])
        powers = plot.Axis([1_000, 1_000_000], 90, logarithmic=True)
        self.assertEqual(len(powers.ticks), 4)
        self.assertAlmostEqual(powers.place(10_000), 30)
        self.assertAlmostEqual(powers.place(1_000_000), 90)

    def test_one_value_or_none_is_drawn_too(self):
        for lines in ({"a": [(1, 1)]}, {"a": [(10, 0)]}, {"a": [(1, None)]}, {}):
            for logarithmic in (False, True):
                ElementTree.fromstring(plot.line_plot("t", "x", "y", lines, logarithmic,
                                                      logarithmic))

    def test_a_plot_is_xml_with_a_mark_a_point_within_its_frame(self):
        text = plot.line_plot("a < b & c", "x", "y", {"<one>": [(1, 5), (10, 7), (100, 6)],
                                                     "two": [(1, None), (10, 0.5)]}, x_log=True)
        root = ElementTree.fromstring(text)
        marks = root.findall("{http://www.w3.org/2000/svg}circle")
        self.assertEqual(len(marks), 4)
        for mark in marks:
            self.assertTrue(0 <= float(mark.get("cx")) <= float(root.get("width")))
            self.assertTrue(0 <= float(mark.get("cy")) <= float(root.get("height")))
        self.assertIn("a &lt; b &amp; c", text)

    def test_numbers_are_short(self):
        self.assertEqual([plot.short(n) for n in (0, 0.5, 999, 1_000, 2_500_000)],
                         ["0", "0.5", "999", "1k", "2.5M"])


class Report(unittest.TestCase):
    def test_only_what_stands_between_the_markers_is_replaced(self):
        page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb <!-- begin y --><!-- end y -->"
        put = report.put(page, "x", r"new \1")
        self.assertEqual(put, "a\n<!-- begin x -->\nnew \\1\n<!-- end x -->\nb "
                              "<!-- begin y --><!-- end y -->")
        self.assertEqual(report.put(put, "x", r"new \1"), put)
        with self.assertRaises(SystemExit):
            report.put(page, "z", "new")

    def test_the_page_has_markers_for_every_series(self):
        with open(os.path.join(ROOT, "docs", "performance.md"), encoding="utf-8") as file:
            page = file.read()
        for name in [*report.ALL, "comparison"]:
            report.put(page, name, "")

    def test_a_series_is_a_table_with_plots_and_says_what_it_did_not_reach(self):
        series = report.Series(["size", "us"], "A note.")
        series.rows = [(1_000, 2.5), (10_000, None)]
        series.cut = [100_000]
        series.draw("p", "Title", "us", {1: "time"})
        text = series.markdown("performance")
        for part in ("| size | us |\n|---:|---:|\n| 1,000 | 2.5 |\n| 10,000 | - |", "100k",
                     "A note.", "![Title](performance/p.svg)"):
            self.assertIn(part, text)
        (name, drawing), = series.drawings()
        self.assertEqual(name, "p")
        ElementTree.fromstring(drawing)

    def test_a_series_without_time_stops(self):
        series = report.Series(["size"])
        self.assertEqual(list(report.within(-1, [1, 10], series)), [])
        self.assertEqual(series.cut, [1, 10])


class Compare(unittest.TestCase):
    def test_medians(self):
        self.assertEqual(servers.median([3, 1, 2]), 2)
        self.assertEqual(servers.median([4, None, 1]), 2.5)
        self.assertIsNone(servers.median([None]))

    def test_the_table_has_ratios_where_both_are_known(self):
        rows = compare.table({"Vigil": {row: 2.0 for row, *_ in compare.ROWS},
                              "floor": {"notify": 1.0}, "Kamailio": {"notify": 8.0}})
        self.assertEqual(rows[1][2:], ["1.00", "8.00", "2.00", "2.00", "0.25"])
        self.assertEqual(rows[2][2:], ["", "", "2.00", "", ""])
        rows = compare.table({"Vigil": {row: None for row, *_ in compare.ROWS}, "floor": {}})
        self.assertEqual(len(rows), len(compare.ROWS) + 1)


if __name__ == "__main__":
    unittest.main()
