import ProtocolList

/// The colour, dash and sign of each protocol: on every page they follow its position in the list
/// of protocols. Other systems get the positions after the protocols.
struct Palette {
  /// The number of colours (Okabe & Ito 2008; colour-blind readers can tell them apart); dashes and
  /// signs differ as well.
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

  /// The slot of the protocol at this index of the run's list.
  func slot(_ index: Int) -> Int { slots[index] }
}
