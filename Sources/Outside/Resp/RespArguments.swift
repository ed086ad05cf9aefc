import StateMachines

/// The arguments of one command, in the buffer they arrived in.
public struct RespArguments: Sendable {
  public let bytes: [UInt8]
  /// Where the command begins in `bytes`.
  public let start: Int
  public let slices: [RespParser.Argument]

  public init(bytes: [UInt8], start: Int, slices: [RespParser.Argument]) {
    self.bytes = bytes
    self.start = start
    self.slices = slices
  }

  /// How many there are, the command's name among them.
  public var count: Int { slices.count }

  public func range(_ position: Int) -> Range<Int> {
    let slice = slices[position]
    let first = start + Int(slice.start)
    return first..<first + Int(slice.count)
  }

  /// The number that an argument spells, if it spells one.
  public func integer(_ position: Int) -> Int64? {
    DecimalInteger.parse(bytes, in: range(position))
  }

  public func key(_ position: Int) -> Key { Key(bytes, in: range(position)) }
  public func value(_ position: Int) -> [UInt8] { Array(bytes[range(position)]) }

  /// As errors repeat it: up to the first zero byte, as Redis does.
  public func quoted(_ position: Int) -> ArraySlice<UInt8> {
    bytes[range(position)].prefix { $0 != 0 }
  }

  /// What is no UTF-8 in it is replaced.
  public func text(_ position: Int) -> String {
    String(decoding: bytes[range(position)], as: UTF8.self)
  }

  /// In capitals. Empty for words longer than those that mean something.
  public func word(_ position: Int) -> String {
    let range = range(position)
    return range.count <= 16 ? String(decoding: bytes[range], as: UTF8.self).uppercased() : ""
  }
}
