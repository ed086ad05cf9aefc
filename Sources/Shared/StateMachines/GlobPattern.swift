/// Patterns as Redis has them: `*` for any bytes, `?` for one, `[a-z]` and `[^abc]` for one of
/// some, and `\\` before a byte that means itself.
public enum GlobPattern {
  /// Whether the pattern describes the whole text. Takes no more steps than the product of both
  /// lengths: only the last `*` is ever tried anew.
  public static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
    var place = 0
    var position = 0
    /// Behind the last star, and where the text that it stands for ends so far.
    var star: (place: Int, position: Int)?
    while true {
      if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
        place += 1
        star = (place, position)
      } else if place == pattern.count, position == text.count {
        return true
      } else if place < pattern.count, position < text.count,
        let next = step(pattern, place, text[position])
      {
        place = next
        position += 1
      } else if let last = star, last.position < text.count {
        star = (last.place, last.position + 1)
        place = last.place
        position = last.position + 1
      } else {
        return false
      }
    }
  }

  /// - Returns: the place behind the part of the pattern that stands for this byte; `nil` if it is
  ///   another one.
  private static func step(_ pattern: [UInt8], _ place: Int, _ byte: UInt8) -> Int? {
    switch pattern[place] {
    case UInt8(ascii: "?"): return place + 1
    case UInt8(ascii: "["): return stepClass(pattern, place + 1, byte)
    case UInt8(ascii: "\\") where place + 1 < pattern.count:
      return pattern[place + 1] == byte ? place + 2 : nil
    default: return pattern[place] == byte ? place + 1 : nil
    }
  }

  /// - Parameter start: behind the opening bracket. One that is not closed ends with the pattern.
  private static func stepClass(_ pattern: [UInt8], _ start: Int, _ byte: UInt8) -> Int? {
    var place = start
    let isNegated = place < pattern.count && pattern[place] == UInt8(ascii: "^")
    if isNegated { place += 1 }
    var isFound = false
    while place < pattern.count, pattern[place] != UInt8(ascii: "]") {
      if pattern[place] == UInt8(ascii: "\\"), place + 1 < pattern.count {
        if pattern[place + 1] == byte { isFound = true }
        place += 2
      } else if place + 2 < pattern.count, pattern[place + 1] == UInt8(ascii: "-") {
        let ends = [pattern[place], pattern[place + 2]]
        if (ends.min()!...ends.max()!).contains(byte) { isFound = true }
        place += 3
      } else {
        if pattern[place] == byte { isFound = true }
        place += 1
      }
    }
    return isFound != isNegated ? min(place + 1, pattern.count) : nil
  }
}
