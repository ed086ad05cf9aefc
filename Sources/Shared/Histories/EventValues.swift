/// The keys, values and processes of a recorded history, each stored once, and the digests of
/// values.
struct EventValues {
  private(set) var all: [Edn] = []
  private var numbers: [Edn: Int32] = [:]

  mutating func number(of value: Edn) -> Int32 {
    if let number = numbers[value] { return number }
    let number = Int32(all.count)
    all.append(value)
    numbers[value] = number
    return number
  }

  subscript(number: Int32) -> Edn { all[Int(number)] }

  /// Numbers for processes or keys: their own if all are small whole numbers, otherwise numbers in
  /// the order of first occurrence.
  func identities(_ numbers: some Sequence<Int32>) -> [Int32: UInt32] {
    var identities: [Int32: UInt32] = [:]
    var own: [Int32: UInt32] = [:]
    for number in numbers where identities[number] == nil {
      identities[number] = UInt32(identities.count)
      if case .integer(let n) = self[number], let n = UInt32(exactly: n) { own[number] = n }
    }
    return own.count == identities.count ? own : identities
  }

  /// - Parameter isEmptyAbsent: whether the empty string stands for no value.
  /// - Returns: nil for EDN that cannot be a value.
  func digest(_ number: Int32, isEmptyAbsent: Bool) -> ValueDigest? {
    switch self[number] {
    case .null: .absent
    case .integer(let n): ValueDigest(hash: UInt64(bitPattern: n), length: 8)
    case .string(let text):
      text.isEmpty
        ? (isEmptyAbsent ? .absent : .empty)
        : ValueDigest(written: text) ?? ValueDigest(Array(text.utf8))
    case .keyword, .boolean, .large, .double, .character, .symbol:
      ValueDigest(Array("\(self[number])".utf8))
    case .sequence, .set, .map, .tagged: nil
    }
  }

  /// The text of a string that is not a written digest; nil for all other values.
  func plainText(_ number: Int32) -> String? {
    guard case .string(let text) = self[number], ValueDigest(written: text) == nil else {
      return nil
    }
    return text
  }
}
