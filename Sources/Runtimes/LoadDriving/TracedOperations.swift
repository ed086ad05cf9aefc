import Replication
import Trials

/// The traced operations of a load in real time: when each was due, sent and answered.
public struct TracedOperations: Sendable {
  public struct Operation: Sendable, Equatable {
    public var isRead: Bool
    /// By the trial's clock, as is `answered`.
    public var due: Instant
    public var answered: Instant
    /// When it was sent, for each attempt, by the monotonic clock.
    public var attempts: [Instant]

    public init(isRead: Bool, due: Instant, answered: Instant, attempts: [Instant]) {
      self.isRead = isRead
      self.due = due
      self.answered = answered
      self.attempts = attempts
    }
  }

  /// One in this many operations is traced; 0 for none.
  public var every: UInt64 = 0
  /// The attempts of operations without an answer yet, one operation per client.
  public var open: [ClientID: (sequence: UInt64, attempts: [Instant])] = [:]
  /// Answered operations, in the order of their answers.
  public var finished: [(id: RequestID, operation: Operation)] = []

  @inlinable
  public init() {}

  @inlinable public var isOn: Bool { every > 0 }

  @inlinable
  public mutating func noteAttempt(_ id: RequestID, at time: Instant) {
    guard id.isTraced(oneIn: every) else { return }
    if open[id.client]?.sequence != id.sequence { open[id.client] = (id.sequence, []) }
    open[id.client]?.attempts.append(time)
  }

  /// - Parameter due: by the trial's clock, as is `time`.
  @inlinable
  public mutating func noteAnswer(_ id: RequestID, isRead: Bool, due: Instant, at time: Instant) {
    guard let operation = open[id.client], operation.sequence == id.sequence else { return }
    open[id.client] = nil
    finished.append(
      (id, Operation(isRead: isRead, due: due, answered: time, attempts: operation.attempts)))
  }
}
