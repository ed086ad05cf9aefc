import StateMachines

/// Commands between `MULTI` and `EXEC`, and the values that were watched before.
///
/// Deviation: Redis remembers whether a watched key was touched, but this compares values. A value
/// that was changed and changed back counts as unchanged.
public struct RespTransaction: Sendable {
  public private(set) var isOpen = false
  public private(set) var commands: [RespArguments] = []
  /// Number of the store's commands in it, and number of bytes it takes here.
  public private(set) var storeCommandCount = 0
  private var byteCount = 0
  public private(set) var watched: [(key: Key, value: [UInt8]?)] = []
  public private(set) var watchedByteCount = 0
  /// Whether a command was refused, so that `EXEC` refuses all.
  public var isSpoilt = false
  /// Whether the values of the watched keys are unknown, so that they count as changed.
  public var watchHasFailed = false

  public init() {}

  /// Bytes that a command takes in addition to its own.
  private static var overhead: Int { 64 }

  public mutating func open() { isOpen = true }

  /// Ends the transaction and forgets the watched values.
  public mutating func close() { self = RespTransaction() }

  /// - Returns: false if the transaction is too long with this command.
  mutating func keep(
    _ arguments: RespArguments, storeCommands: Int, byteCount limit: Int, count: Int
  ) -> Bool {
    let last = arguments.range(arguments.count - 1).upperBound
    let kept = RespArguments(
      bytes: Array(arguments.bytes[arguments.start..<last]), start: 0, slices: arguments.slices)
    byteCount += kept.bytes.count + RespTransaction.overhead
    storeCommandCount += storeCommands
    guard byteCount <= limit, storeCommandCount <= count, commands.count < count else {
      return false
    }
    // A transaction that will be refused need not keep its commands.
    if !isSpoilt { commands.append(kept) }
    return true
  }

  mutating func watch(_ key: Key, _ value: [UInt8]?) {
    guard !watched.contains(where: { $0.key == key }) else { return }
    watched.append((key, value))
    watchedByteCount += value?.count ?? 0
  }

  mutating func unwatch() {
    watched = []
    watchedByteCount = 0
    watchHasFailed = false
  }
}
