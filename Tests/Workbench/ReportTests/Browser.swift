import Foundation
import Testing

/// A browser without a window, which reports how it rendered a page.
enum Browser {
  /// Chromium's headless shell: a whole Chromium makes no window narrower than 500 pixels.
  static let path: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/chromium-headless-shell" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  static let missing: Comment =
    "chromium-headless-shell is not installed: apt-get install chromium-headless-shell"

  /// The measurements of the script below, and the console's messages.
  struct Finding: Decodable {
    /// The pixels by which the page is wider than the window.
    var overflow: Int
    var figures: Int
    /// Titles of figures whose drawing is too small.
    var empty: [String]
    /// Texts that leave their drawing; `overlapping`: texts that overlap another one.
    var clipped: [String]
    var overlapping: [String]
    var background: String
    var headings: Int
    /// The background after a click on the theme button.
    var toggledBackground: String
    /// The number of elements hidden by a click on the first box, and the fragment after all
    /// clicks.
    var hidden: Int
    var fragment: String
    /// Rows of the first sortable table after a click on its throughput heading.
    var sorted: [String]
    /// The number of elements that the keyboard reaches, and those of them without a name.
    var reachable: Int
    var nameless: [String]
    /// What the fragment says of the zoom, and the labels of the first chart's time axis: at first,
    /// and after each of several actions.
    var zoom: [String]
    /// The same of the chosen chart: the fragment, its title, and how many signs and rows it has.
    var chosen: [String]
    /// The width in pixels of the first column of the table of all rows.
    var firstColumn: Int
    /// Tables that are wider than the page without the hint to scroll, and those that have the hint
    /// although they are not wider.
    var unhinted: [String]
    var hinted: Int
    /// How many elements the page has.
    var elements: Int
    var console: [String]?
  }

