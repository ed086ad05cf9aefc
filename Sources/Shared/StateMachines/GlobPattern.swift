/// Redis' patterns: `*` for any bytes, `?` for one byte, `[a-z]` and `[^abc]` for one byte of a
/// class, and `\\` before a byte that stands for itself.
public enum GlobPattern {
  /// Whether the pattern matches the whole text. Takes at most as many steps as the product of both
  /// lengths, because only the last `*` is ever retried.
  public static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
    var place = 0
    var position = 0
    /// The pattern position after the last star, and the end so far of the text that the star
    /// matches.
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

  /// - Returns: the position after the part of the pattern that matches this byte; `nil` if it does
  ///   not match.
  private static func step(_ pattern: [UInt8], _ place: Int, _ byte: UInt8) -> Int? {
    switch pattern[place] {
    case UInt8(ascii: "?"): return place + 1
    case UInt8(ascii: "["): return stepClass(pattern, place + 1, byte)
    case UInt8(ascii: "\\") where place + 1 < pattern.count:
      return pattern[place + 1] == byte ? place + 2 : nil
    default: return pattern[place] == byte ? place + 1 : nil
    }
  }

  /// - Parameter start: the position after the opening bracket. A class without a closing bracket
  ///   ends with the pattern.
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
