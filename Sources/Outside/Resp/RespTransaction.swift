import StateMachines

/// Commands between `MULTI` and `EXEC`, and the values that were watched before.
///
/// Deviation: Redis remembers whether a watched key was touched, this compares values. A value that
/// was changed and changed back is the same value.
public struct RespTransaction: Sendable {
  public private(set) var isOpen = false
  public private(set) var commands: [RespArguments] = []
  /// How many commands of the store they are, and how many bytes they take here.
  public private(set) var storeCommandCount = 0
  private var byteCount = 0
  public private(set) var watched: [(key: Key, value: [UInt8]?)] = []
  public private(set) var watchedByteCount = 0
  /// A command was refused, so the end refuses all.
  public var isSpoilt = false
  /// It is not known what the watched keys had, so they count as changed.
  public var watchHasFailed = false

  public init() {}

  /// What a command takes beside its bytes.
  private static var overhead: Int { 64 }

  public mutating func open() { isOpen = true }

  /// Ends the transaction and forgets what was watched.
  public mutating func close() { self = RespTransaction() }

  /// - Returns: false if it is too long with this one.
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
    // Nothing is kept of what comes to nothing.
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
