import Primitives
import Replication

/// A word of up to eight bytes without its case, as one number. Longer words have none.
public struct RespWord: FlatKey {
  public let bits: UInt64

  public init?(_ bytes: [UInt8], in range: Range<Int>) {
    guard range.count <= 8 else { return nil }
    var bits: UInt64 = 0
    for position in range {
      var byte = bytes[position]
      if byte >= UInt8(ascii: "a"), byte <= UInt8(ascii: "z") { byte &= 0xDF }
      bits = bits << 8 | UInt64(byte)
    }
    self.bits = bits
  }

  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    self.init(bytes, in: 0..<bytes.count)
  }

  public func flatHash(_ secret: FlatHashSecret) -> UInt64 { secret.mix(bits) }
}

/// The commands that are understood; the raw value is the name in error texts.
public enum RespCommandName: String, CaseIterable, Sendable {
  case append, auth, client, command, config, decr, decrby, del, echo, exists, get, getdel, getset
  case hello, incr, incrby, info, mget, mset, ping, quit, select, set, setnx, strlen

  /// How many arguments there may be, the name among them.
  public var arity: ClosedRange<Int> {
    switch self {
    case .quit, .command, .hello: 1...(.max)
    case .ping: 1...2
    case .auth: 2...(.max)
    case .info: 1...(.max)
    case .decr, .echo, .get, .getdel, .incr, .select, .strlen: 2...2
    case .append, .decrby, .getset, .incrby, .setnx: 3...3
    case .client, .config, .del, .exists, .mget: 2...(.max)
    case .mset, .set: 3...(.max)
    }
  }

  static let byWord: FlatTable<RespWord, RespCommandName> = {
    var table = FlatTable<RespWord, RespCommandName>()
    for name in allCases { if let word = RespWord(name.rawValue) { table.set(word, to: name) } }
    return table
  }()

  /// The command with this name in any case, or `nil` if there is none.
  public static func named(_ bytes: [UInt8], in range: Range<Int>) -> RespCommandName? {
    guard let word = RespWord(bytes, in: range) else { return nil }
    return byWord[word]
  }
}
