extension Script {
  /// Draws the chart whose axes the reader chooses.
  static let explorer = #"""
      var cells = document.getElementById("cells");
      var table = cells && JSON.parse(cells.textContent);
      var axes = document.getElementById("axes");
      var chosen = document.getElementById("chosen");
      var NONE = [null, null, null];

      // The words of a column, with its unit; a swept path stays as it is.
      function label(name) {
        var at = table.metrics.indexOf(name);
        return at < 0 ? name : table.labels[at];
      }

      // Four significant digits; the file has all.
      function rounded(value) {
        return typeof value === "number" ? +value.toPrecision(4) : value;
      }

      function short(value) {
        var size = Math.abs(value);
        var unit = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e3 ? [1e3, "k"]
          : [1, ""];
        return +(value / unit[0]).toPrecision(3) + unit[1];
      }

      // An axis of numbers: logarithmic if they are above zero and spread widely.
      function numbers(values, mayBeLog) {
        var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
        var ticks = [], n;
        if (mayBeLog && low > 0 && high / low > 12) {
          var first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
          var every = Math.ceil((last - first) / 7);
          for (n = first; n <= last; n += every) {
            ticks.push([Math.pow(10, n), short(Math.pow(10, n))]);
          }
          return { ticks: ticks, remark: ", logarithmic", share: function (value) {
            return Math.max(0, (Math.log10(value) - first) / (last - first));
          } };
        }
        if (low > 0 && low < 0.7 * high) low = 0;
        if (high <= low) high = low + (Math.abs(low) || 1);
        var gap = step(high - low, 5);
        low = Math.floor(low / gap + 1e-9) * gap;
        high = Math.ceil(high / gap - 1e-9) * gap;
        for (n = Math.round(low / gap); n <= Math.round(high / gap); n += 1) {
          ticks.push([n * gap, short(n * gap)]);
        }
        return { ticks: ticks, remark: low ? ", axis from " + short(low) : "",
          share: function (value) { return (value - low) / (high - low); } };
      }

      // An axis of swept values: by size if all have one, and else side by side.
      function swept(path) {
        var names = [], sizes = [], sizeOf = {};
        table.points.forEach(function (point, index) {
          if (names.indexOf(point[path]) >= 0) return;
          names.push(point[path]);
          sizes.push(table.sizes[index][path]);
          sizeOf[point[path]] = table.sizes[index][path];
        });
        var hasSizes = sizes.every(function (size) { return size !== null; });
        if (hasSizes) {
          names.sort(function (a, b) { return sizeOf[a] - sizeOf[b]; });
          sizes.sort(function (a, b) { return a - b; });
        }
        var isSized = hasSizes && sizes[0] > 0 && Math.max.apply(null, sizes) / Math.min.apply(null, sizes) <= table.mostRange;
        var value = function (point) {
          return isSized ? table.sizes[point][path] : names.indexOf(table.points[point][path]);
        };
        var isLog = isSized && Math.max.apply(null, sizes) / Math.min.apply(null, sizes) > 12;
        var places = isSized ? sizes : names.map(function (_, index) { return index; });
        var scale = function (v) { return isLog ? Math.log10(v) : v; };
        var low = scale(Math.min.apply(null, places)), high = scale(Math.max.apply(null, places));
        var ticks = places.map(function (place, index) { return [place, names[index]]; })
          .sort(function (a, b) { return a[0] - b[0]; });
        return { value: value, ticks: ticks, share: function (v) {
          return high > low ? 0.04 + 0.92 * (scale(v) - low) / (high - low) : 0.5;
        } };
      }

      function choices() {
        var known = table.paths.concat(table.metrics);
        return {
          y: table.metrics.indexOf(state.y) >= 0 ? state.y : table.metrics[0],
          x: known.indexOf(state.x) >= 0 ? state.x : table.paths[table.main]
        };
      }

      // The rows to draw: those at the chosen values of the paths that are not followed.
      function rowsAt(follow) {
        var at = table.paths.map(function (path, index) {
          var wished = state["at." + path];
          var values = table.points.map(function (point) { return point[index]; });
          return values.indexOf(wished) >= 0 ? wished : values[0];
        });
        return table.rows.filter(function (row) {
          return at.every(function (value, index) {
            return index === follow || table.points[row[2]][index] === value;
          });
        });
      }

      function escaped(text) {
        return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
      }

      function applyAxes() {
        if (!table) return;
        axes.hidden = chosen.hidden = false;
        var choice = choices();
        document.getElementById("x").value = choice.x;
        document.getElementById("y").value = choice.y;
        var path = table.paths.indexOf(choice.x);
        var follow = path >= 0 ? path : table.main;
        Array.prototype.forEach.call(axes.querySelectorAll("[data-path]"), function (select) {
          var name = table.paths[+select.dataset.path];
          select.parentNode.hidden = +select.dataset.path === follow;
          if (state["at." + name]) select.value = state["at." + name];
          if (!select.value) select.selectedIndex = 0;
        });
        var rows = rowsAt(follow);
        var yAt = table.metrics.indexOf(choice.y), xAt = table.metrics.indexOf(choice.x);
        var order = swept(follow);
        var points = rows.map(function (row) {
          return {
            row: row, y: row[5][yAt] || NONE, order: order.value(row[2]),
            x: path >= 0 ? order.value(row[2]) : (row[5][xAt] || NONE)[0]
          };
        }).filter(function (point) { return point.y[0] !== null && point.x !== null; });
        chosen.querySelector("figcaption").textContent = label(choice.y) + " over " + label(choice.x);
        drawChosen(points, choice, path >= 0 ? order : null);
        listChosen(points, choice, path >= 0 ? follow : -1);
      }

