/// A part of a page with a heading of its own.
struct Section {
  /// The section's fragment in the page's address.
  var id: String
  var title: String
  /// One sentence on how to read what follows.
  var how: String = ""
  var content: HTML

  var html: HTML {
    let reading: HTML = how.isEmpty ? "" : "<p class=how>\(how)</p>"
    return """
      <section id="\(id)" aria-labelledby="\(id)-title"><h2 id="\(id)-title">\(title)</h2>\(reading)
      \(content)</section>
      """
  }

  /// The content for one of several sweep points; only the first is open at the start.
  static func fold(_ name: String, isOpen: Bool, of count: Int, _ content: HTML) -> HTML {
    guard count > 1, !name.isEmpty else { return content }
    let open: HTML = isOpen ? " open" : ""
    return "<details class=point\(open)><summary>\(name)</summary>\(content)</details>"
  }

  /// A part for each family of a run's points along a path (`RunData.families`) that has content.
  static func families(
    of run: RunData, along axis: Int, _ content: ([Int]) -> HTML
  ) -> HTML {
    let families = run.families(along: axis)
    return families.enumerated().map { index, family in
      let part = content(family.points)
      return part.isEmpty
        ? part : fold(family.name, isOpen: index == 0, of: families.count, part)
    }.joined("\n")
  }

  static func grid(_ figures: [Figure]) -> HTML {
    figures.isEmpty ? "" : "<div class=grid>\(figures.map(\.html).joined("\n"))</div>"
  }
}

/// Colour, dash and sign of each protocol.
enum Legend {
  /// A short piece of the protocol's line with its sign.
  static func key(_ slot: Int, isHollow: Bool = false) -> HTML {
    var drawing = Drawing(width: 26, height: 12)
    drawing.ofProtocol(slot) { drawing in
      drawing.line(1, 6, 25, 6, "l d\(slot % Palette.size)")
      drawing.marker(13, 6, slot: slot, isHollow: isHollow)
    }
    return "<svg class=key viewBox=\"0 0 26 12\" aria-hidden=true>\(drawing.body)</svg>"
  }

  static func html(_ run: RunData, _ palette: Palette) -> HTML {
    let items = run.protocols.enumerated().map { index, name -> HTML in
      let slot = palette.slot(index)
      return "<li data-p=\"\(slot)\">\(key(slot, isHollow: !run.competes(name)))\(name)"
    }
    return "<ul class=legend>\(items.joined())\(hollow(run))</ul>"
  }

  /// The meaning of a hollow sign, if the page has any.
  static func hollow(_ run: RunData) -> HTML {
    let reasons = run.groups.filter { !$0.competes }.map { group in
      group.isRanked ? "it survives no failure" : "its verdict does not hold"
    }
    guard !reasons.isEmpty else { return "" }
    return
      "<li class=note>A hollow sign is not ranked: \(Phrase.list(Phrase.ordered(reasons).map { "\($0)" }, "or"))"
  }
}

extension RunData {
  /// Whether any row of a protocol takes part in rankings.
  func competes(_ name: String) -> Bool { groups.contains { $0.name == name && $0.competes } }
}
