/// The script for the theme, sorting, hiding, zooming and the choice of axes. Their state is kept
/// in the address's fragment. The page can be read without the script.
enum Script {
  static let text = [opening, zoom, explorer, closing].joined(separator: "\n")

  /// Reads and writes the fragment; the theme, the rows to show, sorting and the links.
  private static let opening = #"""
    (function () {
      "use strict";
      var root = document.documentElement;
      var body = document.body;
      var state = {};

      function read() {
        state = {};
        var hash = location.hash.slice(1);
        if (hash.indexOf("=") < 0) {
          if (hash) state.at = decodeURIComponent(hash);
          return;
        }
        hash.split("&").forEach(function (part) {
          var at = part.indexOf("=");
          if (at > 0) {
            try {
              state[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1));
            } catch (_) { /* A fragment that somebody typed wrong says nothing. */ }
          }
        });
      }

      function write() {
        var keys = Object.keys(state).filter(function (key) { return state[key]; }).sort();
        var only = keys.length === 1 && keys[0] === "at";
        var hash = only ? state.at : keys.map(function (key) {
          return key + "=" + encodeURIComponent(state[key]).replace(/%2C/g, ",");
        }).join("&");
        history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
      }

      // Theme.
      var button = document.getElementById("theme");
      var wish = window.matchMedia("(prefers-color-scheme: dark)");
      function isDark() { return state.theme ? state.theme === "dark" : wish.matches; }
      function applyTheme() {
        if (state.theme === "dark" || state.theme === "light") root.dataset.theme = state.theme;
        else delete root.dataset.theme;
        button.textContent = isDark() ? "Light theme" : "Dark theme";
      }
      button.hidden = false;
      button.addEventListener("click", function () {
        state.theme = isDark() ? "light" : "dark";
        applyTheme();
        write();
      });
      wish.addEventListener("change", applyTheme);

      // Rows and lines to show.
      var filters = document.getElementById("filters");
      var boxes = Array.prototype.slice.call(filters.querySelectorAll("input"));
      filters.hidden = boxes.length < 2;
      function applyHidden() {
        var hidden = (state.hide || "").split(",");
        boxes.forEach(function (box) {
          box.checked = hidden.indexOf(box.value) < 0;
          body.classList.toggle("hide" + box.dataset.hide, !box.checked);
        });
      }
      filters.addEventListener("change", function () {
        state.hide = boxes.filter(function (box) { return !box.checked; })
          .map(function (box) { return box.value; }).join(",");
        applyHidden();
        write();
      });

      // Tables that can be sorted: rows that are not ranked stay below the others.
      function key(row, column) {
        var cell = row.cells[column];
        return cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent.trim();
      }
      function sort(table, column, direction) {
        var tbody = table.tBodies[0];
        var rows = Array.prototype.slice.call(tbody.rows);
        rows.sort(function (a, b) {
          var last = a.classList.contains("unranked") - b.classList.contains("unranked");
          if (last) return last;
          var x = key(a, column), y = key(b, column);
          var nx = parseFloat(x), ny = parseFloat(y);
          var both = !isNaN(nx) && !isNaN(ny);
          if (!both && isNaN(nx) !== isNaN(ny)) return isNaN(nx) ? 1 : -1;
          var order = both ? nx - ny : x < y ? -1 : x > y ? 1 : 0;
          return direction === "down" ? -order : order;
        });
        rows.forEach(function (row) { tbody.appendChild(row); });
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (cell, index) {
          if (index === column) {
            cell.setAttribute("aria-sort", direction === "down" ? "descending" : "ascending");
          } else cell.removeAttribute("aria-sort");
        });
      }
      Array.prototype.forEach.call(document.querySelectorAll("th[data-sort]"), function (head) {
        var inner = document.createElement("button");
        inner.type = "button";
        while (head.firstChild) inner.appendChild(head.firstChild);
        head.appendChild(inner);
        inner.addEventListener("click", function () {
          var table = head.closest("table");
          var now = head.getAttribute("aria-sort");
          var first = head.dataset.first || "up";
          var direction = now ? (now === "ascending" ? "down" : "up") : first;
          sort(table, head.cellIndex, direction);
          if (table.id === "rows") {
            state.sort = head.cellIndex + "-" + direction;
            write();
          }
        });
      });
      function applySort() {
        var match = /^(\d+)-(up|down)$/.exec(state.sort || "");
        var table = document.getElementById("rows");
        if (match && table && +match[1] < table.tHead.rows[0].cells.length) {
          sort(table, +match[1], match[2]);
        }
      }

      // Sections: their links keep the rest of the fragment.
      Array.prototype.forEach.call(document.querySelectorAll("nav a"), function (link) {
        link.addEventListener("click", function (event) {
          event.preventDefault();
          state.at = link.getAttribute("href").slice(1);
          write();
          go();
        });
      });
      function go() {
        var target = state.at && document.getElementById(state.at);
        if (!target) return;
        target.scrollIntoView();
        target.tabIndex = -1;
        target.focus({ preventScroll: true });
      }

    """#

  private static let closing = #"""
      // Tables that are wider than the page say so, because a phone shows no scroll bar.
      var scrolled = Array.prototype.slice.call(document.querySelectorAll(".scroll"));
      function hint(part) {
        var isWide = part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1;
        var more = part.previousElementSibling;
        if (!more || more.className !== "more") {
          if (!isWide) return;
          more = document.createElement("p");
          more.className = "more";
          more.textContent = "scroll sideways for more →";
          part.parentNode.insertBefore(more, part);
        }
        more.hidden = !isWide;
        var atEnd = part.scrollLeft + part.clientWidth >= part.scrollWidth - 1;
        part.classList.toggle("cut", isWide && !atEnd);
      }
      function hintAll() { scrolled.forEach(hint); }
      scrolled.forEach(function (part) {
        part.addEventListener("scroll", function () { hint(part); });
      });
      window.addEventListener("resize", hintAll);
      document.addEventListener("toggle", hintAll, true);

      function apply() {
        read();
        applyTheme();
        applyHidden();
        applySort();
        applyZoom();
        applyAxes();
        hintAll();
        go();
      }
      window.addEventListener("hashchange", apply);
      apply();
    })();
    """#
}