      function drawChosen(points, choice, order) {
        var svg = chosen.querySelector("svg");
        var isNarrow = window.innerWidth < 600;
        var width = isNarrow ? 380 : 760, height = isNarrow ? 300 : 380;
        svg.setAttribute("viewBox", "0 0 " + width + " " + height);
        if (!points.length) {
          svg.innerHTML = '<text class="axis" x="20" y="40">No row has both numbers.</text>';
          return;
        }
        var values = [];
        points.forEach(function (point) {
          point.y.forEach(function (value) { if (value !== null) values.push(value); });
        });
        var means = points.map(function (point) { return point.y[0]; });
        var isLog = Math.min.apply(null, means) > 0
          && Math.max.apply(null, means) / Math.min.apply(null, means) > 30;
        var yAxis = numbers(isLog
          ? means.concat(values.filter(function (value) { return value > 0; })) : values, isLog);
        var xAxis = order || numbers(points.map(function (point) { return point.x; }), true);
        var longest = yAxis.ticks.reduce(function (most, tick) {
          return Math.max(most, tick[1].length);
        }, 3);
        var left = longest * 6.5 + 12, right = width - 14, top = 28, bottom = height - 46;
        function px(value) { return +(left + xAxis.share(value) * (right - left)).toFixed(1); }
        function py(value) {
          var share = Math.min(Math.max(yAxis.share(value), 0), 1);
          return +(bottom - share * (bottom - top)).toFixed(1);
        }
        var text = '<text class="axis" x="2" y="14">' + escaped(label(choice.y) + yAxis.remark) + "</text>";
        yAxis.ticks.forEach(function (tick) {
          text += '<path class="rule" d="M' + left + " " + py(tick[0]) + "L" + right + " "
            + py(tick[0]) + '"/><text class="tick" text-anchor="end" x="' + (left - 6) + '" y="'
            + (py(tick[0]) + 3.8) + '">' + tick[1] + "</text>";
        });
        text += '<path class="base" d="M' + left + " " + bottom + "L" + right + " " + bottom
          + '"/>';
        var end = -Infinity;
        xAxis.ticks.forEach(function (tick) {
          var x = px(tick[0]), half = tick[1].length * 3.1;
          text += '<path class="base" d="M' + x + " " + bottom + 'v4"/>';
          x = Math.min(Math.max(x, half), width - half);
          if (x - half < end + 5) return;
          end = x + half;
          text += '<text class="tick" text-anchor="middle" x="' + x + '" y="' + (bottom + 16)
            + '">' + escaped(tick[1]) + "</text>";
        });
        text += '<text class="axis" text-anchor="middle" x="' + (left + right) / 2 + '" y="'
          + (bottom + 34) + '">' + escaped(label(choice.x)) + "</text>";
        var names = [];
        points.forEach(function (point) {
          if (names.indexOf(point.row[1]) < 0) names.push(point.row[1]);
        });
        names.forEach(function (name) {
          var line = points.filter(function (point) { return point.row[1] === name; })
            .sort(function (a, b) { return a.order - b.order; });
          var slot = line[0].row[0], dash = "l d" + slot % 8;
          text += '<g class="p' + slot % 8 + '" data-p="' + slot + '">';
          var banded = line.filter(function (point) {
            return point.y[1] !== null && point.y[2] !== null;
          });
          if (order && banded.length > 1) {
            text += '<path class="b" d="M' + banded.map(function (point) {
              return px(point.x) + " " + py(point.y[2]);
            }).concat(banded.slice().reverse().map(function (point) {
              return px(point.x) + " " + py(point.y[1]);
            })).join("L") + 'Z"/>';
          }
          text += '<path class="' + dash + '" d="M' + line.map(function (point) {
            return px(point.x) + " " + py(point.y[0]);
          }).join("L") + '"/>';
          line.forEach(function (point) {
            text += '<circle class="' + (point.row[4] ? "m" : "h") + '" r="4" cx="' + px(point.x)
              + '" cy="' + py(point.y[0]) + '"><title>' + escaped(name) + ", "
              + escaped(table.points[point.row[2]].join(", ")) + ": " + rounded(point.y[0])
              + (point.row[4] ? "" : ", " + escaped(point.row[3])) + "</title></circle>";
          });
          text += "</g>";
        });
        svg.innerHTML = text;
      }

      function listChosen(points, choice, path) {
        var heads = ["protocol"].concat(path < 0 ? table.paths : [], label(choice.x), label(choice.y),
          "low", "high", "verdict");
        var body = points.map(function (point) {
          var at = table.points[point.row[2]];
          var line = [point.row[1]].concat(path < 0 ? at : [], path < 0 ? point.x : at[path],
            point.y, point.row[3]);
          return '<tr data-p="' + point.row[0] + '">' + line.map(function (cell, index) {
            var tag = index ? "td" : "th";
            return "<" + tag + ">" + escaped(cell === null ? "" : rounded(cell)) + "</" + tag + ">";
          }).join("") + "</tr>";
        }).join("");
        chosen.querySelector("table").innerHTML = "<thead><tr>" + heads.map(function (head) {
          return "<th>" + escaped(head) + "</th>";
        }).join("") + "</tr></thead><tbody>" + body + "</tbody>";
      }

      if (table) {
        axes.addEventListener("change", function (event) {
          var select = event.target;
          if (select.dataset.path === undefined) state[select.id] = select.value;
          else state["at." + table.paths[+select.dataset.path]] = select.value;
          applyAxes();
          write();
        });
        window.addEventListener("resize", applyAxes);
      }

    """#
}
