/// Small pieces of sentences.
enum Phrase {
  /// `a`, `a and b`, `a, b and c`.
  static func list(_ items: [HTML], _ word: String = "and") -> HTML {
    guard items.count > 1 else { return items.first ?? "" }
    return "\(items.dropLast().joined(", ")) \(word) \(items[items.count - 1])"
  }

  static func list(_ items: [String]) -> HTML { list(items.map { "\($0)" as HTML }) }

  static func bold(_ items: [String], _ word: String = "and") -> HTML {
    list(items.map { "<strong>\($0)</strong>" as HTML }, word)
  }

  /// A title inside a sentence: its first letter becomes lower case.
  static func inSentence(_ title: String) -> String {
    title.prefix(1).lowercased() + title.dropFirst()
  }

  /// Said where a test shows no difference, and where there are too few trials for a test.
  static let noDifference = "no difference that these trials can tell"
  static let tooFew = "too few trials to tell"

  static func capitalized(_ phrase: String) -> String {
    phrase.prefix(1).uppercased() + phrase.dropFirst()
  }

  /// The words without repetitions, in order of first appearance.
  static func ordered(_ words: [String]) -> [String] {
    var result: [String] = []
    for word in words where !result.contains(word) { result.append(word) }
    return result
  }
}

extension HTML {
  static func + (left: HTML, right: HTML) -> HTML {
    var sum = left
    sum += right
    return sum
  }
}
