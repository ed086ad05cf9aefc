import Primitives
import Replication

/// A word of up to sixteen bytes, regardless of case, as two numbers. `nil` for longer words.
public struct RespWord: FlatKey {
  public let high: UInt64
  public let low: UInt64

  public init?(_ bytes: [UInt8], in range: Range<Int>) {
    guard range.count <= 16 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for position in range {
      var byte = bytes[position]
      if byte >= UInt8(ascii: "a"), byte <= UInt8(ascii: "z") { byte &= 0xDF }
      high = high << 8 | low >> 56
      low = low << 8 | UInt64(byte)
    }
    self.high = high
    self.low = low
  }

  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    self.init(bytes, in: 0..<bytes.count)
  }

  public func flatHash(_ secret: FlatHashSecret) -> UInt64 { secret.mix(low ^ secret.mix(high)) }
}

/// The supported commands; the raw value is the name in error texts.
public enum RespCommandName: String, CaseIterable, Sendable {
  case append, auth, client, command, config, dbsize, decr, decrby, del, discard, echo, exec, exists
  case expiretime, flushall, flushdb, get, getdel, getrange, getset, hello, incr, incrby
  case incrbyfloat, info, keys, mget, mset, msetnx, multi, persist, pexpiretime, ping, pttl, quit
  case reset, role, scan, select, set, setnx, strlen, substr, time, touch, ttl, type, unlink
  case unwatch, wait, watch

  /// The allowed number of arguments, including the name.
  public var arity: ClosedRange<Int> {
    switch self {
    case .command, .flushall, .flushdb, .hello, .info, .ping, .quit: 1...(.max)
    case .auth, .client, .config, .del, .exists, .mget, .scan, .touch, .unlink, .watch: 2...(.max)
    case .mset, .msetnx, .set: 3...(.max)
    case .dbsize, .discard, .exec, .multi, .reset, .role, .time, .unwatch: 1...1
    case .decr, .echo, .expiretime, .get, .getdel, .incr, .keys, .persist, .pexpiretime, .pttl,
      .select, .strlen, .ttl, .type:
      2...2
    case .append, .decrby, .getset, .incrby, .incrbyfloat, .setnx, .wait: 3...3
    case .getrange, .substr: 4...4
    }
  }

  /// Whether a Redis that is out of memory refuses it: those that `COMMAND` gives the flag
  /// `denyoom`.
  public var needsMemory: Bool { Self.needingMemory[self] != nil }

  /// Whether it waits for the end of a transaction.
  public var isQueued: Bool {
    ![.exec, .discard, .multi, .watch, .quit, .reset].contains(self)
  }

  private static let needingMemory = RespCommandFacts.all.filter {
    $0.value.flags.contains("denyoom")
  }

  /// For `COMMAND` only, because looking them up takes longer than most commands.
  public var facts: RespCommandFacts { RespCommandFacts.all[self]! }

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
