import Replication

/// Holds sends back until the records they may promise are durable.
///
/// Records are counted from the start of the log. A send that was emitted when `n` records had been
/// appended waits until `n` records are durable, whether or not its own turn appended any: the
/// barrier holds across turns while a sync is in flight.
public struct DurabilityBarrier<Send: Sendable>: Sendable {
  /// Waiting sends, oldest first, and the number of durable records that each needs; those before
  /// `first` have left and are `nil`, so that a send is moved out and not copied. Two arrays,
  /// because copying generic tuples goes through witness calls and is slow.
  public var held: [Send?] = []
  public var needs: [Int] = []
  public var first = 0
  /// Records appended so far.
  public var appendedCount: Int
  /// Records known to be durable.
  public var durableCount: Int

  /// - Parameter recovered: the number of records read back at the start; they are durable.
  public init(recovered: Int = 0) {
    appendedCount = recovered
    durableCount = recovered
  }

  public var isOpen: Bool { appendedCount == durableCount }
  public var heldCount: Int { held.count - first }

  public mutating func append(_ recordCount: Int) { appendedCount += recordCount }

  /// Holds a send until all records appended so far are durable. Only for a barrier that is not
  /// open.
  public mutating func hold(_ send: consuming Send) {
    held.append(send)
    needs.append(appendedCount)
  }

  /// Notes that a sync has ended that covered the first `count` records.
  public mutating func synced(_ count: Int) {
    precondition(count <= appendedCount && count >= durableCount)
    durableCount = count
  }

  /// Whether a held send may leave.
  public var hasReleased: Bool { first < held.count && needs[first] <= durableCount }

  /// Removes and returns the oldest held send, whose records are durable (`hasReleased`). The
  /// result is not optional, because taking a send out of an optional result would copy it.
  public mutating func takeReleased() -> Send {
    first += 1
    return held[first - 1].take()!
  }

  /// Called when no held send may leave any more: frees the memory of those that have left. On a
  /// busy disk there may always be some that wait, so the memory is freed when those that have left
  /// are the larger part.
  public mutating func dropTaken() {
    guard first > 0, first == held.count || first >= 64 && first * 2 >= held.count else { return }
    held.removeSubrange(..<first)
    needs.removeSubrange(..<first)
    first = 0
  }
}
