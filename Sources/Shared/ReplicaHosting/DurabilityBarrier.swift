import Replication

/// Holds messages back until the records they may promise are durable.
///
/// Records are counted from the start of the log. A message that was sent when `n` records had been
/// appended waits until `n` records are durable, whether or not its own turn appended any: the
/// barrier holds across turns while a sync is in flight.
public struct DurabilityBarrier<Message: Sendable>: Sendable {
  /// The replica that a message is for, and the number of durable records that it needs.
  public struct Ticket: Sendable {
    public let receiver: ReplicaID
    public let need: Int
  }

  /// Waiting messages, oldest first; those before `first` have left and are `nil`, so that a
  /// message is moved out and not copied.
  private var messages: [Message?] = []
  /// What is known of each of them. Another array, because taking a message out of a pair would
  /// copy it.
  public private(set) var tickets: [Ticket] = []
  public private(set) var first = 0
  /// Records appended so far.
  public private(set) var appendedCount: Int
  /// Records known to be durable.
  public private(set) var durableCount: Int

  /// - Parameter recovered: the number of records read back at the start; they are durable.
  public init(recovered: Int = 0) {
    appendedCount = recovered
    durableCount = recovered
  }

  public var isOpen: Bool { appendedCount == durableCount }
  public var heldCount: Int { tickets.count - first }

  public mutating func append(_ recordCount: Int) { appendedCount += recordCount }

  /// Holds a message until all records appended so far are durable. Only for a barrier that is not
  /// open.
  @inline(__always)
  public mutating func hold(_ message: consuming Message, to receiver: ReplicaID) {
    messages.append(message)
    tickets.append(Ticket(receiver: receiver, need: appendedCount))
  }

  /// Notes that a sync has ended that covered the first `count` records.
  public mutating func synced(_ count: Int) {
    precondition(count <= appendedCount && count >= durableCount)
    durableCount = count
  }

  /// Whether a held message may leave.
  public var hasReleased: Bool { first < tickets.count && tickets[first].need <= durableCount }

  /// The addressee of the oldest held message, if that may leave.
  @inline(__always)
  public var releasedReceiver: ReplicaID? { hasReleased ? tickets[first].receiver : nil }

  /// Removes and returns the oldest held message, which may leave (`hasReleased`).
  @inline(__always)
  public mutating func takeReleased() -> Message {
    first += 1
    return messages[first - 1].take()!
  }

  /// Called when no held message may leave any more: frees the memory of those that have left. On a
  /// busy disk there may always be some that wait, so the memory is freed when those that have left
  /// are the larger part.
  public mutating func dropTaken() {
    guard first > 0, first == tickets.count || first >= 64 && first * 2 >= tickets.count
    else { return }
    messages.removeSubrange(..<first)
    tickets.removeSubrange(..<first)
    first = 0
  }
}
