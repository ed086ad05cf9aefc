extension Script {
  /// Zooms all charts over time together: by dragging over one, or by the buttons and their keys.
  static let zoom = #"""
      var bar = document.getElementById("zoom");
      var charts = Array.prototype.map.call(
        document.querySelectorAll("svg[data-time]"), function (svg) {
          var words = svg.dataset.time.split(" ").map(Number);
          return {
            svg: svg, left: words[0], right: words[1], end: words[2],
            frame: svg.querySelector(".window"),
            box: svg.querySelector(".window").getAttribute("viewBox").split(" ").map(Number),
            ticks: Array.prototype.map.call(svg.querySelectorAll(".ticks"), function (group) {
              return { group: group, whole: group.innerHTML };
            })
          };
        });
      var lastSecond = charts.reduce(function (most, chart) {
        return Math.max(most, chart.end);
      }, 0);

      function shown() {
        var match = /^([\d.]+)-([\d.]+)$/.exec(state.zoom || "");
        var from = match ? Math.max(+match[1], 0) : 0;
        var to = match ? Math.min(+match[2], lastSecond) : lastSecond;
        return to - from >= 0.001 ? [from, to] : [0, lastSecond];
      }

      function step(span, most) {
        var power = Math.pow(10, Math.floor(Math.log10(span / most)));
        return [1, 2, 5, 10].map(function (n) { return n * power; })
          .filter(function (n) { return span / n <= most * 1.000001; })[0] || 10 * power;
      }

      function drawTicks(chart, from, to) {
        var gap = step(to - from, 6);
        var digits = Math.max(0, -Math.floor(Math.log10(gap) + 1e-9));
        chart.ticks.forEach(function (tick) {
          var y = +tick.group.dataset.y;
          var text = '<path class="base" d="M' + chart.left + " " + y + "L" + chart.right + " "
            + y + '"/>';
          for (var n = Math.ceil(from / gap - 1e-9); n * gap <= to * 1.0000001; n += 1) {
            var x = chart.left + (n * gap - from) / (to - from) * (chart.right - chart.left);
            text += '<path class="base" d="M' + x + " " + y + "v4" + '"/>';
            if (tick.group.dataset.labels !== undefined) {
              text += '<text class="tick" text-anchor="middle" x="' + x + '" y="' + (y + 16) + '">'
                + (n * gap).toFixed(digits) + "</text>";
            }
          }
          tick.group.innerHTML = text;
        });
      }

      function applyZoom() {
        if (!charts.length) return;
        var range = shown();
        var isWhole = range[0] <= 0 && range[1] >= lastSecond;
        bar.querySelector("output").textContent = isWhole
          ? "" : range[0].toFixed(2) + " s to " + range[1].toFixed(2) + " s";
        bar.querySelector("[data-zoom=all]").disabled = isWhole;
        charts.forEach(function (chart) {
          var from = range[0], to = Math.min(range[1], chart.end);
          if (isWhole || to - from < 0.001) { from = 0; to = chart.end; }
          var width = chart.right - chart.left;
          var factor = chart.end / (to - from);
          var first = chart.left + from / chart.end * width;
          chart.frame.setAttribute("viewBox",
            [first, chart.box[1], width / factor, chart.box[3]].join(" "));
          Array.prototype.forEach.call(chart.svg.querySelectorAll("[data-x]"), function (mark) {
            var x = +mark.dataset.x;
            var place = chart.left + (x - first) * factor;
            mark.setAttribute("transform", "translate(" + (place - x) + ",0)");
            mark.style.display = place < chart.left - 1 || place > chart.right + 1 ? "none" : "";
          });
          if (from === 0 && to === chart.end) {
            chart.ticks.forEach(function (tick) { tick.group.innerHTML = tick.whole; });
          } else drawTicks(chart, from, to);
        });
      }

      function zoomTo(from, to) {
        var span = Math.min(Math.max(to - from, lastSecond / 500), lastSecond);
        from = Math.min(Math.max(from, 0), lastSecond - span);
        state.zoom = span >= lastSecond * 0.999999
          ? "" : +from.toFixed(3) + "-" + +(from + span).toFixed(3);
        applyZoom();
        write();
      }

      function act(what) {
        var range = shown(), span = range[1] - range[0], middle = (range[0] + range[1]) / 2;
        if (what === "in") zoomTo(middle - span / 4, middle + span / 4);
        if (what === "out") zoomTo(middle - span, middle + span);
        if (what === "left") zoomTo(range[0] - span / 2, range[1] - span / 2);
        if (what === "right") zoomTo(range[0] + span / 2, range[1] + span / 2);
        if (what === "all") zoomTo(0, lastSecond);
      }

      if (charts.length) {
        bar.hidden = false;
        bar.addEventListener("click", function (event) {
          var pressed = event.target.closest("[data-zoom]");
          if (pressed) act(pressed.dataset.zoom);
        });
        bar.addEventListener("keydown", function (event) {
          var keys = { "+": "in", "=": "in", "-": "out", "0": "all", Escape: "all",
            ArrowLeft: "left", ArrowRight: "right" };
          if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          act(keys[event.key]);
        });
      }

      charts.forEach(function (chart) {
        var start = null, pick = null;
        function place(event) {
          var box = chart.svg.getBoundingClientRect();
          if (!box.width) return chart.left;
          var x = (event.clientX - box.left) / box.width * chart.svg.viewBox.baseVal.width;
          return Math.min(Math.max(x, chart.left), chart.right);
        }
        function second(x) {
          var range = shown(), to = Math.min(range[1], chart.end);
          var from = to - range[0] < 0.001 ? 0 : range[0];
          return from + (x - chart.left) / (chart.right - chart.left) * (to - from);
        }
        function stop() {
          if (pick) pick.remove();
          start = pick = null;
        }
        chart.svg.addEventListener("pointerdown", function (event) {
          if (event.button) return;
          start = place(event);
          pick = document.createElementNS(chart.svg.namespaceURI, "rect");
          pick.setAttribute("class", "pick");
          pick.setAttribute("y", chart.box[1]);
          pick.setAttribute("height", chart.box[3]);
          chart.svg.appendChild(pick);
          event.preventDefault();
        });
        chart.svg.addEventListener("pointermove", function (event) {
          if (start === null) return;
          var x = place(event);
          pick.setAttribute("x", Math.min(x, start));
          pick.setAttribute("width", Math.abs(x - start));
        });
        chart.svg.addEventListener("pointerup", function (event) {
          if (start === null) return;
          var x = place(event), from = second(Math.min(x, start)), to = second(Math.max(x, start));
          var isDrag = Math.abs(x - start) > 6;
          stop();
          if (isDrag) zoomTo(from, to);
        });
        chart.svg.addEventListener("pointerleave", stop);
        chart.svg.addEventListener("pointercancel", stop);
        chart.svg.addEventListener("dblclick", function () { act("all"); });
      });

    """#
}
