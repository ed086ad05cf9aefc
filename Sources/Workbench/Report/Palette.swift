import ProtocolList

/// Which colour, dash and sign a protocol has: those of its place in the list of protocols, on
/// every page. Other systems take the places behind them.
struct Palette {
  /// So many colours there are (Okabe & Ito 2008, which colour-blind readers tell apart); dashes
  /// and signs differ besides.
  static let size = 8

  private let slots: [Int]

  init(_ names: [String]) {
    let known = ProtocolKind.allCases.map(\.name)
    var next = known.count
    slots = names.map { name in
      if let slot = known.firstIndex(of: name) { return slot }
      defer { next += 1 }
      return next
    }
  }

  /// Of the protocol at this place of the run's list.
  func slot(_ index: Int) -> Int { slots[index] }
}
