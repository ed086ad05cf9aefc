import StateMachines

/// The arguments of one command, in the buffer in which they arrived.
public struct RespArguments: Sendable {
  public let bytes: [UInt8]
  /// The start of the command in `bytes`.
  public let start: Int
  public let slices: [RespParser.Argument]

  public init(bytes: [UInt8], start: Int, slices: [RespParser.Argument]) {
    self.bytes = bytes
    self.start = start
    self.slices = slices
  }

  /// The number of arguments, including the command's name.
  public var count: Int { slices.count }

  public func range(_ position: Int) -> Range<Int> {
    let slice = slices[position]
    let first = start + Int(slice.start)
    return first..<first + Int(slice.count)
  }

  /// The integer that an argument spells; `nil` if it is not an integer.
  public func integer(_ position: Int) -> Int64? {
    DecimalInteger.parse(bytes, in: range(position))
  }

  public func key(_ position: Int) -> Key { Key(bytes, in: range(position)) }
  public func value(_ position: Int) -> [UInt8] { Array(bytes[range(position)]) }

  /// An argument as errors repeat it: up to the first zero byte, as in Redis.
  public func quoted(_ position: Int) -> ArraySlice<UInt8> {
    bytes[range(position)].prefix { $0 != 0 }
  }

  /// An argument as text; invalid UTF-8 in it is replaced.
  public func text(_ position: Int) -> String {
    String(decoding: bytes[range(position)], as: UTF8.self)
  }

  /// An argument in capitals; empty if it is longer than any known word.
  public func word(_ position: Int) -> String {
    let range = range(position)
    return range.count <= 16 ? String(decoding: bytes[range], as: UTF8.self).uppercased() : ""
  }

  /// A cursor of `SCAN`, read as Redis reads it, by `strtoul`: a sign may precede the digits, a
  /// negative number counts down from 2 to the power of 64, a byte of 0 ends the text, and the
  /// empty text is 0.
  func cursor(_ position: Int) -> UInt64? {
    let text = bytes[range(position)].prefix { $0 != 0 }
    guard let first = text.first else { return 0 }
    let isSigned = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
    let digits = isSigned ? text.dropFirst() : text
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = UInt64(String(decoding: digits, as: UTF8.self))
    else { return nil }
    return first == UInt8(ascii: "-") ? 0 &- number : number
  }
}
