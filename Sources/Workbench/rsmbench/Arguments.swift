import Configuration

/// A mistake in the user's command, in one sentence. Ends the program with exit code 2.
struct UsageError: Error {
  var message: String

  init(_ message: String) { self.message = message }
}

/// A flag of a command: `--seed N`, or `--quiet` without a value.
struct Flag {
  var name: String
  /// The placeholder for the value in the help; `nil` for a flag without a value.
  var value: String?
  var meaning: String
  var mayRepeat = false
}

/// The words after a command's name, sorted into flags and positional arguments.
struct Arguments {
  private var values: [String: [String]] = [:]
  private(set) var positional: [String] = []

  /// - Throws: for an unknown flag, a flag without its value, or one given twice.
  init(_ words: [String], flags: [Flag], command: String) throws(UsageError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        positional += rest
        return
      }
      guard word.hasPrefix("-"), word != "-" else {
        positional.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard let flag = flags.first(where: { $0.name == name }) else {
        throw UsageError(
          "unknown flag \(name)" + suggestion(for: name, among: flags.map(\.name))
            + "; see 'rsmbench \(command) --help'")
      }
      let value: String
      if flag.value == nil {
        guard parts.count == 1 else { throw UsageError("\(name) takes no value") }
        value = ""
      } else if parts.count == 2 {
        value = String(parts[1])
      } else if let next = rest.popFirst() {
        value = next
      } else {
        throw UsageError("\(name) needs a value: \(name) \(flag.value!)")
      }
      guard flag.mayRepeat || values[name] == nil else {
        throw UsageError("\(name) is given twice")
      }
      values[name, default: []].append(value)
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  func all(_ name: String) -> [String] { values[name] ?? [] }
  subscript(name: String) -> String? { values[name]?.last }

  /// The value of a flag as a whole number in a range.
  func integer<Number: FixedWidthInteger>(
    _ name: String, in range: ClosedRange<Number>
  ) throws(UsageError) -> Number? {
    try integers(name, in: range).last
  }

  /// The values of a flag that may be repeated, as whole numbers in a range.
  func integers<Number: FixedWidthInteger>(
    _ name: String, in range: ClosedRange<Number>
  ) throws(UsageError) -> [Number] {
    var numbers: [Number] = []
    for text in all(name) {
      guard let number = Number(text), range.contains(number) else {
        throw UsageError(
          "\(name): found \"\(text)\", allowed a whole number from \(range.lowerBound) to "
            + "\(range.upperBound)")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// The value of a flag as a number of bytes with its unit, above zero.
  func byteCount(_ name: String) throws(UsageError) -> Int? {
    guard let text = self[name] else { return nil }
    guard case .exact(let count) = Quantity(text)?.count(in: Unit.sizes), count > 0, count < .max
    else {
      let units = Unit.sizes.map(\.name).joined(separator: ", ")
      throw UsageError(
        "\(name): found \"\(text)\", allowed a size above zero with its unit, such as 2GiB "
          + "(units: \(units))")
    }
    return Int(count)
  }

  func directory(_ name: String) throws(UsageError) -> String? {
    guard self[name] != "" else { throw UsageError("\(name): found \"\", allowed a directory") }
    return self[name]
  }

  /// The value of a flag as one of several words.
  func choice(_ name: String, of allowed: [String]) throws(UsageError) -> String? {
    guard let text = self[name] else { return nil }
    guard allowed.contains(text) else {
      throw UsageError(
        "\(name): found \"\(text)\", allowed \(allowed.joined(separator: ", "))"
          + suggestion(for: text, among: allowed))
    }
    return text
  }

  /// The same, for words that are the cases of an enumeration.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, of type: Choice.Type
  ) throws(UsageError) -> Choice? where Choice.RawValue == String {
    try choice(name, of: type.allCases.map(\.rawValue)).flatMap { Choice(rawValue: $0) }
  }
}

/// `; did you mean X?` for the nearest of the candidates, if one is near.
func suggestion(for word: String, among candidates: [String]) -> String {
  nearest(to: word, among: candidates).map { "; did you mean \($0)?" } ?? ""
}
