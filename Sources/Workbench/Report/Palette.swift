import ProtocolList

/// The colour, dash and sign of each protocol: on every page they follow its position in the list
/// of protocols. Other systems get the positions after the protocols.
struct Palette {
  /// The number of colours (Okabe & Ito 2008; colour-blind readers can tell them apart); dashes and
  /// signs differ as well.
  static let size = 8

  private let names: [String]
  private let slots: [Int]

  init(_ names: [String]) {
    self.names = names
    let known = ProtocolKind.allCases.map(\.name)
    var next = known.count
    slots = names.map { name in
      if let slot = known.firstIndex(of: name) { return slot }
      defer { next += 1 }
      return next
    }
  }

  /// The slot of a protocol; names that the list does not have share the first.
  func slot(of name: String) -> Int { names.firstIndex(of: name).map(slot) ?? 0 }

  /// The slot of the protocol at this index of the run's list.
  func slot(_ index: Int) -> Int { slots[index] }
}