  private static let probe = """
    <script>
    addEventListener("load", function () {
      var elements = document.getElementsByTagName("*").length;
      var all = function (selector, root) {
        return Array.prototype.slice.call((root || document).querySelectorAll(selector));
      };
      var r = { empty: [], clipped: [], overlapping: [], nameless: [], unhinted: [], zoom: [], chosen: [],
        elements: elements };
      r.overflow = document.documentElement.scrollWidth - innerWidth;
      var cut = all(".scroll").filter(function (e) {
        return e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1;
      });
      r.unhinted = all(".scroll").filter(function (e) {
        var more = e.previousElementSibling;
        var says = !!more && more.className === "more" && more.clientWidth > 0;
        return says !== (cut.indexOf(e) >= 0) && e.clientWidth > 0;
      }).map(function (e) { return e.getAttribute("aria-label"); });
      r.hinted = cut.length;
      r.firstColumn = (all(".summary th[scope=row]")[0] || { clientWidth: 0 }).clientWidth;
      r.figures = all("figure").length;
      r.headings = all("section > h2").length;
      all("details.point").forEach(function (d) { d.open = true; });
      all("figure").forEach(function (figure) {
        var name = figure.querySelector("figcaption").textContent;
        var svg = figure.querySelector(":scope > svg");
        var frame = svg.getBoundingClientRect();
        // Hidden, because of the fragment.
        if (getComputedStyle(figure).display === "none") return;
        if (frame.width < 200 || frame.height < 50) r.empty.push(name);
        var boxes = all("text", svg).map(function (text) {
          return { text: text.textContent, box: text.getBoundingClientRect() };
        });
        boxes = boxes.filter(function (a) { return a.box.width > 0; });
        boxes.forEach(function (a, i) {
          if (a.box.left < frame.left - 2 || a.box.right > frame.right + 2
              || a.box.top < frame.top - 2 || a.box.bottom > frame.bottom + 2) {
            r.clipped.push(name + ": " + a.text);
          }
          boxes.slice(i + 1).forEach(function (b) {
            var w = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
            var h = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
            if (w > 1 && h > 4) r.overlapping.push(name + ": " + a.text + " / " + b.text);
          });
        });
      });
      var color = function () { return getComputedStyle(document.body).backgroundColor; };
      r.background = color();
      document.getElementById("theme").click();
      r.toggledBackground = color();
      var box = document.querySelector("#filters input");
      if (box) box.click();
      r.hidden = all("[data-p]").filter(function (e) {
        return getComputedStyle(e).display === "none";
      }).length;
      if (box) box.click();
      r.fragment = location.hash;
      var table = document.querySelector("table.summary");
      var heads = all("th button", table).filter(function (b) {
        return b.textContent.indexOf("Throughput") === 0;
      });
      if (heads[0]) heads[0].click();
      r.fragment = location.hash;
      r.sorted = all("tbody tr", table).map(function (row) {
        return row.cells[0].textContent.trim();
      });
      var bar = document.getElementById("zoom");
      var chart = document.querySelector("svg[data-time]");
      var said = function (key) {
        return (location.hash.slice(1).split("&").filter(function (part) {
          return part.indexOf(key + "=") === 0;
        })[0] || "");
      };
      if (bar && chart) {
        var note = function () {
          r.zoom.push(said("zoom") + " | " + all(".ticks[data-labels] .tick", chart)
            .map(function (tick) { return tick.textContent; }).join(" "));
        };
        var press = function (key) {
          bar.querySelector("button").dispatchEvent(
            new KeyboardEvent("keydown", { key: key, bubbles: true }));
          note();
        };
        note();
        bar.querySelector("[data-zoom=in]").click();
        note();
        press("ArrowRight");
        press("-");
        press("0");
        var box = chart.getBoundingClientRect();
        var words = chart.dataset.time.split(" ");
        var at = function (type, share) {
          var x = +words[0] + share * (words[1] - words[0]);
          chart.dispatchEvent(new PointerEvent(type, {
            clientX: box.left + x / chart.viewBox.baseVal.width * box.width,
            clientY: box.top + 20, bubbles: true, button: 0 }));
        };
        at("pointerdown", 0.25);
        at("pointermove", 0.4);
        at("pointerup", 0.5);
        note();
      }
      var axes = document.getElementById("axes");
      if (axes) {
        var tell = function () {
          var figure = document.getElementById("chosen");
          r.chosen.push([said("x"), said("y"), figure.querySelector("figcaption").textContent,
            all("svg circle", figure).length, all("tbody tr", figure).length].join(" | "));
        };
        var choose = function (id, value) {
          document.getElementById(id).value = value;
          document.getElementById(id).dispatchEvent(new Event("change", { bubbles: true }));
          tell();
        };
        tell();
        choose("y", "write_p99_us");
        choose("x", "throughput");
      }
      var reachable = all("a[href], button, input, select, summary, [tabindex='0']");
      r.reachable = reachable.length;
      reachable.forEach(function (e) {
        var label = e.closest("label");
        var name = e.textContent.trim() || e.getAttribute("aria-label")
          || (label && label.textContent.trim());
        if (!name) r.nameless.push(e.outerHTML.slice(0, 60));
      });
      var out = document.createElement("pre");
      out.id = "probe";
      out.textContent = JSON.stringify(r);
      document.body.appendChild(out);
    });
    </script></body>
    """

  /// Opens a page in a window of the given width.
  static func open(
    _ page: String, width: Int, isDark: Bool, fragment: String = "", in folder: URL
  ) throws -> Finding {
    let file = folder.appending(path: "page-\(width)-\(isDark).html")
    try Data(page.replacing("</body>", with: probe).utf8).write(to: file)
    let process = Process()
    process.executableURL = URL(filePath: try #require(path))
    process.arguments = [
      "--no-sandbox", "--disable-gpu", "--window-size=\(width),900", "--enable-logging=stderr",
      "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
      "--user-data-dir=\(folder.path)/profile-\(width)-\(isDark)", "--timeout=60000",
      "--dump-dom", "file://\(file.path)\(fragment)",
    ]
    let output = folder.appending(path: "dom-\(width)-\(isDark)")
    let errors = folder.appending(path: "log-\(width)-\(isDark)")
    for url in [output, errors] { try Data().write(to: url) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    let text = try String(contentsOf: output, encoding: .utf8)
    let log = try String(contentsOf: errors, encoding: .utf8)
    let start = try #require(text.firstRange(of: "<pre id=\"probe\">"), "\(log)")
    let json = text[start.upperBound...].prefix { $0 != "<" }
      .replacing("&amp;", with: "&").replacing("&lt;", with: "<").replacing("&gt;", with: ">")
    var finding = try JSONDecoder().decode(Finding.self, from: Data(json.utf8))
    finding.console = log.split(separator: "\n").filter { $0.contains("CONSOLE") }.map(String.init)
    return finding
  }
}
